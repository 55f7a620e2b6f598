"""Others: benchmarks that are known by what they print, and have no number that a model takes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nworkers.models.base.errors import InputError
from nworkers.models.tables.components.found import FoundTable
from nworkers.models.tables.formats.posted import Lines

_RDMA = "MPI's or TCP's numbers: mpirun -np 2 osu_latency and osu_bw, or iperf3 -c HOST --json"
_REDUCE = "an all-reduce: ./build/all_reduce_perf -b 8 -e 1G -f 2 -g 8, or osu_allreduce"
#: What a line looks like, the tool that prints it, and what would give the numbers.
_KNOWN = (
    (r"#bytes\s+#iterations\s+(?:BW |t_min)", "perftest (ib_write_bw and its siblings)", _RDMA),
    (r"\|\s*(?:overhead|latency) \(usec\)\s*\|.*bandwidth \(MB/s\)", "ucx_perftest", _RDMA),
    (r"\bsize\(B\)\s+count\(elems\)\s+type\s+time", "nccom-test of AWS Neuron", _REDUCE),
    (r"size \(bytes\),iterations?,", "MPIBenchmarks.jl", _REDUCE),
    (r"\bsize \(bytes\),iteratons,", "MPIBenchmarks.jl", _REDUCE),
    (r"Recv\s+Send\s+Send|MIGRATED TCP STREAM|TCP_RR", "netperf", "iperf3 -c HOST -t 30 --json"),
    (r"^\d{14},[\d.]+,\d+,[\d.]+,\d+,\d+,", "iperf 2 as CSV (-y C)", "iperf3 -c HOST -t 30 --json"),
    (r"^\s*bytes\s+bytes\s+bytes\s+secs\.", "netperf", "iperf3 -c HOST -t 30 --json"),
)
MARK = re.compile("|".join(f"(?:{pattern})" for pattern, _, _ in _KNOWN), re.MULTILINE)


def find(lines: Lines, source: str, workers: int | None = None) -> Iterator[FoundTable]:
    """The first table of each tool that is known and of no use."""
    seen = set[str]()
    for line in lines:
        if not MARK.search(line.text):
            continue
        for pattern, tool, wanted in _KNOWN:
            if tool not in seen and re.search(pattern, line.text):
                seen.add(tool)
                refused = InputError(f"{source}: line {line.number}", f"a table of {tool}", wanted)
                yield FoundTable(tool, tool, (line.number, line.number), refused=refused)

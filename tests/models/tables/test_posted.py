"""Outputs as people post them: the right numbers, the right name, or a refusal that helps."""

from __future__ import annotations

import re

import pytest

from nworkers.models.base.errors import InputError
from nworkers.models.files.input_file import read_text
from nworkers.models.tables.components.rows import MeasuredTable, Row
from nworkers.models.tables.detect import KNOWN, kind_of, read_table
from nworkers.models.tables.formats.posted import Header, lines_of, streams
from tests.support.tables import POSTED, SAMPLES

FILES = sorted(path.name for path in POSTED.iterdir() if path.suffix != ".md")


def text_of(name: str) -> str:
    return read_text(POSTED / name, KNOWN)


def table(name: str, workers: int | None = None, series: str | None = None) -> MeasuredTable:
    return read_table(text_of(name), name, workers=workers, series=series)


def refusal(text: str, workers: int | None = None) -> str:
    with pytest.raises(InputError) as caught:
        read_table(text, "it", workers=workers)
    assert "\n" not in str(caught.value)
    return str(caught.value)


#: File, rows, group, hosts, and one size with its milliseconds, as the file prints it.
ALL_REDUCES = [
    ("nccl_tagged.txt", 9, 2, 1, 67108864, 30.54203),
    ("nccl_prompt.txt", 9, 8, 1, 67108864, 51.9214),
    ("nccl_two_runs.txt", 9, 2, 1, 67108864, 87.3244),
    ("nccl_error_column.txt", 9, 8, 1, 1048576, 0.8749),
    # 2 · 7 · (20 µs + 64 MiB / (8 · 1 GB/s)) = 117.721 ms, which version 1 prints as milliseconds.
    ("nccl_version_1.txt", 5, 8, 1, 67108864, 117.721),
    ("nccl_efa_info.txt", 5, 2, 2, 67108864, 33.6144),
    ("rccl.txt", 5, 8, 1, 1048576, 0.21388),
    ("nccl_torn_rows.txt", 3, 16, 2, 1048576, 0.5483),
    # Sums alone: max and min take 1.1 and 0.9 times as long.
    ("nccl_several_operations.txt", 5, 4, 1, 1048576, 0.21729),
    ("nccl_pod_times.txt", 5, 16, 2, 67108864, 42.693),
    ("nccl_srun_colours.txt", 5, 8, 2, 67108864, 14.8201),
    ("nccl_unlisted_ranks.txt", 5, 256, 0, 67108864, 7.7047),
    ("nccl_after_make.txt", 5, 2, 1, 67108864, 1.35818),
    ("nccl_utf16.txt", 5, 4, 1, 67108864, 10.1263),
    ("osu_allreduce_mixed.txt", 6, 4, 0, 4194304, 1.58486),
]


@pytest.mark.parametrize(("name", "count", "group", "hosts", "size", "ms"), ALL_REDUCES)
def test_all_reduces(name: str, count: int, group: int, hosts: int, size: int, ms: float) -> None:
    rows = table(name).rows
    assert len(rows) == count
    assert {row.workers for row in rows} == {group}
    assert {row.hosts for row in rows} == {hosts}
    (row,) = (row for row in rows if row.size_bytes == size)
    assert row.quantity == "allreduce"
    assert row.seconds == pytest.approx(ms * 1e-3, rel=1e-4)
    assert kind_of(POSTED / name) == "times"


def test_intel_mpi_benchmarks() -> None:
    """PingPong gives the wire and Allreduce the collective of each group; Bcast is left out."""
    found = table("imb_build_log.txt")
    assert found.format == "Intel MPI Benchmarks"
    (wire,) = (r for r in found.rows if r.quantity == "message" and r.size_bytes == 16384)
    assert wire.seconds == pytest.approx(3.64e-6)  # 2 + 16384 / 10000 µs
    groups = {row.workers for row in found.rows if row.quantity == "allreduce"}
    assert groups == {2, 4, 8}
    (row,) = (r for r in found.rows if (r.workers, r.size_bytes) == (8, 4194304))
    assert row.seconds == pytest.approx(1496.01e-6)  # t_avg of 2 · 7 · (2 µs + 4 MiB / 40 GB/s)
    assert any("Bcast" in note and "left out" in note for note in found.notes)
    quoted = table("imb_quoted.txt").rows
    assert [row.size_bytes for row in quoted] == [0, 4, 64, 1024, 16384, 262144, 4194304]
    assert quoted[4].seconds == pytest.approx(3.64e-6)


@pytest.mark.parametrize(
    ("name", "count", "row"),
    [
        ("osu_bandwidth_ucx.txt", 7, Row("stream", 65536 / (4645.57 * 1e6), 65536)),
        ("osu_latency_twice.txt", 16, Row("message", 9.08e-6, 65536)),
        ("omb_py_latency.txt", 8, Row("message", 10.69e-6, 65536)),
        ("mpi4py_pingpong.txt", 7, Row("message", 65536 / (3564.94 * 1e6), 65536)),
    ],
)
def test_wires_of_mpi(name: str, count: int, row: Row) -> None:
    rows = table(name).rows
    assert len(rows) == count
    found = next(r for r in rows if r.size_bytes == row.size_bytes)
    assert found.quantity == row.quantity
    assert found.seconds == pytest.approx(row.seconds, rel=1e-3)


#: File, flows, Mbit/s of them together, reporting intervals.
FLOWS = [
    ("iperf2_client.txt", 1, 937.0, 0),
    ("iperf2_parallel.txt", 4, 9610.0, 0),
    ("iperf3_parallel.txt", 4, 9360.0, 4),
    ("iperf3_stream.jsonl", 1, 3_522_000_000 * 8 / 3 / 1e6, 3),
]


@pytest.mark.parametrize(("name", "flows", "mbit", "intervals"), FLOWS)
def test_flows(name: str, flows: int, mbit: float, intervals: int) -> None:
    rows = table(name).rows
    (total,) = (row for row in rows if row.quantity == "flows")
    assert total.flows == flows
    assert total.bandwidth_bytes_per_s * 8 / 1e6 == pytest.approx(mbit, rel=1e-6)
    assert sum(row.quantity == "flow" for row in rows) == flows
    assert sum(row.quantity == "second" for row in rows) == intervals


def test_other_versions_of_iperf() -> None:
    """Enhanced reports of iperf 2.1 have more columns; of iperf3 -O some seconds do not count."""
    enhanced = (
        "Client connecting to 192.0.2.1, TCP port 5001 with pid 7 (1 flows)\n"
        "[  1] local 192.0.2.2%eth0 port 5 connected with 192.0.2.1 port 5001 (sock=3)\n"
        "[ ID] Interval        Transfer    Bandwidth       Write/Err  Rtry     Cwnd/RTT(var)\n"
        "[  1] 0.0000-1.0000 sec   112 MBytes   940 Mbits/sec  897/0         0  452K/800(9) us\n"
        "[  1] 1.0000-2.0000 sec   112 MBytes   940 Mbits/sec  897/0         0  452K/800(9) us\n"
        "[  1] 0.0000-2.0100 sec   224 MBytes   935 Mbits/sec  1794/0        0  452K/800(9) us\n"
    )
    total, flow, *seconds = read_table(enhanced, "it").rows
    assert total.bandwidth_bytes_per_s == flow.bandwidth_bytes_per_s == pytest.approx(935e6 / 8)
    assert len(seconds) == 2
    omitted = text_of("iperf3_reverse_quoted.txt").partition("> and back")[0]
    omitted = omitted.replace("1.20 MBytes", "1.20 MBytes       (omitted)", 2)
    rows = read_table(omitted, "it").rows
    assert sum(row.quantity == "second" for row in rows) == 2
    megabytes = enhanced.replace(" 935 Mbits/sec", " 111 MBytes/sec")
    assert read_table(megabytes, "it").rows[0].bandwidth_bytes_per_s == pytest.approx(111 * 2**20)
    wrong = refusal(enhanced.replace(" 935 Mbits/sec", " 635 Mbits/sec"))
    assert "contradicts itself" in wrong


def test_directions() -> None:
    """With -R the server sends; with --bidir both do at once, and each direction has its rate."""
    rows = [row for row in table("iperf3_reverse_quoted.txt").rows if row.quantity == "flows"]
    assert {(row.series, round(row.bandwidth_bytes_per_s * 8 / 1e7)) for row in rows} == {
        ("to-server", 941),
        ("from-server", 628),
    }
    text = table("iperf3_both_ways.txt").rows
    assert [row.quantity for row in text] == ["both_ways", "both_ways"]
    rates = [row.bandwidth_bytes_per_s * 8 / 1e6 for row in text]
    assert rates == pytest.approx([924.0, 868.0])
    rates = [row.bandwidth_bytes_per_s for row in table("iperf3_bidir.json").rows]
    assert rates == pytest.approx([1.145e9, 0.915e9])
    both = [r for r in table("osu_both_directions_gpu.txt").rows if r.quantity != "stream"]
    # Each direction's half of what both passed: 4 MiB in 0.5 µs and 8 GB/s.
    assert both[-1].seconds == pytest.approx(0.5e-6 + 4194304 / 8e9, rel=1e-4)


REFUSED = [
    ("nccl_broadcast.txt", ["broadcast_perf", "root in place of redop", "all_reduce_perf -b 8"]),
    ("nccl_alltoall_blank_redop.txt", ["alltoall_perf", "blank", "all_reduce_perf -b 8"]),
    ("nccl_sendrecv.txt", ["sendrecv_perf", "all_reduce_perf -b 8"]),
    ("nccl_gather_indented.txt", ["all_gather", "redop none", "all_reduce_perf -b 8"]),
    ("nccl_without_mpi.txt", ["one rank", "busbw 0", "make MPI=1"]),
    ("nccl_row_for_each_count.txt", ["groups that differ", "1.75 to 1.94"]),
    ("imb_reduce.txt", ["Reduce of Intel MPI Benchmarks", "IMB-MPI1 PingPong Allreduce"]),
    ("osu_put_latency.txt", ["MPI_Put Latency", "osu_latency"]),
    ("osu_reduce_gpu.txt", ["Reduce Latency", "osu_allreduce"]),
    ("iperf2_both_ways.txt", ["both ways", "--bidir"]),
    ("iperf3_udp.txt", ["UDP", "iperf3 -c HOST"]),
    ("iperf3_no_bytes.json", ["no bytes that arrived in 0.211 ms", "iperf3 -c HOST"]),
    ("iperf3_short.json", ["10 ms", "round trip of 40 ms"]),
    ("perftest.txt", ["perftest", "osu_latency"]),
    ("nccom.txt", ["nccom-test", "all_reduce_perf"]),
]


@pytest.mark.parametrize(("name", "words"), REFUSED)
def test_refused_by_name(name: str, words: list[str]) -> None:
    """A refusal says what it is, and the shortest command that would write what is wanted."""
    message = refusal(text_of(name))
    for word in words:
        assert word in message
    assert kind_of(POSTED / name) == "times"


def test_every_file_is_told_of() -> None:
    known = {name for name, *_ in [*ALL_REDUCES, *FLOWS, *REFUSED]}
    others = {name for name in FILES if name not in known}
    assert others == {
        "imb_build_log.txt", "imb_quoted.txt", "iperf3_bidir.json", "iperf3_both_ways.txt",
        "iperf3_reverse_quoted.txt", "mpi4py_pingpong.txt", "nccl_algorithms.txt",
        "omb_py_latency.txt", "osu_algorithms.txt", "osu_bandwidth_ucx.txt",
        "osu_both_directions_gpu.txt", "osu_latency_twice.txt", "osu_two_providers.txt",
    }  # fmt: skip
    readme = (POSTED / "README.md").read_text()
    for name in FILES:
        assert f"`{name}`" in readme or name in {
            "iperf3_no_bytes.json", "nccl_alltoall_blank_redop.txt", "nccl_broadcast.txt",
            "nccl_error_column.txt", "nccl_prompt.txt", "nccl_tagged.txt", "nccl_two_runs.txt",
            "osu_algorithms.txt",
        }  # fmt: skip


# What is used, what is left out


def test_what_is_left_out_is_said_by_line() -> None:
    notes = table("nccl_two_runs.txt").notes
    assert "lines 8 to 19: all_reduce_perf, left out: one rank, which sends nothing" in notes[0]
    assert notes[1].startswith("lines 30 to 42: all_reduce_perf of 2 ranks on 1 host, 9 sizes")
    assert not any("do not trust" in note for note in table("nccl_error_column.txt").notes)
    torn = table("nccl_torn_rows.txt").notes
    assert any("line 24 and 1 more left out: other output" in note for note in torn)
    # The tables of tests that are left out are named in a file that has one of use.
    mixed = text_of("nccl_broadcast.txt") + text_of("nccl_prompt.txt")
    found = read_table(mixed, "it")
    assert {row.workers for row in found.rows} == {8}
    assert any("broadcast_perf" in note and "left out" in note for note in found.notes)


@pytest.mark.parametrize("name", ["nccl.json", "iperf3.json", "iperf3-four.json"])
def test_json_is_json_whatever_stands_around_it(name: str) -> None:
    """Behind a prompt, before a prompt, with a prefix to each line, and twice in one file."""
    text = (SAMPLES / name).read_text()
    plain = read_table(text, "it").rows
    for around in (
        f"$ tool > it\nWarning: slow {{network}}\n{text}$ \n",
        "".join(f"[1,0]<stdout>:{line}\n" for line in text.splitlines()),
    ):
        assert read_table(around, "it").rows == plain
    twice = read_table(text + text, "it").rows
    assert len(twice) == 2 * len(plain)
    assert {row.round for row in twice} == {0, 1}
    assert "cut off" in refusal(text[: len(text) // 2])


# Settings are not repetitions


def test_algorithms_are_series_and_the_fastest_is_taken() -> None:
    found = table("osu_algorithms.txt", workers=200)
    assert [row.seconds * 1e6 for row in found.rows] == pytest.approx(
        [663.16, 926.32, 1452.63, 2505.26, 4610.53, 8821.05]
    )
    assert {row.round for row in found.rows} == {0}
    assert {row.series for row in found.rows} == {"4: segmented ring"}
    assert any("5 series" in note and "recursive doubling" in note for note in found.notes)
    asked = table("osu_algorithms.txt", workers=200, series="3: ring")
    assert asked.rows[0].seconds == pytest.approx(775.24e-6)
    with pytest.raises(InputError, match=r"binomial.*segmented ring"):
        table("osu_algorithms.txt", workers=200, series="binomial")


def test_only_equal_settings_are_rounds() -> None:
    """NCCL_ALGO=Ring ran twice and Tree once: Tree is faster where tensors are small."""
    ring = table("nccl_algorithms.txt", series="NCCL_ALGO=Ring out-of-place").rows
    assert sorted({row.round for row in ring}) == [0, 1]
    assert len(ring) == 10
    fastest = {row.size_bytes: row.series.split()[0] for row in table("nccl_algorithms.txt").rows}
    assert fastest[4096] == "NCCL_ALGO=Tree"
    assert fastest[67108864] == "NCCL_ALGO=Ring"
    assert {row.round for row in table("osu_latency_twice.txt").rows} == {0, 1}
    providers = {row.size_bytes: row.series for row in table("osu_two_providers.txt").rows}
    assert providers[1] == '"sm2"'
    assert providers[4194304] == '"shm"'


@pytest.mark.parametrize("word", ["Run", "trial", "Iteration"])
def test_numbered_runs_are_rounds(word: str) -> None:
    one = "# OSU MPI Allreduce Latency Test v6.2\n# Size Avg Latency(us)\n8 5.0\n65536 90.0\n"
    rows = read_table(f"{word} 1\n{one}{word} 2\n{one}", "it", workers=4).rows
    assert sorted(row.round for row in rows) == [0, 0, 1, 1]


# Nothing measured is nothing


@pytest.mark.parametrize(
    ("columns", "value"),
    [
        ("Avg Latency(us)   Min Latency(us)   Max Latency(us)  Iterations", "7.5 7 8 100"),
        ("Latency (us)        Validation", "7.5 Pass"),
        ("Avg Latency(us)  P50 Tail Lat(us)  P90 Tail Lat(us)  P99 Tail Lat(us)", "7.5 7 8 9"),
        ("Avg Latency(ms)", "0.0075"),
    ],
)
def test_columns_of_osu_s_versions(columns: str, value: str) -> None:
    head = "# OSU MPI Allreduce Latency Test v7.5\n# Datatype: MPI_INT.\n# Size       "
    (row,) = read_table(f"{head}{columns}\n1024   {value}\n", "it", workers=4).rows
    assert row.seconds == pytest.approx(7.5e-6)
    # The mean dropped, from rows or from both: what is left is no mean.
    rest = value.partition(" ")[2]
    assert refusal(f"{head}{columns}\n1024   {rest}\n", 4)
    if rest:
        assert refusal(f"{head}{columns.partition(')')[2]}\n1024   {rest}\n", 4)


@pytest.mark.parametrize(
    "name",
    ["Non-blocking Allreduce Latency", "Allgather Latency", "Barrier Latency", "MPI_Get Bandwidth"],
)
def test_siblings_of_osu_are_refused_by_name(name: str) -> None:
    text = f"# OSU MPI {name} Test v7.4\n# Size  Avg Latency(us)\n8 2.0\n64 3.0\n"
    assert f"OSU's {name} test" in refusal(text, 4)
    assert ("osu_bw" if "Get" in name else "osu_allreduce") in refusal(text, 4)


@pytest.mark.parametrize(
    ("test", "redop", "root", "factor"),
    [
        ("reduce", "sum", 0, 1.0),
        ("broadcast", "none", 0, 1.0),
        ("all_gather", "none", -1, 0.75),
        ("reduce_scatter", "sum", -1, 0.75),
        ("sendrecv", "none", -1, 1.0),
    ],
)
def test_siblings_of_nccl_are_told_by_columns(
    test: str, redop: str, root: int, factor: float
) -> None:
    """Without a word of the program's name: by redop, root and busbw/algbw of four ranks."""
    text = "# size count type redop root time algbw busbw #wrong time algbw busbw #wrong\n"
    for size, us in ((2**20, 100.0), (2**24, 1000.0)):
        rate = size / us / 1e3
        half = f"{us:.2f} {rate:.2f} {rate * factor:.2f} 0"
        text += f"{size} {size // 4} float {redop} {root} {half} {half}\n"
    assert test in refusal(text)
    listed = "".join(f"#  Rank  {k} Group  0 Pid 1 on n0 device  {k} [0] G\n" for k in range(4))
    assert test in refusal(listed + text)
    named = f"# Collective test starting: {test}_perf\n{listed}{text}"
    assert f"{test}_perf of nccl-tests" in refusal(named)


def test_two_ranks_that_could_be_another_test() -> None:
    """busbw/algbw of 1 is an all-reduce's of two ranks, and a broadcast's of any."""
    text = text_of("nccl_tagged.txt")
    unlisted = "\n".join(line for line in text.splitlines() if "Rank" not in line)
    assert {row.workers for row in read_table(unlisted, "it").rows} == {2}
    eight = "".join(
        f"[1,0]<stdout>:#  Rank  {k} Group  0 Pid   1 on     node0 device  {k} [0] Some GPU\n"
        for k in range(2, 8)
    )
    assert "busbw/algbw of 1" in refusal(eight + text.replace("nThread", "threads"))


def test_zero_times_and_sizes() -> None:
    text = text_of("nccl_prompt.txt").replace("   65.4    0.02    0.03", "    0.0    0.00    0.00")
    rows = read_table(text, "it").rows
    assert min(row.size_bytes for row in rows) == 4096
    text = re.sub(r"\d+\.\d\d$", "0.00", text_of("omb_py_latency.txt"), flags=re.MULTILINE)
    assert "0.00" in refusal(text)


# Columns and prefixes


def test_columns_go_by_their_place() -> None:
    header = Header.of("  size  type  redop   time  algbw")
    assert header.cells("  1024 float          87.0   0.01") == (
        "1024", "float", None, "87.0", "0.01",
    )  # fmt: skip
    assert header.cells("1 2 3 4 5 6") is None
    assert header.cells("  1024 float   sum") == ("1024", "float", "sum", None, None)


@pytest.mark.parametrize(
    "prefix",
    ["> ", "[1,0]<stdout>:", "0: ", "worker-0  | ", "12:34:56 ", "Jan  2 03:04:05 n0 srun[7]: "],
)
def test_any_prefix_that_a_table_shares_is_cut_off(prefix: str) -> None:
    plain = text_of("nccl_prompt.txt")
    tagged = "".join(f"{prefix}{line}\n" for line in plain.splitlines())
    assert read_table(tagged, "it").rows == read_table(plain, "it").rows


def test_streams_of_several_ranks_stay_apart() -> None:
    lines = lines_of("0: a\n1: b\n0: HEAD\n0: c\n1: d\n")
    (stream,) = streams(lines, re.compile("HEAD"))
    assert [line.text for line in stream if line.own] == ["a", "HEAD", "c"]


def test_long_files_are_read_in_seconds() -> None:
    """What grows with the square of the lines would take minutes."""
    noise = "node0:1:1 [0] NCCL INFO Channel 00/02 : 0 1 [send] via NET/Socket/0\n" * 20_000
    text = noise + text_of("nccl_prompt.txt") + noise
    assert len(read_table(text, "it").rows) == 9
    lines = text_of("nccl_tagged.txt").splitlines(keepends=True)
    row = next(line for line in lines if " 16777216 " in line)
    found = read_table("".join(lines) + row * 8_000, "it")
    assert 1_000 < len(found.rows) < 2_100
    latency = "# OSU MPI Latency Test v7\n# Size Latency (us)\n" + "8 2.0\n" * 20_000
    assert len(read_table(latency, "it").rows) <= 2_000
    events = '{"event":"interval","data":{"sum":{"bits_per_second":1}}}\n' * 8_000
    assert "end" in refusal(events)

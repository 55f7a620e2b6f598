"""nccl-tests' JSON, as ``all_reduce_perf -J FILE`` writes it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from nworkers.models.base.errors import InputError
from nworkers.models.tables.components.found import FoundTable
from nworkers.models.tables.components.rows import listing, mapping, number, whole
from nworkers.models.tables.formats import nccl
from nworkers.models.tables.formats.json_texts import objects
from nworkers.models.tables.formats.posted import Header

JSON = "nccl-tests JSON"


def is_result(found: Mapping[str, Any]) -> bool:
    return "kind" not in found and bool({"results", "nccl_version"} & found.keys())


def find(text: str, source: str, workers: int | None = None) -> Iterator[FoundTable]:
    """Every run in a text, of use or refused by its name."""
    for line, found in objects(text, source):
        if not is_result(found):
            continue
        where = source if line == 1 else f"{source}: line {line}"
        try:
            run = _run(found, where, line)
        except InputError as error:
            yield FoundTable(JSON, "a run", (line, line), refused=error)
        else:
            yield nccl.table_of(run, where, workers, JSON)


def _run(found: Mapping[str, Any], source: str, line: int) -> nccl.NcclRun:
    """Raises: InputError: it does not keep to the format."""
    run = nccl.NcclRun(line, header_line=line, last=line)
    arguments = [str(a) for a in listing(found.get("args", []), f"{source}: args")]
    # What was started, alone: further arguments may name files.
    program = nccl.PROGRAM.search(arguments[0].rpartition("/")[2]) if arguments else None
    run.program = program[1] if program else None
    config = mapping(found.get("config", {}), f"{source}: config")
    counted = [config.get(name) for name in ("nthreads", "ngpus")]
    run.devices = math.prod(count for count in counted if isinstance(count, int))
    for index, device in enumerate(listing(config.get("devices", []), f"{source}: config.devices")):
        of = mapping(device, f"{source}: config.devices[{index}]")
        rank = of.get("rank", index)
        run.ranks.append((rank if isinstance(rank, int) else index, str(of.get("hostname", ""))))
    run.header = Header(("size", "count", "type", "redop", "root", "time"), ())
    for index, result in enumerate(listing(found.get("results"), f"{source}: results")):
        where = f"{source}: results[{index}]"
        row = mapping(result, where)
        size = whole(row.get("size"), f"{where}.size")
        for place in ("out_of_place", "in_place"):
            if row.get(place) is not None and size:
                part = mapping(row[place], f"{where}.{place}")
                run.times.append(_time(index, size, place, part, row, where))
    return run


def _time(
    index: int, size: int, place: str, part: Mapping[str, Any], row: Mapping[str, Any], where: str
) -> nccl.NcclTime:
    if "time" not in part and "cpu_time" in part:
        raise InputError(f"{where}.{place}", "cpu_time (option -C)", "time, without option -C")
    time = part.get("time")
    seconds = number(time, f"{where}.{place}.time") * 1e-6
    wrong = part.get("nwrong")
    return nccl.NcclTime(
        index,
        size,
        place == "in_place",
        seconds,
        0.5e-12,
        (str(part.get("alg_bw", "")), str(part.get("bus_bw", ""))),
        "N/A" if wrong is None else "0" if not wrong else str(wrong),
        f"{row.get('type', '')} {str(row.get('redop', 'sum')).strip()}".strip(),
        str(row.get("root", "")).strip(),
    )

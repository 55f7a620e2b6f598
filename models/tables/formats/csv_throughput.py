"""CSV throughput: throughput measured at several numbers of workers, read and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from nworkers.models.base.errors import InputError
from nworkers.models.records.runtimes import STRATEGIES, Strategy
from nworkers.models.records.scenario import MAX_PS, MAX_WORKERS
from nworkers.models.records.workload import MAX_BATCH
from nworkers.models.tables.components.rows import whole
from nworkers.models.tables.components.thin import Measured
from nworkers.models.tables.formats.csv_lines import header, read_rows, rows_of
from nworkers.models.tables.formats.throughput_columns import spoken, understood

FORMAT = "scaling table"
#: Columns without which a row says nothing.
NEEDED = ("model", "strategy", "batch_per_worker", "workers", "samples_per_s")
#: Columns that may be left out: one system, a ps on each node, one worker a node.
OPTIONAL = ("source", "system", "ps", "gpus_per_node")
COLUMNS = (*NEEDED, *OPTIONAL)
#: Two of these in a header make it a scaling table: no other table has them.
_TELLING = frozenset(COLUMNS) - {"workers", "source"}
#: No step of any training is outside: beyond lies a slip of units.
SHORTEST_STEP_S, LONGEST_STEP_S = 1e-7, 1e6
#: Transfers between workers and ps in one step beyond which a prediction takes minutes.
MOST_FLOWS = 50_000


@dataclass(frozen=True)
class ScalingRow:
    """The throughput of one run.

    ``workers`` are devices, ``gpus_per_node`` of them on a node; ``ps`` is None where it was not
    stated, and under all-reduce. ``global_batch`` is the batch of all workers where that is what
    stays the same (strong scaling).
    """

    model: str
    strategy: Strategy
    batch_per_worker: int
    workers: int
    samples_per_s: float
    ps: int | None = None
    gpus_per_node: int = 1
    system: str = ""
    source: str = ""
    global_batch: int | None = None

    @property
    def step_time_s(self) -> float:
        """Seconds of a worker's step: N · b over samples per second."""
        return self.workers * self.batch_per_worker / self.samples_per_s

    @property
    def nodes(self) -> int:
        return -(-self.workers // self.gpus_per_node)

    @property
    def servers(self) -> int:
        """Parameter servers: as stated, or one on each node."""
        return self.ps or self.nodes

    @property
    def alone(self) -> bool:
        """Whether this is one process.

        A row of one worker is taken as one without ps: tables give the throughput of a single
        device there, whatever their column of ps says, and a ps beside one worker could not be
        told from its compute.
        """
        return self.workers == 1

    @property
    def label(self) -> str:
        return f"{self.model}, batch {self.batch_per_worker}, {self.strategy}"


@dataclass(frozen=True)
class ScalingTable:
    """Rows of one file; ``notes`` are remarks for whoever reads the answer.

    ``missing`` are columns that the table has not, and whose values in the rows mean nothing.
    """

    rows: tuple[ScalingRow, ...]
    notes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def is_scaling_header(names: Sequence[str]) -> bool:
    """Whether the names of a CSV's columns are those of a scaling table, two slips forgiven."""
    lowered = [name.lower() for name in names]
    if {"quantity", "seconds"} & set(lowered):
        return False
    if understood(names):
        return True
    return sum(bool(_TELLING & set(_near(name, COLUMNS, 0.8))) for name in lowered) >= 2


def read(
    text: str, source: str, *, batch: int | None = None, model: str | None = None
) -> ScalingTable:
    """The rows of a table; lines that begin with # are remarks.

    Args:
        batch: samples of one worker's step, where the table does not say it.
        model: whose runs they are, where the table does not say it.

    Raises:
        InputError: a column is missing or misspelt, or a value cannot have been measured.
    """
    names, _ = header(text)
    if not names:
        raise InputError(source, "an empty file", f"a CSV with columns {', '.join(COLUMNS)}")
    if understood(names) and not set(NEEDED) <= set(names):
        return _spoken(text, source, batch, model)
    _check_header(names, source)
    rows, notes = read_rows(text, "samples_per_s", source, _row)
    if not rows:
        raise InputError(source, "a header without rows", "a row for each run")
    return ScalingTable(tuple(rows), notes)


def _spoken(text: str, source: str, batch: int | None, model: str | None) -> ScalingTable:
    """The rows of a table in its author's words."""
    found = spoken(text, source, batch, model)
    names = tuple(found.runs[0][0])
    cells: dict[tuple[str, ...], list[Measured]] = {}
    for values, rate, index in found.runs:
        cells.setdefault(tuple(values.values()), []).append((rate, index))
    rows, notes = rows_of(cells, names, source, _row)
    return ScalingTable(tuple(rows), (*found.notes, *notes), found.missing)


def of_system(
    rows: Sequence[ScalingRow], system: str | None, source: str
) -> tuple[ScalingRow, ...]:
    """The rows of one system: numbers of different hardware have no parameters in common.

    Raises:
        InputError: there are several and none was chosen, or the chosen one is not there.
    """
    names = tuple(dict.fromkeys(row.system for row in rows))
    listed = ", ".join(name or "(none stated)" for name in names)
    if system is None and len(names) > 1:
        raise InputError(
            f"{source}: system",
            f"mixed hardware ({listed})",
            "rows of one system; choose with <system> NAME",
        )
    wanted = names[0] if system is None else _matching(system, names)
    if wanted is None:
        near = _near(system or "", names, 0.5)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise InputError("system", system, listed + hint)
    return tuple(row for row in rows if row.system == wanted)


def plain(name: str) -> str:
    """A name without case and punctuation, so that InceptionV3 is inception-v3."""
    return "".join(c for c in name.lower() if c.isalnum())


def renamed(rows: Sequence[ScalingRow], names: Mapping[str, str]) -> tuple[ScalingRow, ...]:
    """The rows with each model under the name of its workload."""
    return tuple(replace(row, model=names[row.model]) for row in rows)


def _matching(system: str, names: Sequence[str]) -> str | None:
    exact = [name for name in names if name == system]
    return next(iter(exact or [name for name in names if plain(name) == plain(system)]), None)


def _near(name: str, names: Sequence[str], cutoff: float) -> list[str]:
    return get_close_matches(name, names, n=1, cutoff=cutoff)


def _check_header(names: Sequence[str], source: str) -> None:
    unknown = [name for name in names if name not in COLUMNS]
    where = f"{source}: header"
    for missing in NEEDED:
        if missing not in names:
            near = _near(missing, unknown, 0.5)
            hint = f" (did you mean it by {near[0]}?)" if near else ""
            raise InputError(where, ", ".join(names)[:80], f"a column named {missing}{hint}")
    for name in unknown:
        if near := _near(name.lower(), COLUMNS, 0.75):
            raise InputError(where, name, f"{near[0]}, if that is what it means")
    if len(set(names)) != len(names):
        raise InputError(where, "a column twice", "every column once")


def _row(values: Mapping[str, str], samples_per_s: float, where: str) -> ScalingRow:
    strategy = _strategy(values["strategy"], f"{where}: strategy")
    batch = _count(values["batch_per_worker"], f"{where}: batch_per_worker", MAX_BATCH)
    workers = _count(values["workers"], f"{where}: workers", MAX_WORKERS)
    servers = values.get("ps", "")
    per_node, together = values.get("gpus_per_node", ""), values.get("global_batch", "")
    row = ScalingRow(
        model=_name(values["model"], f"{where}: model"),
        strategy=strategy,
        batch_per_worker=batch,
        workers=workers,
        samples_per_s=samples_per_s,
        ps=_count(servers, f"{where}: ps", MAX_PS) if servers else None,
        gpus_per_node=_count(per_node, f"{where}: gpus_per_node", MAX_WORKERS) if per_node else 1,
        system=values.get("system", ""),
        source=values.get("source", ""),
        global_batch=int(together) if together else None,
    )
    if not SHORTEST_STEP_S <= row.step_time_s <= LONGEST_STEP_S:
        raise InputError(
            f"{where}: samples_per_s",
            f"{row.samples_per_s:g}, which is a step of {row.step_time_s:.3g} s",
            f"a step of {SHORTEST_STEP_S:g} to {LONGEST_STEP_S:g} s (workers · batch / samples)",
        )
    if strategy != "allreduce" and row.workers * row.servers > MOST_FLOWS:
        raise InputError(
            f"{where}: ps", f"{row.workers} workers × {row.servers} ps", f"at most {MOST_FLOWS}"
        )
    return row


def _strategy(text: str, where: str) -> Strategy:
    for strategy in STRATEGIES:
        if text == strategy:
            return strategy
    near = _near(text.lower(), STRATEGIES, 0.6)
    hint = f" (did you mean {near[0]}?)" if near else ""
    raise InputError(where, text[:60] or "nothing", ", ".join(STRATEGIES) + hint)


def _count(text: str, where: str, most: int) -> int:
    value = whole(text, where, 1)
    if value > most:
        raise InputError(where, value, f"an integer from 1 to {most}")
    return value


def _name(text: str, where: str) -> str:
    if not text or len(text) > 200:
        raise InputError(where, text[:60] or "nothing", "the name of a model")
    return text

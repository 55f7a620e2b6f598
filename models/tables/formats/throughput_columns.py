"""Throughput columns: a table of runs in its author's words, as rows in ours.

Long tables have a row for each run. Wide ones have a column for each number of workers. What was
guessed on the way is said, and what is missing is named.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from nworkers.models.base.errors import InputError
from nworkers.models.tables.components.rows import whole
from nworkers.models.tables.formats.csv_lines import cells_of, header, lines_of
from nworkers.models.tables.formats.throughput_words import (
    MEASURES,
    Meaning,
    Word,
    hinted,
    nearest,
    plainly,
    unit_s,
    wide_count,
    word,
)

#: Values that stand for nothing measured.
_NOTHING = frozenset(
    ("", "-", "–", "—", "n/a", "na", "oom", "todo", "tbd", "error", "x", "none", "failed", "?")
)
_NUMBER = re.compile(r"^[^\d+\-.]{0,3}([+-]?(?:\d[\d,' ]*)?\.?\d+(?:e[+-]?\d+)?)", re.IGNORECASE)
#: An efficiency above it is in percent.
_MOST_SHARE = 1.5
#: A run in a table: its values by our columns, its rate, and the line that it stands in.
Run = tuple[dict[str, str], float, int]


@dataclass
class Spoken:
    """Runs in our columns; ``missing`` are columns that nothing stands for."""

    runs: list[Run] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Cell:
    """One measured value: of how many, by which word, and what else its row says."""

    index: int
    value: str
    word: Word
    workers: str
    counts_nodes: bool
    row: Mapping[Meaning, str]


def understood(names: Sequence[str]) -> bool:
    """Whether a header is that of a table of runs: a number of workers, and a throughput."""
    found = {w.meaning for name in names if (w := word(name)) is not None}
    counted = found & {"workers", "nodes"}
    if counted and found & set(MEASURES):
        return True
    return len(_wide(names)) >= 2


def spoken(text: str, source: str, batch: int | None, model: str | None) -> Spoken:
    """The runs of a table whose header is understood.

    Args:
        batch: samples of one worker's step, where the table does not say it.
        model: whose runs they are, where the table does not say it.

    Raises:
        InputError: a value is no number, or a column is there twice.
    """
    names, separator = header(text)
    lines = lines_of(text)
    next(lines)
    rows = []
    for index, line in lines:
        cells = [cell.strip() for cell in cells_of(line, separator, source)]
        if len(cells) != len(names):
            got, allowed = f"{len(cells)} columns", f"{len(names)}, as the header has"
            raise InputError(f"{source}: line {index}", got, allowed)
        rows.append((index, cells))
    if not rows:
        raise InputError(source, "a header without rows", "a row for each run")
    found = Spoken()
    wide = _wide(names)
    if len(wide) >= 2:
        return _runs(_wide_cells(names, rows, wide, found), found, source, batch, model)
    return _runs(_long_cells(names, rows, found, source), found, source, batch, model)


def _wide(names: Sequence[str]) -> dict[int, tuple[int, bool]]:
    """Places of columns that are headed with numbers of workers, which ascend."""
    counted = {place: of for place, name in enumerate(names) if (of := wide_count(name))}
    numbers = [number for number, _ in counted.values()]
    ascending = all(a < b for a, b in pairwise(numbers))
    return counted if ascending and 0 not in counted else {}


def _long_cells(
    names: Sequence[str], rows: Sequence[tuple[int, list[str]]], found: Spoken, source: str
) -> list[_Cell]:
    """A cell for each row, under the first column that states a throughput."""
    words = [word(name) for name in names]
    # A column of names, such as of a GPU, counts nothing.
    for place, of in enumerate(words):
        values = {cells[place] for _, cells in rows}
        if of is not None and of.meaning == "workers" and not any(v[:1].isdigit() for v in values):
            words[place] = Word("system")
    measures = [
        place
        for wanted in MEASURES
        for place, of in enumerate(words)
        if of is not None and of.meaning == wanted
    ]
    # Of all workers before that of one, of samples before tokens.
    measures.sort(key=lambda place: _preference(words[place]))
    chosen = measures[0]
    unused = [names[place] for place in measures[1:]]
    places: dict[Meaning, int] = {}
    for place, of in enumerate(words):
        if place in measures:
            continue
        if of is None or of.meaning in places:
            unused.append(names[place])
            continue
        places[of.meaning] = place
    measure = words[chosen]
    assert measure is not None
    counted: Meaning = "workers" if "workers" in places else "nodes"
    if counted not in places:
        raise InputError(source, ", ".join(names)[:60], "a column of numbers of workers")
    used = {meaning: names[place] for meaning, place in places.items()}
    found.notes += _mapping({**used, measure.meaning: names[chosen]}, unused)
    tokens = {meaning for meaning, place in places.items() if (w := words[place]) and w.tokens}
    return [
        _Cell(
            index,
            cells[chosen],
            measure,
            cells[places[counted]],
            counted == "nodes",
            {
                **{meaning: cells[place] for meaning, place in places.items()},
                **({"source": ""} if "source" not in places else {}),
                **({"sequence": "1"} if tokens & {"batch", *_BATCHES} else {}),
            },
        )
        for index, cells in rows
    ]


_BATCHES: tuple[Meaning, ...] = ("batch_per_worker", "global_batch")


def _preference(of: Word | None) -> tuple[int, bool, bool]:
    assert of is not None
    return MEASURES.index(of.meaning), of.of != "all", of.tokens


def _wide_cells(
    names: Sequence[str],
    rows: Sequence[tuple[int, list[str]]],
    wide: Mapping[int, tuple[int, bool]],
    found: Spoken,
) -> list[_Cell]:
    """A cell for each value; a row's first column says what it measures, or of what."""
    labels = [word(cells[0]) for _, cells in rows]
    measured = [of if of is not None and of.meaning in MEASURES else None for of in labels]
    others: dict[Meaning, int] = {}
    for place, name in enumerate(names):
        of = word(name)
        if place not in wide and of is not None and of.meaning not in (*MEASURES, "workers"):
            others.setdefault(of.meaning, place)
    nodes = any(of_nodes for _, of_nodes in wide.values()) or (
        (first := word(names[0])) is not None and first.meaning == "nodes"
    )
    counts = ", ".join(str(number) for number, _ in wide.values())
    found.notes.append(
        f"a column for each number of {'nodes' if nodes else 'workers'}: {counts[:60]}"
    )
    if any(measured):
        best = min((of for of in measured if of is not None), key=_preference)
        kept = [k for k, of in enumerate(measured) if of == best]
        dropped = [cells[0] for k, (_, cells) in enumerate(rows) if k not in kept]
        if dropped:
            found.notes.append(f"rows that were not used: {', '.join(dropped)[:80]}")
    else:
        best, kept = _of_values(names, rows, wide, found), list(range(len(rows)))
    cells_found = []
    for k in kept:
        index, cells = rows[k]
        row = {meaning: cells[place] for meaning, place in others.items()}
        if not any(measured) and "model" not in others and "strategy" not in others:
            row["strategy" if hinted(cells[0]) else "system"] = cells[0]
        for place, (number, of_nodes) in wide.items():
            one = _Cell(index, cells[place], best, str(number), nodes or of_nodes, row)
            cells_found.append(one)
    return cells_found


def _of_values(
    names: Sequence[str],
    rows: Sequence[tuple[int, list[str]]],
    wide: Mapping[int, tuple[int, bool]],
    found: Spoken,
) -> Word:
    """What values are of which no name says it: of one worker where they do not grow."""
    said = next((w for name in names if (w := word(name)) and w.meaning in MEASURES), None)
    if said is not None:
        return said
    first, last = min(wide), max(wide)
    ends = [(_number(cells[first]), _number(cells[last])) for _, cells in rows]
    falls = all(b is None or a is None or b < a for a, b in ends)
    whose = "of one worker, since they do not grow" if falls else "of all workers"
    found.notes.append(f"guessed: the values are throughputs {whose}")
    return Word("rate", "worker" if falls else "all")


def _runs(
    cells: Sequence[_Cell], found: Spoken, source: str, batch: int | None, model: str | None
) -> Spoken:
    kept: list[tuple[_Cell, int, float]] = []
    empty = []
    for cell in cells:
        where = f"{source}: line {cell.index}"
        value = _number(cell.value)
        if value is None:
            if cell.value.strip("*` ").lower() not in _NOTHING:
                raise InputError(f"{where}: throughput", cell.value[:60] or "nothing", "a number")
            empty.append(cell.index)
            continue
        if not 0 < value < math.inf:
            raise InputError(f"{where}: throughput", cell.value[:60], "a finite number above 0")
        kept.append((cell, _workers(cell, where), value))
    if empty:
        lines = ", ".join(map(str, dict.fromkeys(empty)))
        found.notes.append(f"nothing was measured in line {lines[:60]}: left out")
    if not kept:
        raise InputError(source, "no value in any row", "a throughput for each run")
    batches, missing = _batches(kept, found, source, batch)
    in_percent = any(value > _MOST_SHARE and "%" not in cell.value for cell, _, value in kept)
    strategies = _strategies([cell for cell, _, _ in kept], found)
    sequences = [cell.row.get("sequence", "") for cell, _, _ in kept]
    if kept[0][0].word.tokens and not missing:
        if not all(sequences):
            missing = ("batch_per_worker",)
            found.notes.append("the rate counts tokens and the batch does not: no column of them")
        else:
            batches = [
                (own * _sequence(cell, source), None)
                for (own, _), (cell, _, _) in zip(batches, kept, strict=True)
            ]
    if missing:
        batches = [(1, None)] * len(kept)
    stated = {cell.row.get("model", "") for cell, _, _ in kept}
    if stated == {""}:
        missing = (*missing, *(() if model else ("model",)))
    for k, (cell, workers, value) in enumerate(kept):
        own, everything = batches[k]
        values = {
            "model": cell.row.get("model") or model or "not stated",
            "strategy": strategies[k],
            "batch_per_worker": str(own),
            "workers": str(workers),
            "ps": cell.row.get("ps", ""),
            "gpus_per_node": _per_node(cell, workers),
            "system": cell.row.get("system", ""),
            "source": cell.row.get("source", ""),
            "global_batch": "" if everything is None else str(everything),
        }
        rate = _rate(cell, workers, value, own, in_percent, source)
        found.runs.append((values, rate, cell.index))
    if kept[0][0].word.meaning in ("speedup", "efficiency"):
        found.notes.append("rates are multiples of one worker's, which the table does not say")
        missing = (*missing, "samples_per_s")
    found.missing = missing
    return found


def _sequence(cell: _Cell, source: str) -> int:
    """Tokens of a sample."""
    return whole(cell.row["sequence"].replace(",", ""), f"{source}: line {cell.index}: sequence", 1)


def _workers(cell: _Cell, where: str) -> int:
    count = whole(re.split(r"[ x(]", cell.workers)[0], f"{where}: workers", 1)
    if not cell.counts_nodes:
        return count
    each = cell.row.get("gpus_per_node", "")
    return count * (whole(each, f"{where}: gpus_per_node", 1) if each else 1)


def _per_node(cell: _Cell, workers: int) -> str:
    each, nodes = cell.row.get("gpus_per_node", ""), cell.row.get("nodes", "")
    if each or cell.counts_nodes or not nodes.isdecimal() or int(nodes) == 0:
        return each
    return str(-(-workers // int(nodes)))


def _rate(
    cell: _Cell, workers: int, value: float, batch: int, in_percent: bool, source: str
) -> float:
    """Samples per second of all workers."""
    of = cell.word
    where = f"{source}: line {cell.index}"
    if of.meaning == "rate":
        nodes = cell.row.get("nodes", "")
        share = {"all": 1, "worker": workers}.get(of.of)
        if share is None:
            share = whole(nodes or cell.workers, f"{where}: nodes", 1)
        return value * share
    unit = unit_s(plainly(re.sub(r"[\d.,]+", " ", cell.value))) or of.unit_s or 1.0
    if of.meaning == "step":
        return workers * batch / (value * unit)
    if of.meaning == "epoch":
        samples = cell.row.get("samples", "")
        if not samples:
            raise InputError(
                f"{where}: samples", "nothing", "a column samples: how many an epoch has"
            )
        return whole(samples.replace(",", ""), f"{where}: samples", 1) / (value * unit)
    if of.meaning == "speedup":
        return value
    return value * workers / (100.0 if in_percent or "%" in cell.value else 1.0)


def _batches(
    kept: Sequence[tuple[_Cell, int, float]], found: Spoken, source: str, given: int | None
) -> tuple[list[tuple[int, int | None]], tuple[str, ...]]:
    """Each run's samples of one worker, and of all where that is what stays the same."""
    stated = next(
        (name for name in (*_BATCHES, "batch") if all(c.row.get(name) for c, _, _ in kept)), None
    )
    if stated is None:
        return [(given or 1, None)] * len(kept), () if given else ("batch_per_worker",)
    texts = [str(cell.row[stated]).replace(",", "") for cell, _, _ in kept]
    values = [
        whole(text, f"{source}: line {cell.index}: {stated}", 1)
        for text, (cell, _, _) in zip(texts, kept, strict=True)
    ]
    counts = [workers for _, workers, _ in kept]
    each = {value / workers for value, workers in zip(values, counts, strict=True)}
    grows = len(set(counts)) > 1 and len(each) == 1
    if stated == "batch":
        stated = "global_batch" if grows else "batch_per_worker"
        why = "it grows with their number" if grows else "it does not grow with their number"
        found.notes.append(
            f"guessed: the batch is that of {'all workers' if grows else 'one worker'}, since {why}"
        )
    if stated == "batch_per_worker":
        return [(value, None) for value in values], ()
    strong = not grows and len(set(counts)) > 1
    return [
        (-(-value // workers), value if strong else None)
        for value, workers in zip(values, counts, strict=True)
    ], ()


def _strategies(cells: Sequence[_Cell], found: Spoken) -> list[str]:
    """Each run's strategy: as stated, or as its name hints, or guessed."""
    strategies = []
    guesses: dict[str, str] = {}
    for cell in cells:
        text = cell.row.get("strategy", "")
        system = cell.row.get("system", "")
        if not text and hinted(system):
            # Tables name the library where others name the machine.
            text = system
        hint = hinted(text) if text else None
        if hint is None and not text:
            hint = "ps-sync" if cell.row.get("ps") else "allreduce"
            guesses["a strategy that is not stated"] = hint
        elif hint is not None and text.lower() != hint:
            guesses[text[:40]] = hint
        strategies.append(hint or text)
    found.notes += [f"guessed: {text} is {strategy}" for text, strategy in guesses.items()]
    return strategies


def _mapping(used: Mapping[Meaning, str], unused: Sequence[str]) -> list[str]:
    """What was taken for what, where names differ, and what was not used."""
    notes = []
    ours: dict[Meaning, str] = {"rate": "samples_per_s", "step": "step time", "epoch": "epoch time"}
    taken = [
        f"{name} as {ours.get(meaning, meaning)}"
        for meaning, name in used.items()
        if plainly(name) != plainly(ours.get(meaning, meaning))
    ]
    if taken:
        notes.append(f"columns were taken so: {', '.join(taken)}")
    if unused:
        shown = [
            f"{name} (nearest: {near})" if (near := nearest(name)) else name for name in unused
        ]
        notes.append(f"columns that were not used: {', '.join(shown)[:160]}")
    return notes


def _number(text: str) -> float | None:
    """The number that a cell begins with, whatever marks and units are around it."""
    found = _NUMBER.match(text.replace("*", "").replace("`", "").strip())
    if found is None:
        return None
    digits = re.sub(r"[' ]", "", found[1])
    if "," in digits:
        # Three digits behind every comma are thousands; otherwise it is a decimal point.
        grouped = re.fullmatch(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?", digits)
        digits = digits.replace(",", "" if grouped else ".")
    try:
        return float(digits)
    except ValueError:
        return None

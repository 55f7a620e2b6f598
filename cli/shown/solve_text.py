"""Solve text: what it takes in one sentence, or what stands in the way; then the tables."""

from __future__ import annotations

from collections.abc import Iterable

from nworkers.cli.shown import format as fmt
from nworkers.cli.shown import headline
from nworkers.cli.shown.predict_text import ACCURACY_NOTE
from nworkers.cli.shown.sheet import Order, Sheet, Shown
from nworkers.cli.shown.table import TextTable
from nworkers.cli.shown.tone import Tone, Toned
from nworkers.cli.shown.way_out_text import Ask
from nworkers.models.records.solved import (
    Bracket,
    FasterDevice,
    Goal,
    OutOfMemory,
    Solved,
    Threshold,
    WayOut,
)

_EXTREME = {
    "batch": "the smallest batch",
    "ps": "the smallest number of parameter servers",
    "latency": "the longest latency",
    "dispatch": "the longest dispatch",
    "bandwidth": "the smallest bandwidth",
    "workers": "the smallest number of workers",
}
_EVEN = {
    "latency": "even without any latency",
    "dispatch": "even without any dispatch",
    "bandwidth": "even on an infinitely fast wire",
}


def solved(answer: Solved, ask: Ask) -> Sheet:
    """The sentence that answers, what it rests on, and the command that asks for it."""
    parts: list[Shown] = [Toned(of_solved(answer), _tone(answer))]
    threshold = answer.threshold
    if threshold is not None:
        if threshold.change and threshold.value is not None:
            parts.append(Order("Try:", ask(answer.workers, threshold.change)))
        if threshold.row.extrapolated:
            parts += ["", "Beyond what was measured:"]
            parts += [f"  - {reason}" for reason in threshold.row.extrapolated]
    if answer.ways:
        parts += [_ways_table(answer), *_commands(answer.ways, ask)]
    if answer.faster:
        parts += [_faster_table(answer), _WHY_FASTER]
    return Sheet(*parts, "", ACCURACY_NOTE)


def _tone(answer: Solved) -> Tone:
    if answer.threshold is not None:
        return Tone.BAD if answer.threshold.value is None else Tone.GOOD
    if answer.ways:
        return Tone.GOOD if any(_reaches(answer.goal, way) for way in answer.ways) else Tone.BAD
    return Tone.HEADLINE


_WHY_FASTER = (
    "Each column changes one thing alone. The one process has the same devices, so that all that\n"
    "is not computing weighs more. A dash: nothing reaches it."
)


def of_solved(answer: Solved) -> str:
    """The answer in a sentence or two."""
    if answer.threshold is not None:
        return _of_threshold(answer, answer.threshold)
    if answer.ways:
        return _of_ways(answer)
    return (
        f"Where devices compute faster, {_workers(answer)} need more "
        f"to {_goal(answer.goal, _base(answer))}:"
    )


def _of_threshold(answer: Solved, found: Threshold) -> str:
    name = found.quantity
    goal = _goal(answer.goal, headline.baseline(found.row), one=answer.workers == 1)
    if found.value is not None:
        if found.is_end and name in ("latency", "dispatch"):
            return _any_longer(answer, found, found.value)
        with_ = "at" if name == "batch" else "with"
        said = f"{_EXTREME[name]} {with_} which {_workers(answer)} {goal}"
        whole = name in ("batch", "ps", "workers")
        value = str(round(found.value)) if whole else quantity(found, found.value)
        return f"{said[0].upper()}{said[1:]} is {value}{_interval(found)}{_today(found)}."
    if found.memory is not None:
        return _out_of_memory(answer, found, found.memory)
    where = _EVEN.get(name) or f"at best, with {quantity(found, found.at)}"
    held = f", held by {headline.CAUSE_WORDS[found.held_by]}" if found.held_by else ""
    perhaps = [end for end in found.interval if end is not None]
    may = ""
    if perhaps:
        nearest = perhaps[-1] if name in ("latency", "dispatch") else perhaps[0]
        are = "are" if name in ("ps", "workers") and nearest > 1.5 else "is"
        may = f" It may be that {quantity(found, nearest)} {are} enough (90 % interval)."
    return f"Not possible: {where}, {_workers(answer)} {_reach(answer, found)}{held}.{may}"


def _any_longer(answer: Solved, found: Threshold, value: float) -> str:
    """The longest that is looked at is short enough."""
    goal = _goal(answer.goal, headline.baseline(found.row), one=answer.workers == 1)
    today = "" if not found.today else f", {fmt.digits(value / found.today)} times today's"
    return (
        f"{_workers(answer)} {goal} with a {found.quantity} of {quantity(found, value)} too"
        f"{today}; none longer is looked at."
    )


def _out_of_memory(answer: Solved, found: Threshold, beyond: OutOfMemory) -> str:
    """What would do, the memory that it takes, and how far what fits goes."""
    over = beyond.over
    text = (
        f"Not possible: {quantity(found, beyond.value)} would do; that takes "
        f"{fmt.quantity(over.needed_bytes, 'B')} of a {over.where}, which has "
        f"{fmt.quantity(over.available_bytes, 'B')}."
    )
    if not found.fits:
        return text
    reach = _reach(answer, found)
    return f"{text} At best, with {quantity(found, found.at)}, {_workers(answer)} {reach}."


def _goal(goal: Goal, base: str, *, one: bool = False) -> str:
    """What workers do who reach it, or the only one does."""
    if goal.measure == "overhead":
        share = fmt.percent(goal.target)
        return f"spend{'s' * one} at most {share} of a step on anything but computing"
    if goal.target == 1.0:
        return f"beat{'s' * one} {base}"
    return f"{'is' if one else 'are'} {fmt.digits(goal.target)} times as fast as {base}"


def _reach(answer: Solved, found: Threshold) -> str:
    low, high = found.reached_interval
    s = "s" * (answer.workers == 1)
    if answer.goal.measure == "overhead":
        ends = [fmt.percent(end) for end in (low, high)]
        span = "" if ends[0] == ends[1] else f" ({' to '.join(ends)})"
        return f"spend{s} {fmt.percent(found.reached)} of a step on other things{span}"
    base = headline.baseline(found.row)
    return (
        f"reach{'es' if s else ''} {fmt.digits(found.reached)} of {base} ({fmt.span((low, high))})"
    )


def _workers(answer: Solved) -> str:
    return fmt.count(answer.workers, "worker")


def _base(answer: Solved) -> str:
    return headline.baseline(answer.faster[0].batch.row)


def so_far(goal: Goal, known: Bracket | WayOut | FasterDevice) -> str:
    """A part of the answer, which is known before the rest."""
    if isinstance(known, WayOut):
        return f"{_score(goal, known)} with {known.change or 'the job as it is'}"
    if isinstance(known, FasterDevice):
        of = {found.quantity: _cell(found) for found in (known.batch, known.bandwidth)}
        needs = ", ".join(f"{name} {cell}" for name, cell in of.items())
        return f"where devices are {known.speed:g} times as fast, {needs}"
    ends = [(known.short, "not enough"), (known.enough, "enough")]
    return ", ".join(f"{_called(known, end)} is {so}" for end, so in ends if end is not None)


def _called(known: Bracket, value: float) -> str:
    named = known.quantity in ("batch", "ps", "workers")
    return quantity(known, value) if named else f"a {known.quantity} of {quantity(known, value)}"


def quantity(found: Threshold | Bracket, value: float) -> str:
    """A value of what was solved for, with its unit."""
    name, unit = found.quantity, found.unit
    if name == "batch":
        return f"a batch of {round(value)}"
    if name == "ps":
        return f"{round(value)} ps"
    if name == "workers":
        return fmt.count(round(value), "worker")
    return fmt.quantity(value, unit)


def _interval(found: Threshold) -> str:
    """The interval in brackets; an open end in words."""
    low, high = found.interval
    if low is None and high is None:
        return ""
    if low is not None and high is not None:
        if found.unit in ("s", "bit/s", "bytes/s"):
            return f" (90 % interval {fmt.quantity(low, found.unit)} to " + (
                f"{fmt.quantity(high, found.unit)})"
            )
        return f" (90 % interval {round(low)} to {round(high)})"
    known = low if low is not None else high or 0.0
    whole = found.quantity in ("batch", "ps", "workers")
    end = str(round(known)) if whole else quantity(found, known)
    where = "or more, perhaps never" if low is not None else "or less, perhaps never"
    return f" (90 % interval {end} {where})"


def _today(found: Threshold) -> str:
    if not found.today or found.value is None:
        return ""
    if found.quantity in ("batch", "ps", "workers"):
        return f"; now it is {round(found.today)}"
    ratio = found.value / found.today
    return f", {fmt.digits(ratio)} times today's {quantity(found, found.today)}"


def _of_ways(answer: Solved) -> str:
    best = answer.ways[0]
    reaches = [way for way in answer.ways if _reaches(answer.goal, way)]
    if not reaches:
        done = _score(answer.goal, best)
        name = best.change or "the job as it is"
        return (
            f"Not possible with one change of those tried: {_workers(answer)} reach "
            f"{done} at best, with {name}."
        )
    if len(answer.ways) == 1:
        goal = _goal(answer.goal, "the baseline", one=answer.workers == 1)
        return f"{_workers(answer)} {goal} as it is; no change of those tried makes it faster."
    names = ", ".join(way.change or "the job as it is" for way in reaches)
    return f"{len(reaches)} of {len(answer.ways)} reach it with {_workers(answer)}: {names}."


def _reaches(goal: Goal, way: WayOut) -> bool:
    return way.reached <= goal.target if goal.measure == "overhead" else way.reached >= goal.target


def _score(goal: Goal, way: WayOut) -> str:
    if goal.measure == "overhead":
        return f"{fmt.percent(way.reached)} of overhead"
    return fmt.times(way.speedup)


def _ways_table(answer: Solved) -> TextTable:
    overhead = answer.goal.measure == "overhead"
    table = TextTable("change", "speed-up", *(["overhead"] if overhead else []), left=(0,))
    for way in answer.ways:
        more = [fmt.percent(way.reached)] if overhead else []
        table.add_row(way.change or "(as it is)", fmt.times(way.speedup, way.interval), *more)
    return table


def _commands(ways: Iterable[WayOut], ask: Ask) -> list[str]:
    return [Order("Try:", ask(way.workers, way.fields)) for way in [*ways][:1] if way.fields]


def _faster_table(answer: Solved) -> TextTable:
    as_is = "overhead" if answer.goal.measure == "overhead" else "speed-up"
    header = ("device", f"{as_is} as it is", "batch", "bandwidth", "workers")
    table = TextTable(*header, spare=header[1:2])
    for row in answer.faster:
        now = "-" if row.now is None else fmt.digits(row.now)
        cells = (_cell(of) for of in (row.batch, row.bandwidth, row.workers))
        table.add_row(f"{row.speed:g}×", now, *cells)
    return table


def _cell(found: Threshold) -> str:
    if found.value is None:
        return "-"
    low, high = ("…" if end is None else _plain(found, end) for end in found.interval)
    return f"{_plain(found, found.value)} ({low}–{high})"


def _plain(found: Threshold, value: float) -> str:
    whole = found.quantity in ("batch", "workers")
    return str(round(value)) if whole else fmt.quantity(value, found.unit)

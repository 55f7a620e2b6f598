"""Headline: the sentences that answer, and how a ratio is said in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nworkers.cli.shown import format as fmt
from nworkers.models.records.aim import Aim
from nworkers.models.records.explained import Explained
from nworkers.models.records.prediction import BreakEven, Interval, Prediction

if TYPE_CHECKING:
    from nworkers.models.records.measurement import Comparison
    from nworkers.simulator.decide.job_mix import JobMix

CAUSE_WORDS = {
    "dispatch": "the runtime's dispatch",
    "input": "reading input",
    "fetch_latency": "latency of fetching variables",
    "fetch_transfer": "transfer of variables",
    "compute": "computing",
    "push_latency": "latency of pushing gradients",
    "push_transfer": "transfer of gradients",
    "apply": "applying gradients",
    "collective_latency": "latency of the all-reduce",
    "collective_transfer": "transfer of the all-reduce",
    "host_contention": "waiting for a processor core",
    "link_contention": "waiting for the shared link",
    "barrier_wait": "waiting for the slowest worker",
    "device_contention": "waiting for the GPU",
    "outage": "tasks that are down",
}
#: Ratios nearer to 1 than this are said in percent, the others in times.
NEAR = 0.5
#: Whole percent are told; what rounds to none is equal.
EQUAL = 0.005


class _Words(NamedTuple):
    """``3 % slower``, ``221 times slower``, ``1.83 times as fast``, or just ``as fast``."""

    figure: str
    unit: str
    pace: str

    def __str__(self) -> str:
        return " ".join(filter(None, self))


def _words(ratio: float) -> _Words:
    away = ratio - 1.0
    if abs(away) < EQUAL:
        return _Words("", "", "as fast")
    if abs(away) < NEAR:
        return _Words(f"{100 * abs(away):.0f}", "%", "slower" if away < 0.0 else "faster")
    if away < 0.0:
        return _Words(fmt.digits(1.0 / ratio), "times", "slower")
    return _Words(fmt.digits(ratio), "times", "as fast")


def pace(ratio: float, base: str, interval: Interval | None = None) -> str:
    """How fast something is that does ``ratio`` times the work of ``base`` in the same time.

    An interval follows in brackets, in the same words; what all of it has in common is said once.
    """
    words = _words(ratio)
    text = f"{words} {'as' if words.pace == 'as fast' else 'than'} {base}"
    return text if interval is None else f"{text} ({_span(words, *map(_words, interval))})"


def _span(value: _Words, low: _Words, high: _Words) -> str:
    if value == low == high:
        return "to within the last digit"
    if not {value[1:]} == {low[1:]} == {high[1:]}:
        return f"{low} to {high}"
    # Of what is slower the smaller figure is the faster end.
    first, last = (high, low) if value.pace == "slower" else (low, high)
    return f"{first.figure} to {last.figure} {last.unit}"


def of_prediction(row: Prediction) -> str:
    """How fast the workers of a row train, and what a step waits for."""
    if is_baseline(row):
        are = "is" if row.scenario.workers == 1 else "are"
        who = fmt.count(row.scenario.workers, "worker")
        return f"{who} {are} the baseline itself; {_waits(row)}."
    compared = pace(row.speedup, baseline(row), row.speedup_interval)
    return f"{_train(row)} {compared}; {_waits(row)}."


def in_short(row: Prediction) -> str:
    """A row in a few words."""
    return f"{fmt.count(row.scenario.workers, 'worker')} {row.speedup:.3g} times {baseline(row)}"


def of_explained(found: Explained) -> str:
    """What takes most of a step, and what doing without the most costly cause would buy."""
    row = found.row
    text = f"{_train(row)} {pace(row.speedup, baseline(row))}; {_waits(row)}."
    if not found.freed:
        return text
    best = found.freed[0]
    low, high = best.ratio_interval
    they = "it" if row.scenario.workers == 1 else "they"
    return (
        f"{text} Without {CAUSE_WORDS[best.cause]} {they} would be {fmt.digits(best.ratio)} times "
        f"as fast ({fmt.digits(low)} to {fmt.digits(high)}); then {CAUSE_WORDS[best.then]} takes "
        f"{fmt.percent(best.then_share)} of a step."
    )


def of_breakeven(result: BreakEven) -> str:
    """Which numbers of workers win and by how much, which is best, and where the gain is lost.

    Where none wins, how near the best comes and what stands in its way. A second sentence says how
    sure the first number is.
    """
    first = result.breakeven_workers
    best = max(result.rows, key=lambda row: row.speedup)
    base = baseline(best)
    reached = goal(result.aim, base)
    if first is None:
        return f"{_none(result, best, reached)}, and {_waits(best)}.{doubt(result)}"
    at_first = next(row for row in result.rows if row.scenario.workers == first)
    hosts = result.breakeven_hosts or 1
    on = f" on {hosts} hosts" if hosts > 1 else ""
    by = "by" if result.target_speedup == 1.0 else "at"
    by_much = ratio_text(at_first.speedup, at_first.speedup_interval)
    parts = [
        f"{fmt.count(first, 'worker')}{on} {wins(result.aim, first)} {reached}, {by} {by_much}"
    ]
    if len(result.rows) > 1:
        parts += [_best(best, first), *_lost(result, base)]
    return f"{'; '.join(parts)}.{doubt(result)}"


def _none(result: BreakEven, best: Prediction, reached: str) -> str:
    """That no number reaches the aim, and how near the best comes."""
    most, reaches = result.max_workers, wins(result.aim, 1)
    if is_baseline(best):
        begun = f"No number of workers up to {most} {reaches} {reached}"
        owned = best.scenario.workers
        return f"{begun}: none is faster than {'that one' if owned == 1 else f'those {owned}'}"
    near = str(_words(best.speedup))
    if near == "as fast":
        near = pace(best.speedup, baseline(best))
    if len(result.rows) == 1 and best.scenario.workers == most:
        workers = most
        does = "does" if workers == 1 else "do"
        it = "it trains" if workers == 1 else "they train"
        not_ = f"{fmt.count(workers, 'worker')} {does} not {wins(result.aim, 2)} {reached}"
        return f"{not_}: {it} {near}"
    return f"No number of workers up to {most} {reaches} {reached}: at best, {_train(best)} {near}"


def is_baseline(row: Prediction) -> bool:
    """Whether the workers are those that are owned, with nothing else about them."""
    return row.owned_workers == row.scenario.workers and set(row.draws) == {1.0}


def wins(aim: Aim, workers: int) -> str:
    """What workers do who reach an aim."""
    plain = aim.target_speedup == 1.0
    if workers == 1:
        return "beats" if plain else "reaches"
    return "beat" if plain else "reach"


def goal(aim: Aim, base: str) -> str:
    """``one process``, ``4 times one process``, and in what where that is not samples."""
    times = "" if aim.target_speedup == 1.0 else f"{aim.target_speedup:g} times "
    return f"{times}{base}{'' if aim.counts_samples else ' in progress'}"


def ratio_text(value: float, interval: Interval) -> str:
    low, high = map(fmt.digits, interval)
    return f"{fmt.digits(value)} ({low} to {high})"


def _best(best: Prediction, first: int) -> str:
    workers = best.scenario.workers
    if workers == first:
        return "no other number does better"
    return f"{workers} are best, at {fmt.digits(best.speedup)}"


def doubt(result: BreakEven | JobMix) -> str:
    """The interval of the first number that wins, as a sentence; empty where all is never."""
    low, high = result.breakeven_workers_interval
    if low is None:
        return ""
    if result.breakeven_workers is None:
        return f" It may be that as few as {low} do (90 % interval)."
    if low == high:
        return f" It takes {low} in at least 90 % of the draws."
    if high is not None:
        return f" It may take from {low} to {high} (90 % interval)."
    few = f"It may take as few as {low}, and it" if low < result.breakeven_workers else "It"
    return f" {few} may be that no number up to {result.max_workers} does (90 % interval)."


def _lost(result: BreakEven, base: str) -> list[str]:
    """Where the workers are slower again, and where they win once more; nothing where they keep."""
    (_, last), *again = result.beats_single
    most = result.max_workers
    if last == most:
        return []
    plain = result.target_speedup == 1.0
    less = f"no faster than {base}" if plain else f"no more than {result.target_speedup:g} times"
    if not again:
        return [f"{_range(last + 1, most, most)} it is {less}"]
    ranges = " and ".join(_range(low, high, most) for low, high in again)
    return [f"beyond {last} it is {less}, but wins again {ranges}"]


def _range(low: int, high: int, most: int) -> str:
    if high == most and low < high:
        return f"from {low} on"
    return f"at {low}" if low == high else f"from {low} to {high}"


def interval_of_first(interval: tuple[int | None, int | None], max_workers: int) -> str:
    """The interval of the first number that wins, short enough for a picture."""
    low, high = interval
    if low == high:
        return str(low)
    none = f"none up to {max_workers}"
    return f"{low}, or {none}" if high is None else f"{low} to {high}"


def of_comparison(result: Comparison) -> str:
    """Which of the counts tried is the first that wins, measured and predicted."""
    measured, predicted = map(_first, (result.breakeven_measured, result.breakeven_predicted))
    if measured == predicted:
        return f"Measured and predicted alike, {measured}."
    return f"Measured, {measured}; predicted, {predicted}."


def _first(workers: int | None) -> str:
    if workers is None:
        return "none of the counts tried beats one process"
    are = "is" if workers == 1 else "are"
    return f"{fmt.count(workers, 'worker')} {are} the first of the counts tried to beat one process"


def baseline(row: Prediction) -> str:
    """What a row is compared with."""
    return named_baseline(row.baseline)


def named_baseline(name: str) -> str:
    """A baseline as it was asked for, in words."""
    if name == "device":
        return "one process"
    if name == "host":
        return "one host"
    known = name.isdecimal() and len(name) < 10
    return fmt.count(int(name), "worker") if known else name


def _train(row: Prediction) -> str:
    workers = row.scenario.workers
    return f"{fmt.count(workers, 'worker')} {'trains' if workers == 1 else 'train'}"


def _waits(row: Prediction) -> str:
    share = fmt.percent(row.breakdown[row.bottleneck] / row.step_time_s)
    return f"each step spends {share} on {CAUSE_WORDS[row.bottleneck]}"

"""The sampling protocol of one burst: warm up, sample, stop on precision or on a cap."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from nworkers.models.base.statistics import median_interval
from nworkers.models.records.calibration import Stop

MIN_SAMPLES = 20
WARMUP_CALLS = 5
#: Shares of a burst's budget: a step of microseconds is precise within milliseconds, but precise of
#: one phase of the machine, with caches and threads still cold from the cell before.
WARMUP_SHARE = 0.15
LEAST_SHARE = 0.35


@dataclass(frozen=True)
class Limits:
    """When a burst ends.

    ``precision`` is the half-width of the median's 95 % interval over the median; it ends a burst
    after a third of ``budget_s`` at the soonest. With ``start_at`` (a time of
    ``time.perf_counter``) the burst takes all of ``budget_s`` from there, so that workers overlap.
    With ``exactly`` it takes that many samples after ``WARMUP_CALLS``, whatever they cost: workers
    of a collective must all call it equally often, or one waits for ever.
    """

    precision: float
    max_samples: int
    budget_s: float
    start_at: float | None = None
    exactly: int | None = None


@dataclass(frozen=True)
class Samples:
    """Seconds of each call, in order, and why the burst ended.

    ``warmup_s`` also has the calls after a window, in which other workers end theirs.
    """

    warmup_s: tuple[float, ...]
    samples_s: tuple[float, ...]
    stop: Stop


def precise(samples_s: list[float], precision: float) -> bool:
    """Whether the 95 % interval of the median lies within ``precision`` of it."""
    if len(samples_s) < MIN_SAMPLES:
        return False
    ordered = sorted(samples_s)
    low, high = median_interval(ordered)
    return high - low <= 2 * precision * ordered[len(ordered) // 2]


def nothing() -> None:
    """What most cells do before and after a call."""


def doubled(error: Exception) -> bool:
    """Whether a step failed because its request reached a task twice, and may be run again.

    TensorFlow aborts a step when it sees the number of its request again, as if gRPC had sent it
    twice. Two of some forty calibrations met it, once each.
    """
    return "request was received twice" in str(error)


def sample(
    step: Callable[[], object],
    limits: Limits,
    *,
    before: Callable[[], object] = nothing,
    after: Callable[[], object] = nothing,
) -> Samples:
    """Time ``step`` until the limits are met; at least one sample is taken.

    ``before`` and ``after`` run around every call, outside its time: a pause, or work that the call
    is to run beside. Precision is looked at between chunks of calls, outside the timed intervals,
    so that looking costs the samples nothing.
    """
    clock = time.perf_counter

    def call() -> float:
        # Two readings for each call: the loop's own work is in no sample.
        before()
        begin = clock()
        try:
            step()
        except Exception as error:
            # What must be called equally often everywhere cannot be called once more.
            if limits.exactly is not None or not doubled(error):
                raise
            begin = clock()
            step()
        now = clock()
        after()
        return now - begin

    if limits.exactly is not None:
        warm = tuple(call() for _ in range(WARMUP_CALLS))
        return Samples(warm, tuple(call() for _ in range(limits.exactly)), "count")
    warmup: list[float] = []
    if limits.start_at is None:
        warm_until = clock() + WARMUP_SHARE * limits.budget_s
        while len(warmup) < WARMUP_CALLS or clock() < warm_until:
            warmup.append(call())
            if sum(warmup) > limits.budget_s / 2:
                break
        least = clock() + LEAST_SHARE * limits.budget_s
        end = clock() + limits.budget_s
    else:
        # Warming up until the common start keeps every worker busy from the first sample on.
        while clock() < limits.start_at or not warmup:
            warmup.append(call())
        least = end = limits.start_at + limits.budget_s
    samples: list[float] = []
    chunk = MIN_SAMPLES
    stop: Stop = "window" if limits.start_at is not None else "time"
    while True:
        room = limits.max_samples - len(samples)
        for _ in range(min(chunk, room)):
            samples.append(call())
            if clock() >= end:
                if limits.start_at is not None:
                    # The others' last call began within the window too; they are not to end alone.
                    until = end + max(samples)
                    while clock() < until:
                        warmup.append(call())
                return Samples(tuple(warmup), tuple(samples), stop)
        if clock() >= least and precise(samples, limits.precision):
            return Samples(tuple(warmup), tuple(samples), "precision")
        if len(samples) >= limits.max_samples:
            return Samples(tuple(warmup), tuple(samples), "samples")
        chunk = max(MIN_SAMPLES, len(samples) // 2)

"""Faults: what a long run keeps of its throughput when tasks fail or fall behind now and then."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nworkers.models.base.errors import InputError
from nworkers.models.records.profile import Profile
from nworkers.models.records.scenario import Scenario
from nworkers.models.records.what_if import Failures, Slow, Stragglers, WhatIf
from nworkers.simulator.study.steady import steady_step_s

_HOUR_S = 3600.0
#: Outages of at least this many steps leave training in a steady state of its own meanwhile; after
#: an outage, workers that it brought into phase on a fair link stay so for tens of steps.
LONG_STEPS = 50
#: Faults of one step beyond which an endless number of events is ahead: with three, one try in
#: twenty comes to its end.
_MOST_IN_A_STEP = 3.0
#: A smaller share of the throughput is as good as none.
_LEAST_KEPT = 1e-9
#: States less likely than this, against the likeliest, are left out.
_RARE = 1e-3
#: Numbers of dead workers, or of slow ones, that are simulated.
_GROUPS = 7


def split(scenario: Scenario, step_s: float) -> tuple[WhatIf, WhatIf]:
    """The scenario's what-if with its short faults only, and with its long ones only.

    Raises:
        InputError: steps would hardly ever end for the short ones.
    """
    change = scenario.what_if
    slow, died, down = change.stragglers, change.worker_failures, change.ps_failures
    long_s = LONG_STEPS * step_s
    long_slow = slow is not None and slow.duration_s >= long_s
    long_died = died is not None and died.recovery_s >= long_s
    long_down = down is not None and down.recovery_s >= long_s
    short = replace(
        change,
        stragglers=None if long_slow else slow,
        worker_failures=None if long_died else died,
        ps_failures=None if long_down else down,
    )
    long = replace(
        change,
        stragglers=slow if long_slow else None,
        worker_failures=died if long_died else None,
        ps_failures=down if long_down else None,
    )
    _check_events(short, scenario, step_s)
    return short, long


def _check_events(short: WhatIf, scenario: Scenario, step_s: float) -> None:
    """Raises: InputError: a step meets more faults than a run of events comes to an end with."""
    for name, fault, tasks in (
        ("stragglers", short.stragglers, 1),
        ("worker-failures", short.worker_failures, 1),
        ("ps-failures", short.ps_failures, len(scenario.ps_hosts)),
    ):
        if fault is None:
            # All-reduce has no ps to fail.
            continue
        most = _MOST_IN_A_STEP * _HOUR_S / (step_s * tasks)
        if fault.per_hour > most:
            raise InputError(
                "what_if",
                f"{name} of {fault.per_hour:g} an hour, with steps of {step_s:.3g} s",
                f"at most {most:.3g} an hour, {_MOST_IN_A_STEP:g} in a step",
            )


def kept_share(profile: Profile, scenario: Scenario, long: WhatIf) -> float:
    """Throughput of a long run over that of one without these faults.

    Outages much longer than a step leave training in one steady state after the other, so that its
    throughput is their mean, each for its share of the time (nearly complete decomposability:
    Courtois, *Decomposability*, 1977). Tasks fail independently of each other.

    Args:
        long: the faults, each much longer than a step.

    Raises:
        InputError: hardly anything is kept.
    """
    change = scenario.what_if
    waited_for = scenario.strategy != "ps-async" or change.staleness is not None or change.hybrid
    backup = change.backup_workers if scenario.strategy == "ps-sync" else 0
    spare = backup - change.dead_workers if backup else 0
    alive = scenario.workers - change.dead_workers
    factor = long.stragglers.factor if long.stragglers else 1.0
    dead_shares = _counts(alive, _bad_share(long.worker_failures), spare if waited_for else None)
    whole = _rate(profile, scenario, 0, Slow(0, 1.0))
    kept = 0.0
    for dead, dead_share in dead_shares:
        if dead >= alive or (waited_for and dead > spare):
            continue
        left = spare - dead if waited_for else None
        for slow, share in _counts(alive - dead, _bad_share(long.stragglers), left):
            rate = _rate(profile, scenario, dead, Slow(slow, factor))
            kept += dead_share * share * rate / whole
    up = (1.0 - _bad_share(long.ps_failures)) ** len(scenario.ps_hosts)
    # Nothing goes faster for it, whatever few steps say.
    kept = min(1.0, kept) * up
    if kept < _LEAST_KEPT:
        raise InputError(
            "what_if",
            f"{', '.join(change.changes)}, with {kept:.2g} of the throughput left",
            f"faults that leave at least {_LEAST_KEPT:g} of it",
        )
    return kept


def _bad_share(fault: Failures | Stragglers | None) -> float:
    """Which share of its time a task is dead or slow."""
    if fault is None:
        return 0.0
    lasts_s = fault.duration_s if isinstance(fault, Stragglers) else fault.recovery_s
    load = fault.per_hour / _HOUR_S * lasts_s
    return load / (1.0 + load)


def _counts(n: int, p: float, spare: int | None) -> list[tuple[int, float]]:
    """How many of n tasks are in a bad state, and for which share of the time; binomial.

    Args:
        spare: where the slowest are waited for, how many are not: those beyond count as one more.
            None where nobody is, and then neighbouring counts are taken together if there are many.
    """
    if p <= 0.0 or n == 0:
        return [(0, 1.0)]
    k = np.arange(n + 1)
    log_share = np.cumsum(np.log((n - k[:-1]) / (k[:-1] + 1.0) * (p / (1.0 - p))))
    shares = np.exp(np.concatenate([[0.0], log_share]) + n * np.log1p(-p))
    if spare is not None:
        few = shares[: max(0, spare) + 1]
        beyond = (len(few), max(0.0, 1.0 - float(few.sum())))
        return [*((int(count), float(few[count])) for count in range(len(few))), beyond]
    likely = np.flatnonzero(shares > _RARE * shares.max())
    groups = np.array_split(likely, min(likely.size, _GROUPS))
    total = shares[likely].sum()
    return [
        (round(float(np.average(g, weights=shares[g]))), float(shares[g].sum() / total))
        for g in groups
    ]


def _rate(profile: Profile, scenario: Scenario, dead: int, slow: Slow) -> float:
    """Samples of workers' batches a second with so many workers dead, and so many slow."""
    change = scenario.what_if
    now = replace(
        change,
        dead_workers=change.dead_workers + dead,
        slow_workers=slow if slow.count and slow.factor > 1.0 else change.slow_workers,
    )
    at = replace(scenario, what_if=now)
    return at.counted_workers / steady_step_s(profile, at)

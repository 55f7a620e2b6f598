"""Random numbers by key: each depends on what it is for, and on nothing else."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nworkers.models.base.statistics import Floats
from nworkers.models.costs.phase import OPERATIONS, Operation
from nworkers.models.records.profile import Noise
from nworkers.simulator.engine.events.outages import Renewal
from nworkers.simulator.step.noise import VARYING
from nworkers.simulator.step.variates import (
    DrawnVariates,
    Purpose,
    factors,
    key,
    scores,
    split,
    uniforms,
)
from nworkers.simulator.study.replications import starting_phases

BINS = tuple(0.5 + k / 64 for k in range(64))
#: Requests come in slow phases, and compute varies independently.
NOISE = Noise(
    within={"fetch": BINS, "compute": BINS, "push": BINS},
    between=({},),
    autocorrelation={"fetch": 0.6},
)
spans = st.tuples(st.integers(0, 40), st.integers(1, 40)).map(lambda t: range(t[0], sum(t)))
seeds = st.integers(0, 2**70)


@given(seeds, st.integers(0, 100), spans, spans, st.permutations(OPERATIONS))
@settings(max_examples=60, deadline=None)
def test_a_factor_is_the_same_whatever_else_is_asked_for(
    seed: int, replication: int, workers: range, steps: range, operations: list[Operation]
) -> None:
    drawn = DrawnVariates(NOISE, seed, replication)
    whole = factors(drawn, OPERATIONS, range(80), range(80))
    places = [OPERATIONS.index(operation) for operation in operations]
    part = whole[workers.start : workers.stop, steps.start : steps.stop][:, :, places]
    assert np.array_equal(factors(drawn, operations, workers, steps), part)


@given(seeds, spans, spans, st.lists(st.integers(0, 30), min_size=1, max_size=5, unique=True))
@settings(max_examples=60, deadline=None)
def test_a_score_is_the_same_whatever_else_is_asked_for(
    seed: int, workers: range, steps: range, transfers: list[int]
) -> None:
    drawn = DrawnVariates(NOISE, seed, 3)
    whole = scores(drawn, range(31), range(80), range(80))
    part = whole[workers.start : workers.stop, steps.start : steps.stop][:, :, transfers]
    assert np.array_equal(scores(drawn, transfers, workers, steps), part)


@given(seeds, st.integers(1, 40), st.integers(1, 40))
@settings(max_examples=30, deadline=None)
def test_more_workers_start_as_fewer_do(seed: int, few: int, more: int) -> None:
    many = starting_phases(seed, few + more, range(12))
    assert np.array_equal(many[:, :few], starting_phases(seed, few, range(12)))


def test_an_outage_is_that_of_its_task() -> None:
    """Two that are looked at as they come, and one alone."""
    one, other, again = (
        Renewal(split(key(Purpose.STRAGGLER, 1, 0), k), 0.1, 2.0) for k in (0, 1, 0)
    )
    times = [0.7 * k for k in range(3000)]
    beside = [(one.until_s(t), other.until_s(t)) for t in times]
    assert [first for first, _ in beside] == [again.until_s(t) for t in times]
    assert [first for first, _ in beside] != [second for _, second in beside]


def test_numbers_are_those_that_were_published() -> None:
    """SplitMix64 from the seed 1234567, as the reference implementation in C prints it."""
    wanted = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    assert [split(1234567, k) for k in range(5)] == wanted
    assert uniforms(1234567, np.arange(5)) == pytest.approx(np.array(wanted) / 2.0**64, rel=1e-12)


def test_numbers_stay() -> None:
    """They are whole numbers of 64 bits until the end, and so the same on every machine."""
    begin = key(Purpose.FACTOR, 1, 0)
    assert begin == split(split(split(0, 1), 1), 0)
    for worker, step in ((0, 0), (3, 7), (2**31, 2**40)):
        bits = split(split(begin, worker), step) >> 12
        assert uniforms(begin, worker, step).tolist() == [(bits + 0.5) / 2**52]


def test_purposes_and_operations_have_numbers_of_their_own() -> None:
    assert len({int(purpose) for purpose in Purpose}) == len(Purpose.__members__)
    numbers = [varying.number for varying in VARYING.values() if varying.number is not None]
    assert len(set(numbers)) == len(numbers)
    assert set(VARYING) == set(OPERATIONS)


def block(seed: int = 1) -> Floats:
    """[purpose, replication, worker, step]."""
    return np.array(
        [
            [uniforms(key(p, seed, r), np.arange(64)[:, None], np.arange(64)) for r in range(8)]
            for p in Purpose
        ]
    )


def test_numbers_are_uniform() -> None:
    """χ² of 256 equal bins, and moments, within what one sample in a million would exceed."""
    drawn = block().ravel()
    counts = np.bincount((drawn * 256).astype(int), minlength=256)
    chi2 = float(((counts - drawn.size / 256) ** 2).sum() / (drawn.size / 256))
    # Of 255 degrees of freedom: mean 255, deviation √510.
    assert chi2 == pytest.approx(255, abs=5 * 510**0.5)
    assert drawn.min() > 0.0
    assert drawn.max() < 1.0
    assert drawn.mean() == pytest.approx(0.5, abs=5 / (12 * drawn.size) ** 0.5)


@pytest.mark.parametrize("axis", range(4), ids=["purpose", "replication", "worker", "step"])
def test_neighbours_are_independent(axis: int) -> None:
    """Also those of the next seed; correlations within five standard errors, and of the squares."""
    drawn = np.moveaxis(block(), axis, 0) - 0.5
    other = np.moveaxis(block(2), axis, 0) - 0.5
    for one, two in [(drawn[:-1], drawn[1:]), (drawn, other)]:
        for power in (1, 2):
            x, y = (each.ravel() ** power for each in (one, two))
            found = float(np.corrcoef(x, y)[0, 1])
            assert abs(found) < 5 / x.size**0.5


def test_slow_phases_last_beyond_any_block() -> None:
    """The rank correlation of successive steps, where one block ends and the next begins."""
    drawn = DrawnVariates(NOISE, 5, 0)
    ends = [
        factors(drawn, ["fetch"], range(4000), range(at, at + 1)).ravel() for at in (15, 16, 17)
    ]
    for one, two in pairwise(ends):
        ranks = [each.argsort().argsort() for each in (one, two)]
        assert np.corrcoef(ranks[0], ranks[1])[0, 1] == pytest.approx(0.6, abs=0.05)


def test_another_slowdown_changes_no_draw() -> None:
    plain = DrawnVariates(NOISE, 1, 0)
    slowed = replace(plain, slowdown={"fetch": 2.0})
    asked: tuple[list[Operation], range, range] = (["fetch", "push"], range(5), range(9))
    assert np.array_equal(factors(slowed, *asked), factors(plain, *asked) * (2.0, 1.0))

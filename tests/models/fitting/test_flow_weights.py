"""Unevenness: found again where it was put in, and looked up between what was measured."""

from __future__ import annotations

import numpy as np
import pytest

from nworkers.models.costs.unevenness import deviation_at
from nworkers.models.fitting.flow_weights import (
    fit_flow_weights,
    seen_discipline,
    shared_ends,
)
from nworkers.models.records.calibration import ConcurrentFlows
from nworkers.models.records.profile import FlowWeights


def crowd(flows: int, deviation: float, rounds: int = 400) -> ConcurrentFlows:
    """Rounds of transfers whose weights are lognormal, in any order."""
    rng = np.random.default_rng(3)
    ends = shared_ends(np.exp(deviation * rng.standard_normal((rounds, flows))))
    return ConcurrentFlows(
        flows, 10**6, tuple(tuple(0.3 * e for e in rng.permutation(row)) for row in ends)
    )


def test_equal_weights_end_together() -> None:
    assert shared_ends(np.ones((1, 5))) == pytest.approx(np.ones((1, 5)))


def test_unequal_weights_end_one_after_the_other() -> None:
    """Weights 3 and 1, half of the bytes each: the first ends after 2/3, the last when all has."""
    assert shared_ends(np.array([[1.0, 3.0]])) == pytest.approx(np.array([[2 / 3, 1.0]]))


def test_whoever_has_all_the_weight_goes_first() -> None:
    weights = np.array([[1e-9, 1.0, 1e9]])
    assert shared_ends(weights) == pytest.approx(np.array([[1 / 3, 2 / 3, 1.0]]))


@pytest.mark.parametrize("flows", [2, 4, 16])
@pytest.mark.parametrize("deviation", [0.1, 0.5, 1.2])
def test_a_deviation_is_found_again(flows: int, deviation: float) -> None:
    (found,) = fit_flow_weights([crowd(flows, deviation)])
    assert (found.flows, found.size_bytes) == (flows, 1e6)
    assert found.log_deviation == pytest.approx(deviation, rel=0.15)


def test_equal_shares_have_no_deviation_and_turns_the_most() -> None:
    together = ConcurrentFlows(3, 10, ((1.0, 1.0, 1.0),))
    in_turn = ConcurrentFlows(3, 20, ((1.0, 2.0, 3.0),))
    found = fit_flow_weights([in_turn, together])
    assert [each.log_deviation for each in found] == pytest.approx([0.0, 3.0], abs=0.01)


@pytest.mark.parametrize("flows", [2, 4, 16])
@pytest.mark.parametrize("deviation", [0.0, 0.5, 1.0])
def test_unequal_shares_are_still_no_turns(flows: int, deviation: float) -> None:
    assert seen_discipline([crowd(flows, deviation)]) == "fair"


def test_turns_are_seen() -> None:
    in_turn = ConcurrentFlows(3, 20, ((1.0, 2.0, 3.0),)), ConcurrentFlows(2, 20, ((2.0, 1.1),))
    assert seen_discipline(in_turn) == "fifo"
    assert seen_discipline([]) is None


MEASURED = (
    FlowWeights(2, 1e4, 0.2),
    FlowWeights(8, 1e4, 0.6),
    FlowWeights(2, 1e6, 0.4),
    FlowWeights(8, 1e6, 0.0),
)


@pytest.mark.parametrize(
    ("flows", "size_bytes", "deviation"),
    [
        (1, 1e4, 0.0),
        (2, 1e4, 0.2),
        (4, 1e4, 0.4),
        (2, 1e5, 0.3),
        (4, 1e5, 0.3),
        (64, 1e4, 0.6),
        (2, 1.0, 0.2),
        (8, 1e9, 0.0),
    ],
)
def test_between_what_was_measured(flows: int, size_bytes: float, deviation: float) -> None:
    assert deviation_at(MEASURED, flows, size_bytes) == pytest.approx(deviation)


def test_nothing_measured_is_equal_shares() -> None:
    assert deviation_at((), 8, 1e6) == 0.0

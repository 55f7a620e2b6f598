"""Search: the same answers as by trying all, with few full predictions."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.solved import Goal
from nworkers.simulator.decide.quantities import job_of, quantity_of
from nworkers.simulator.decide.reaching import fully
from nworkers.simulator.decide.search import TOLERANCE, first_rung, search

RESNET = JobRequest("loopback-2core", workload="resnet-50", link="10gbit", scaling="weak")
FEW, SLACK = 24, 0.02


@given(
    st.lists(st.floats(1e-6, 1e6), min_size=2, max_size=600, unique=True),
    st.floats(0.0, 1.0, exclude_min=True),
)
def test_the_first_rung_is_that_of_trying_all(scores: list[float], share: float) -> None:
    scores.sort()
    needed = scores[math.ceil(share * (len(scores) - 1))]
    tried: list[int] = []

    def score(place: int) -> float:
        tried.append(place)
        return scores[place]

    found = first_rung(len(scores) - 1, score, needed)
    assert found == next(k for k, one in enumerate(scores) if one >= needed)
    # Each three steps halve what is left, however the curve bends.
    assert len(tried) <= 2 + 4 * math.ceil(math.log2(len(scores)))


@pytest.mark.parametrize("steepness", [0.2, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("share", [0.03, 0.4, 0.77, 0.999])
def test_a_smooth_curve_takes_few_tries(steepness: float, share: float) -> None:
    curve = [1.0 / (1.0 + math.pow(1.0 + k / 512, -2.0 * steepness)) for k in range(513)]
    tried: list[int] = []

    def score(place: int) -> float:
        tried.append(place)
        return curve[place]

    first_rung(512, score, curve[0] + share * (curve[512] - curve[0]))
    # Both ends, and fewer than the nine halves.
    assert len(tried) <= 2 + 8


@pytest.mark.parametrize("share", [0.6, 0.8, 0.9, 0.95])
@pytest.mark.parametrize("what", ["bandwidth", "batch"])
def test_few_full_predictions_enclose_the_answer(what: str, share: float) -> None:
    """Also where the first of them is enough already: from there on it crept, and gave up."""
    job = job_of(replace(RESNET, batch=64))
    least = fully(Goal("speedup", 1.0), job.resolved(4), FEW).value
    quantity = quantity_of(job, what, 4)
    counts: list[int] = []
    found = search(
        quantity.axis,
        Goal("speedup", share * least),
        slack=SLACK,
        replications=FEW,
        known=lambda predicted, low, high: counts.append(predicted),
    )
    assert found.value is not None
    before = found.value - 1 if quantity.axis.step else found.value * (1.0 - 2.0 * TOLERANCE)
    assert (
        found.reached.score < 1.0 + SLACK
        or fully(Goal("speedup", share * least), quantity.axis.at(before), FEW).score < 1.0
    )
    assert len(counts) <= 5

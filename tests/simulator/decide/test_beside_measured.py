"""A run beside its prediction: runs are made by the simulation, of known hardware."""

from __future__ import annotations

import numpy as np
import pytest

from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.measured_steps import BesideMeasured, MeasuredSteps
from nworkers.models.records.setting import Setting
from nworkers.simulator.decide.beside_measured import PARTS, beside_measured
from nworkers.simulator.study.ask import predict
from nworkers.simulator.study.resolve import resolve

JOB = JobRequest()
WORKERS = 4


def beside(steps_s: np.ndarray, between_s: np.ndarray | None = None) -> BesideMeasured:
    job = resolve(JOB, [WORKERS])
    run = MeasuredSteps(
        tuple(steps_s.tolist()), None if between_s is None else tuple(between_s.tolist())
    )
    return beside_measured(job, predict(JOB, WORKERS), run)


def steps(mean_s: float, count: int = 400, spread: float = 0.1, seed: int = 1) -> np.ndarray:
    return mean_s * np.random.default_rng(seed).lognormal(-(spread**2) / 2, spread, count)


EXPECTED_S = predict(JOB, WORKERS).step_time_s


@pytest.mark.parametrize("seed", range(5))
def test_a_run_as_predicted_is_normal_and_has_no_suspects(seed: int) -> None:
    found = beside(steps(EXPECTED_S, seed=seed))
    assert (found.verdict, found.signs, found.suspects) == ("normal", (), ())
    assert found.ratio == pytest.approx(1.0, abs=0.03)


def test_the_part_that_was_slow_is_among_the_suspects_with_its_factor() -> None:
    """The same job where a wire is half as fast, which is what the run has."""
    half = ("link.shared_bandwidth_bytes_per_s", "link.fetch.segments[0].bandwidth_bytes_per_s",
            "link.push.segments[0].bandwidth_bytes_per_s")  # fmt: skip
    request = JobRequest(settings=tuple(Setting(path, factor=0.5) for path in half))
    found = beside(steps(predict(request, WORKERS).step_time_s))
    assert found.verdict == "slow"
    first = found.suspects[0]
    assert first.part == "transfer"
    assert first.factor == pytest.approx(2.0, rel=0.15)
    factors = [s.factor for s in found.suspects if s.factor is not None]
    assert factors == sorted(factors)
    assert {s.part for s in found.suspects} <= {*PARTS, "cores"}


def test_a_run_faster_than_can_be_names_what_cannot_explain_it() -> None:
    found = beside(steps(EXPECTED_S / 2))
    assert found.verdict == "fast"
    by_part = {s.part: s.factor for s in found.suspects}
    assert by_part["compute"] is None
    assert by_part["transfer"] is not None
    assert by_part["transfer"] < 0.7


def test_few_steps_beyond_the_interval_do_not_tell() -> None:
    high = predict(JOB, WORKERS).step_time_s_interval[1]
    found = beside(steps(1.1 * high, count=12, spread=0.8, seed=3))
    assert found.interval[0] < high < found.interval[1]
    if found.step_time_s > high:
        assert found.verdict == "too short"


def test_a_warm_up_is_left_out_and_said() -> None:
    warm = steps(EXPECTED_S)
    warm[:3] *= 50.0
    found = beside(warm)
    assert 3 <= found.warmup_steps <= 20
    assert found.verdict == "normal"
    # A beginning as the rest is no warm-up.
    assert beside(steps(EXPECTED_S)).warmup_steps == 0


def test_stalls_drift_and_time_outside_are_signs() -> None:
    stalled = steps(EXPECTED_S)
    stalled[50::50] *= 20.0
    assert beside(stalled).signs == ("stalls",)
    grown = steps(EXPECTED_S) * np.linspace(0.8, 1.3, 400)
    assert "drift" in beside(grown).signs
    plain = steps(EXPECTED_S)
    assert beside(plain, 0.3 * plain).signs == ("outside",)
    assert beside(plain, 0.01 * plain).signs == ()


def test_the_error_of_a_mean_covers_it_where_steps_are_correlated() -> None:
    """AR(1) with 0.8, whose mean is known: nine of ten intervals hold it."""
    rng = np.random.default_rng(7)
    held = 0
    for _ in range(60):
        noise = rng.normal(size=2000)
        for k in range(1, noise.size):
            noise[k] = 0.8 * noise[k - 1] + 0.6 * noise[k]
        low, high = beside(EXPECTED_S * (1.0 + 0.05 * noise)).interval
        held += low <= EXPECTED_S <= high
    assert 47 <= held <= 60

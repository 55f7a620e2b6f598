"""The protocol, on steps whose times are known."""

from __future__ import annotations

import time

import pytest

from nworkers.calibrate.probes.sampling import MIN_SAMPLES, WARMUP_CALLS, Limits, precise, sample


def test_even_steps_stop_on_precision() -> None:
    taken = sample(lambda: time.sleep(0.001), Limits(0.5, 5000, 1.0))
    assert taken.stop == "precision"
    assert len(taken.warmup_s) >= WARMUP_CALLS
    assert sum(taken.samples_s) >= 0.3
    assert MIN_SAMPLES <= len(taken.samples_s) < 1000
    assert min(taken.samples_s) >= 0.001


def test_a_cap_of_samples_is_kept_and_named() -> None:
    taken = sample(lambda: None, Limits(0.0, 50, 5.0))
    assert (taken.stop, len(taken.samples_s)) == ("samples", 50)


def test_a_cap_of_time_is_kept_and_named_and_one_sample_always_taken() -> None:
    taken = sample(lambda: time.sleep(0.05), Limits(0.02, 1000, 0.02))
    assert taken.stop == "time"
    assert len(taken.samples_s) == 1


def test_a_window_starts_in_common_and_warms_up_until_then() -> None:
    start = time.perf_counter() + 0.05
    taken = sample(lambda: time.sleep(0.002), Limits(0.0, 1000, 0.1, start_at=start))
    assert taken.stop == "window"
    assert len(taken.warmup_s) >= 5
    assert 0.05 < sum(taken.samples_s) < 0.5


def test_precision_needs_enough_samples_and_a_narrow_interval() -> None:
    assert not precise([1.0] * (MIN_SAMPLES - 1), 0.02)
    assert precise([1.0] * MIN_SAMPLES, 0.02)
    assert not precise([1.0, 2.0] * MIN_SAMPLES, 0.02)


class Failing:
    """A step that fails once, at its tenth call."""

    def __init__(self, words: str) -> None:
        self.words, self.calls = words, 0

    def __call__(self) -> None:
        self.calls += 1
        if self.calls == 10:
            raise RuntimeError(self.words)


DOUBLED = "The same RunGraph (Worker) request was received twice. request_id: 7"


def test_a_step_whose_request_arrived_twice_is_run_again() -> None:
    """In TensorFlow's own words."""
    step = Failing(DOUBLED)
    limits = Limits(budget_s=0.01, precision=0.5, max_samples=30)
    taken = sample(step, limits)
    assert step.calls == len(taken.warmup_s) + len(taken.samples_s) + 1


@pytest.mark.parametrize(("words", "exactly"), [("out of memory", None), (DOUBLED, 20)])
def test_no_other_failure_and_nothing_in_lock_step(words: str, exactly: int | None) -> None:
    limits = Limits(budget_s=0.01, precision=0.5, max_samples=30, exactly=exactly)
    with pytest.raises(RuntimeError, match=words[:10]):
        sample(Failing(words), limits)


def test_after_a_window_the_load_goes_on_until_the_others_have_ended_theirs() -> None:
    """A call that began within the window meets the others' load until its end."""
    step_s, begin = 0.02, time.perf_counter()
    limits = Limits(0.0, 1000, budget_s=0.05, start_at=begin + 0.03)
    taken = sample(lambda: time.sleep(step_s), limits)
    ended_s = time.perf_counter() - begin
    assert ended_s >= 0.03 + 0.05 + step_s
    assert len(taken.samples_s) <= 4
    calls = len(taken.warmup_s) + len(taken.samples_s)
    assert calls * step_s >= 0.1

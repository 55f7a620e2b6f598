"""Every headline as it is read aloud, word for word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nworkers.cli.shown import headline
from nworkers.models.records.aim import Aim
from nworkers.models.records.measurement import Comparison
from nworkers.models.records.prediction import BreakEven, Interval, Prediction, TaskMemory
from nworkers.models.records.scenario import Scenario
from nworkers.models.records.workload import named_workload

JOB = Scenario(named_workload("gemm:128,256"), 4, batch=64)


def row(
    workers: int = 4,
    speedup: float = 1.5,
    interval: Interval = (1.0, 2.0),
    baseline: str = "device",
) -> Prediction:
    return Prediction(
        scenario=replace(JOB, workers=workers),
        step_time_s=0.01,
        step_time_s_interval=(0.009, 0.011),
        monte_carlo_error=0.0001,
        throughput_samples_per_s=100.0,
        throughput_samples_per_s_interval=(90.0, 110.0),
        single_process_samples_per_s=100.0,
        single_process_step_time_s=0.01,
        baseline=baseline,
        baseline_samples_per_s=100.0 / speedup,
        speedup=speedup,
        speedup_interval=interval,
        efficiency=speedup / workers,
        probability_beats=0.5,
        compute_source="gemm_rate",
        extrapolated=(),
        bottleneck="link_contention",
        breakdown={"link_contention": 0.006, "compute": 0.004},
        resources=(),
        warmup_steps=1,
        simulated_steps=2,
        memory=TaskMemory((1.0,), 1.0, 2.0, 0, None),
        draws=(speedup,),
        throughput_draws=(100.0,),
    )


WAITS = "; each step spends 60 % on waiting for the shared link."


@pytest.mark.parametrize(
    ("speedup", "interval", "words"),
    [
        (0.00453, (0.003, 0.006), "221 times slower than one process (167 to 333 times)"),
        (0.4, (0.2, 0.9), "2.50 times slower than one process (5.00 times slower to 10 % slower)"),
        (0.97, (0.95, 0.99), "3 % slower than one process (1 to 5 %)"),
        (0.97, (0.9, 1.08), "3 % slower than one process (10 % slower to 8 % faster)"),
        (1.002, (0.97, 1.03), "as fast as one process (3 % slower to 3 % faster)"),
        (1.0, (0.999, 1.001), "as fast as one process (to within the last digit)"),
        (1.04, (1.0, 1.3), "4 % faster than one process (as fast to 30 % faster)"),
        (
            1.04,
            (0.3, 1.83),
            "4 % faster than one process (3.33 times slower to 1.83 times as fast)",
        ),
        (1.83, (1.6, 2.0), "1.83 times as fast as one process (1.60 to 2.00 times)"),
        (221.0, (167.0, 333.0), "221 times as fast as one process (167 to 333 times)"),
    ],
)
def test_a_pace(speedup: float, interval: Interval, words: str) -> None:
    assert headline.of_prediction(row(4, speedup, interval)) == f"4 workers train {words}{WAITS}"


def test_a_pace_beside_other_baselines() -> None:
    assert headline.of_prediction(row(1, 1.25, (1.2, 1.3), "host")) == (
        f"1 worker trains 25 % faster than one host (20 to 30 %){WAITS}"
    )
    assert headline.pace(2.0, headline.baseline(row(baseline="3"))) == (
        "2.00 times as fast as 3 workers"
    )


def curve(
    first: int | None,
    interval: tuple[int | None, int | None],
    *ranges: tuple[int, int],
    hosts: int = 1,
    best: float = 1.5,
) -> str:
    rows = (row(1, 0.9 * best), row(4, best), row(8, 0.95 * best))
    return headline.of_breakeven(
        BreakEven(rows, 8, first, interval, None if first is None else hosts, ranges)
    )


FIRST = "4 workers beat one process, by 1.50 (1.00 to 2.00); no other number does better"


@pytest.mark.parametrize(
    ("interval", "ranges", "words"),
    [
        ((4, 4), [(4, 8)], f"{FIRST}. It takes 4 in at least 90 % of the draws."),
        ((3, 6), [(4, 8)], f"{FIRST}. It may take from 3 to 6 (90 % interval)."),
        (
            (4, None),
            [(4, 8)],
            f"{FIRST}. It may be that no number up to 8 does (90 % interval).",
        ),
        (
            (1, None),
            [(4, 8)],
            f"{FIRST}. It may take as few as 1, and it may be that no number up to 8 does "
            "(90 % interval).",
        ),
        (
            (4, 4),
            [(4, 6)],
            f"{FIRST}; from 7 on it is no faster than one process. "
            "It takes 4 in at least 90 % of the draws.",
        ),
        (
            (4, 4),
            [(4, 7)],
            f"{FIRST}; at 8 it is no faster than one process. "
            "It takes 4 in at least 90 % of the draws.",
        ),
        (
            (4, 4),
            [(4, 5), (7, 7)],
            f"{FIRST}; beyond 5 it is no faster than one process, but wins again at 7. "
            "It takes 4 in at least 90 % of the draws.",
        ),
        (
            (4, 4),
            [(4, 4), (6, 8)],
            f"{FIRST}; beyond 4 it is no faster than one process, but wins again from 6 on. "
            "It takes 4 in at least 90 % of the draws.",
        ),
    ],
)
def test_break_even_at_a_count(
    interval: tuple[int | None, int | None], ranges: list[tuple[int, int]], words: str
) -> None:
    assert curve(4, interval, *ranges) == words


def test_break_even_with_one_worker_and_on_several_hosts() -> None:
    assert curve(1, (1, 2), (1, 2)) == (
        "1 worker beats one process, by 1.35 (1.00 to 2.00); 4 are best, at 1.50; "
        "from 3 on it is no faster than one process. It may take from 1 to 2 (90 % interval)."
    )
    assert curve(4, (4, 4), (4, 8), hosts=5).startswith(
        "4 workers on 5 hosts beat one process, by 1.50 (1.00 to 2.00); "
    )


def test_never_says_how_near_the_best_comes() -> None:
    assert curve(None, (None, None), best=0.0396) == (
        "No number of workers up to 8 beats one process: at best, 4 workers train 25.3 times "
        "slower, and each step spends 60 % on waiting for the shared link."
    )
    assert curve(None, (6, None), best=0.97) == (
        "No number of workers up to 8 beats one process: at best, 4 workers train 3 % slower, and "
        "each step spends 60 % on waiting for the shared link. "
        "It may be that as few as 6 do (90 % interval)."
    )


@pytest.mark.parametrize(
    ("measured", "predicted", "words"),
    [
        (None, None, "Measured and predicted alike, none of the counts tried beats one process."),
        (
            2,
            2,
            "Measured and predicted alike, "
            "2 workers are the first of the counts tried to beat one process.",
        ),
        (
            1,
            None,
            "Measured, 1 worker is the first of the counts tried to beat one process; "
            "predicted, none of the counts tried beats one process.",
        ),
    ],
)
def test_measured_beside_predicted(measured: int | None, predicted: int | None, words: str) -> None:
    result = Comparison((), 1.0, 1.0, 0.0, 0.1, "one host", measured, predicted)
    assert headline.of_comparison(result) == words


@pytest.mark.parametrize(
    ("interval", "words"),
    [((4, 4), "4"), ((3, 6), "3 to 6"), ((1, None), "1, or none up to 8")],
)
def test_the_interval_in_a_picture(interval: tuple[int | None, int | None], words: str) -> None:
    assert headline.interval_of_first(interval, 8) == words


def test_a_target_and_progress_are_named() -> None:
    found = BreakEven((row(1, 1.0), row(), row(8, 1.3)), 8, 4, (4, 4), 1, ((4, 4),), Aim(1.4))
    assert headline.of_breakeven(found) == (
        "4 workers reach 1.4 times one process, at 1.50 (1.00 to 2.00); no other number does "
        "better; from 5 on it is no more than 1.4 times. It takes 4 in at least 90 % of the draws."
    )
    none = BreakEven((row(),), 8, None, (None, None), None, (), Aim(3.0, samples_factor=2.0))
    assert headline.of_breakeven(none).startswith(
        "No number of workers up to 8 reaches 3 times one process in progress: at best, "
    )

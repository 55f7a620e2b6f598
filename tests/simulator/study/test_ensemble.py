"""An ensemble: its replications are prepared at once, and each is what it would be alone."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nworkers.models.costs.step import step_costs
from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.profile import Identified, Profile
from nworkers.models.records.scenario import Scenario
from nworkers.simulator import answers
from nworkers.simulator.answers import answer_predict
from nworkers.simulator.engine.base import Engine, Run, mean_step_s
from nworkers.simulator.engine.engines import IS_COMPILED
from nworkers.simulator.step.run_spec import RunSpec, run_spec
from nworkers.simulator.step.variates import DrawnVariates
from nworkers.simulator.study import ensemble
from nworkers.simulator.study.ensemble import MOST_ERROR, RUNS_AT_ONCE, run_length, simulate
from nworkers.simulator.study.predict import predict
from nworkers.simulator.study.replications import replications, starting_phases
from nworkers.simulator.study.resolve import resolve
from nworkers.simulator.study.setup import setup
from tests.support.factories import profile
from tests.support.runs import job

COUNT = 12
needs_kernel = pytest.mark.skipif(not IS_COMPILED, reason="NOT TESTED: no kernel was compiled")


def test_draws_that_need_another_structure_are_run_apart(engine: Engine) -> None:
    """In every third draw the directions of a link have less together, which is a queue more."""
    made = profile()
    shared = made.link.shared_bandwidth_bytes_per_s
    assert isinstance(shared, Identified)
    both = [0.5 * value if k % 3 == 0 else 2.0 * value for k, value in enumerate(shared.draws)]
    made = profile(link__both_ways_bandwidth_bytes_per_s=replace(shared, draws=tuple(both)))
    asked = job(3, batch=64, strategy="ps-sync")
    runs: list[int | None] = []

    def counted(spec: RunSpec) -> Run:
        runs.append(spec.runs)
        return engine(spec)

    found = simulate(made, asked, 1, COUNT, engine=counted)
    assert sorted(map(int, filter(None, runs))) == [COUNT // 3, 2 * COUNT // 3]
    of = setup(made, asked)
    drawn = replications(of.noise, 1, COUNT)
    starts = starting_phases(1, 3, range(COUNT))
    warmup, steps = run_length(asked)
    for k in range(COUNT):
        costs = step_costs(made, asked, k)
        slowdown = {name: float(each[k]) for name, each in drawn.between.items()}
        for name, spread in costs.log_spread.items():
            slowdown[name] *= math.exp(spread * drawn.deviates[name][k])
        chance = DrawnVariates(of.noise, 1, k, slowdown, starts[k].tolist())
        spec = run_spec(costs, of.layout, chance, warmup=warmup, steps=steps)
        run = engine(spec)
        steps_s = np.hstack([run.warmup_s, run.steps_s])[:, found.warmup :]
        alone_s = mean_step_s(steps_s, run.kinds)
        assert found.short_step_s[k] == pytest.approx(alone_s, rel=1e-12)


def asked_of(workers: int, **of: Any) -> tuple[Profile, Scenario]:
    found = resolve(JobRequest(**of), [workers])
    return found.profile, found.scenarios[0]


#: Jobs on a shipped profile: a link that few workers fill by turns, and workers that wait.
NOISY: list[tuple[int, dict[str, Any]]] = [
    (2, {}),
    (8, {}),
    (4, {"strategy": "ps-sync", "workload": "mlp:784,512,10", "batch": 256}),
]


@needs_kernel
@pytest.mark.parametrize(("workers", "of"), NOISY)
def test_seeds_change_a_headline_by_a_hundredth_at_most(workers: int, of: dict[str, Any]) -> None:
    made, asked = asked_of(workers, **of)
    rows = [predict(made, asked, seed=seed) for seed in range(1, 25)]
    for values in ([row.step_time_s for row in rows], [row.speedup for row in rows]):
        assert np.std(np.log(values), ddof=1) < MOST_ERROR


@needs_kernel
def test_draws_are_run_until_chance_leaves_little_open() -> None:
    """Those that were not have the step time that the fit to the others gives them."""
    noisy = simulate(*asked_of(8), 1, 200)
    steady = simulate(*asked_of(4, profile="loopback-2core"), 1, 200)
    assert len(steady.short_step_s) == RUNS_AT_ONCE < len(noisy.short_step_s) < 200
    assert noisy.monte_carlo_error < MOST_ERROR
    for found in (noisy, steady):
        assert found.step_time_s.shape == found.single_step_s.shape == (200,)


@needs_kernel
def test_very_many_workers_are_not_simulated_by_every_draw(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However much chance leaves open."""
    monkeypatch.setattr(ensemble, "_MOST_WORKER_STEPS", 1000)
    monkeypatch.setattr(ensemble, "_ENOUGH", 0.0)
    assert len(simulate(*asked_of(32, scaling="weak"), 1, 200).short_step_s) == RUNS_AT_ONCE


@needs_kernel
@pytest.mark.parametrize(("workers", "of"), [(4, {"profile": "loopback-2core"}), *NOISY])
def test_some_runs_tell_the_interval_of_all(
    workers: int, of: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, asked = asked_of(workers, **of)
    few = predict(made, asked)
    monkeypatch.setattr(ensemble, "RUNS_AT_ONCE", 200)
    every = predict(made, asked)
    few_ends, ends = np.log(few.speedup_interval), np.log(every.speedup_interval)
    assert few_ends == pytest.approx(ends, abs=0.2 * np.ptp(ends))


@needs_kernel
def test_what_all_draws_leave_open_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    job_of_two = resolve(JobRequest(), [2])
    assert not any("another seed" in note for note in answer_predict(job_of_two).notes)
    monkeypatch.setattr(answers, "MOST_ERROR", 1e-4)
    (note,) = (note for note in answer_predict(job_of_two).notes if "another seed" in note)
    assert note.startswith("another seed moves the step time of 2 workers by 0.")

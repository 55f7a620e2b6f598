"""The engines agree: the compiled one does what the events do, over every feature at once."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nworkers.models.base.draws import Disagreement, taken
from nworkers.models.base.errors import InputError
from nworkers.models.base.statistics import Floats
from nworkers.models.costs.phase import Operation
from nworkers.models.costs.step import step_costs
from nworkers.models.records.added_workers import AddedWorkers
from nworkers.models.records.prediction import CAUSES, NOT_ALWAYS, Cause
from nworkers.models.records.scenario import Scenario, check_scenario
from nworkers.simulator.engine.base import Run
from nworkers.simulator.engine.engines import ENGINES, IS_COMPILED, events
from nworkers.simulator.step.run_spec import RunSpec
from nworkers.simulator.step.spans import Span
from nworkers.simulator.step.variates import DrawnVariates, Given
from nworkers.simulator.study.replications import starting_phases
from nworkers.simulator.study.setup import faults, setup
from tests.support.costs import costs
from tests.support.factories import WORKLOAD, every_feature, profile
from tests.support.often import often
from tests.support.runs import job, specified

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="NOT TESTED: no kernel was compiled")

#: What-ifs that engines meet; two of them at once.
SAID = (
    "overlap",
    "hybrid",
    "one-machine",
    "staleness=1",
    "staleness=0",
    "backup-workers=1",
    "slow-workers=1,2",
    "slow-links=1,3",
    "racks=2,4",
    "inner-link=5GB/s,20us",
    "input=2000",
    "buckets=100kB",
    "dead-workers=1",
    "stragglers=40000,3,20ms",
    "worker-failures=20000,20ms",
    "ps-failures=20000,10ms",
)
#: Draws at once.
DRAWS = 3
JOBS = st.fixed_dictionaries(
    {
        "workers": st.integers(1, 9),
        # The last of them are on another device.
        "added": st.sampled_from((0, 0, 1, 3)),
        "said": st.lists(st.sampled_from(SAID), max_size=2, unique=True),
        "strategy": st.sampled_from(("ps-async", "ps-sync", "allreduce")),
        "ps": st.sampled_from((1, 1, 2, 3)),
        "workers_per_host": st.sampled_from((1, 1, 2, 3, 100)),
        "ps_placement": st.sampled_from(("own", "shared")),
        "discipline": st.sampled_from(("fair", "fifo")),
        "loopback": st.booleans(),
        "profile": st.sampled_from((profile, every_feature)),
        "noisy": st.booleans(),
        "record": st.booleans(),
        "batch": st.sampled_from((64, 4096)),
        # One variable, or several, which are on several ps.
        "workload": st.sampled_from((WORKLOAD, "mlp:784,64,64,10")),
    }
)


def scenario_of(workers: int, said: list[str], added: int = 0, **of: Any) -> Scenario:
    """Raises: InputError if there is no such job."""
    if of["strategy"] == "allreduce":
        of |= {"ps": 1, "runtime": "mirrored"}
    more = AddedWorkers(workers - added, added, "more", 3.0) if added else None
    if added > 1:
        more = AddedWorkers(workers - added, added, "theirs", profile=every_feature())
    return check_scenario(job(workers, *said, added=more, **of))


def spec_of(
    asked: dict[str, Any], *, warmup: int = 2, steps: int = 8, slower: float = 1.0
) -> RunSpec:
    """A run of a job; `InputError` if there is no such one."""
    of = dict(asked)
    workers, of_profile, noisy = of["workers"], of.pop("profile")(), of.pop("noisy")
    kept = {name: of.pop(name) for name in ("discipline", "loopback", "record")}
    scenario = scenario_of(**of)
    noise = setup(of_profile, scenario).noise
    noise = replace(noise, autocorrelation={"fetch": 0.6, "compute": 0.3})
    slowdown: dict[Operation, float] = {"compute": 1.1 * slower}
    starts = starting_phases(1, workers, range(4))[1].tolist()
    chance: Any = DrawnVariates(noise, 1, 2, slowdown, starts)
    if not noisy:
        # Of jobs that end at once, rounding says which was the last.
        table = slower * np.random.default_rng(workers).uniform(0.5, 1.5, (workers, 7))
        scores = [0.3 * k for k in range(workers)]
        chance = Given({"compute": table}, starts=starts, worker_scores=scores)
    befalls = faults(scenario.what_if, scenario, 1, 2)
    return specified(
        step_costs(of_profile, scenario, draw=1),
        scenario,
        chance,
        warmup=warmup,
        steps=steps,
        faults=befalls,
        **kept,
    )


def in_draws(asked: dict[str, Any], which: range | int) -> RunSpec:
    """A job in one draw, or in several at once, of which each has chance of its own."""
    of = {name: value for name, value in asked.items() if name not in ("noisy", "record")}
    workers, of_profile = of["workers"], of.pop("profile")()
    kept = {name: of.pop(name) for name in ("discipline", "loopback")}
    scenario = scenario_of(**of)
    noise = replace(setup(of_profile, scenario).noise, autocorrelation={"fetch": 0.6})
    every: Any = np.arange(DRAWS)
    starts: Any = starting_phases(1, workers, range(DRAWS))
    places = which if isinstance(which, int) else slice(which.start, which.stop)
    return specified(
        step_costs(of_profile, scenario, which),
        scenario,
        DrawnVariates(noise, 1, every, {"compute": 1.0 + every / 10}, starts).of_runs(places),
        steps=4,
        faults=taken(faults(scenario.what_if, scenario, 1, every), places),
        **kept,
    )


@pytest.mark.parametrize("name", ENGINES)
@given(JOBS)
@settings(max_examples=40, deadline=None)
def test_runs_at_once_are_each_as_alone(name: str, asked: dict[str, Any]) -> None:
    """Whatever differs from draw to draw; those of another structure are never at once."""
    try:
        spec = in_draws(asked, range(DRAWS))
    except (InputError, Disagreement):
        assume(False)
    engine = ENGINES[name]
    run = engine(spec)
    for k in range(DRAWS):
        alone, taken_out = engine(in_draws(asked, k)), engine(spec.of_runs(k))
        for one in (alone, taken_out):
            assert np.array_equal(run.steps_s[k], one.steps_s)
            assert np.array_equal(run.warmup_s[k], one.warmup_s)
            assert all(
                np.array_equal(all_s[k], one_s)
                for all_s, one_s in zip(run.lasted_s, one.lasted_s, strict=True)
            )
        found = {cause: np.asarray(all_s)[k] for cause, all_s in run.breakdown.items()}
        assert alone.breakdown == pytest.approx({c: found[c] for c in alone.breakdown})


def both(spec: RunSpec) -> tuple[Run, Run]:
    return events(spec), ENGINES["compiled"](spec)


def agree(one_s: Floats, other_s: Floats) -> bool:
    return bool(np.allclose(one_s, other_s, rtol=1e-9, atol=0.0))


def ends_s(run: Run) -> Floats:
    """Of each worker's steps, from its own beginning."""
    return np.hstack([run.warmup_s, run.steps_s]).cumsum(axis=1)


def content(span: Span) -> Span:
    """All but when; and whom it waited for only if it did, for jobs may end at once."""
    waited = span.lasted_s > span.alone_s * (1.0 + 1e-9)
    blame = span.waited_for if waited else None
    return replace(span, start_s=0.0, end_s=0.0, alone_s=0.0, waited_for=blame)


@given(JOBS)
@settings(max_examples=often(150), deadline=None)
def test_engines_do_the_same(asked: dict[str, Any]) -> None:
    """Ends of the first ten steps, what they went to, and each span."""
    try:
        spec, nudged = spec_of(asked), spec_of(asked, slower=1.0 + 1e-12)
    except InputError:
        assume(False)
    one, other = both(spec)
    if not agree(ends_s(one), ends_s(other)):
        # A fair network makes rounding grow: by more than that in a few runs.
        grown = 10.0 * np.abs(ends_s(events(nudged)) - ends_s(one)).max()
        assert np.abs(ends_s(other) - ends_s(one)).max() <= grown
        return
    least_s = 1e-9 * one.step_time_s
    assert other.breakdown == pytest.approx(one.breakdown, rel=1e-9, abs=least_s)
    for lasted_s, also_s in zip(one.lasted_s, other.lasted_s, strict=True):
        assert also_s == pytest.approx(lasted_s, rel=1e-9, abs=least_s)
    assert len(one.spans) == len(other.spans)
    if asked["workload"] != WORKLOAD:
        # Of ps that are alike, rounding says whose spans are first.
        return
    for span, same in zip(one.spans, other.spans, strict=True):
        assert content(same) == content(span)
        times_s = (span.start_s, span.end_s, span.alone_s)
        assert (same.start_s, same.end_s, same.alone_s) == pytest.approx(times_s, abs=1e-9)


@given(JOBS)
@settings(max_examples=often(15), deadline=None)
def test_long_runs_differ_by_no_more_than_rounding_makes_of_them(asked: dict[str, Any]) -> None:
    """Their mean step, by five times what a few changes of 1e-12 in compute make of it."""
    asked = asked | {"record": False}
    changes = [1.0 + 1e-12 * k for k in (0, -2, -1, 1, 2)]
    try:
        spec, *nudged = [spec_of(asked, steps=60, slower=slower) for slower in changes]
    except InputError:
        assume(False)
    one, other = both(spec)
    moved = max(abs(events(each).step_time_s - one.step_time_s) for each in nudged)
    assert abs(other.step_time_s - one.step_time_s) <= 5.0 * moved + 1e-9 * one.step_time_s


#: A job whose flows cross links at both ends: a fair link, noise, several variables.
OVER_LINKS: dict[str, Any] = {
    "said": [],
    "strategy": "ps-sync",
    "batch": 64,
    "workload": "mlp:784,64,64,10",
    "profile": every_feature,
    "discipline": "fair",
    "loopback": False,
    "noisy": True,
    "record": False,
}


@pytest.mark.parametrize(
    "of",
    [
        {"workers": 40, "ps": 3},
        {"workers": 40, "ps": 2, "strategy": "ps-async"},
        {"workers": 48, "ps": 3, "workers_per_host": 4},
        {"workers": 12, "ps": 6},
    ],
)
def test_links_that_are_far_from_full_may_fill(of: dict[str, Any]) -> None:
    """Of many links most are far from full, and are when only a few flows are left."""
    spec = spec_of({**OVER_LINKS, **of, "scaling": "weak"}, warmup=0, steps=3)
    assert max(len(shared.keys) for shared in spec.resources) > 40
    one, other = both(spec)
    assert agree(ends_s(one), ends_s(other))


@pytest.mark.parametrize("ps", [1, 2])
def test_a_change_costs_less_than_to_rate_all_flows(ps: int) -> None:
    """A step of one of many workers costs little more than that of one of few."""

    def step_s(workers: int) -> float:
        asked = OVER_LINKS | {"workers": workers, "ps": ps, "scaling": "weak"}
        spec = spec_of(asked, warmup=0, steps=2)
        took_s = []
        for _ in range(5):
            began_s = time.thread_time()
            ENGINES["compiled"](spec)
            took_s.append(time.thread_time() - began_s)
        return min(took_s) / workers

    assert step_s(3000) < 4.0 * step_s(300)


def test_causes_have_the_numbers_that_the_kernel_knows() -> None:
    assert get_args(Cause) == (*CAUSES, *NOT_ALWAYS)
    numbers = {name: get_args(Cause).index(name) for name in get_args(Cause)}
    assert [numbers[cause] for cause in ("input", "compute", "barrier_wait", "outage")] == [
        1,
        4,
        12,
        14,
    ]


def test_workers_that_all_wait_are_an_error_and_no_hang() -> None:
    spec = specified(costs(compute_s=1.0), job(2, strategy="ps-sync"))
    stuck = replace(spec, gates={key: replace(of, parties=3) for key, of in spec.gates.items()})
    with pytest.raises(RuntimeError):
        ENGINES["compiled"](stuck)


def test_columns_that_do_not_fit_are_refused() -> None:
    from nworkers.simulator.engine.compiled import kernel
    from nworkers.simulator.engine.compiled.columns import columns_of

    columns = columns_of(specified(costs(compute_s=1.0), job(2)))
    with pytest.raises(KeyError, match="gate"):
        kernel.run({name: of for name, of in columns.items() if name != "gate"}, b"\0")
    with pytest.raises(TypeError, match="starts_s"):
        kernel.run(columns | {"starts_s": columns["starts_s"].astype(np.float32)}, b"\0")
    with pytest.raises(ValueError, match="fit"):
        kernel.run(columns | {"starts_s": columns["starts_s"][:, :1].copy()}, b"\0")
    with pytest.raises(ValueError, match="fit"):
        kernel.run(columns | {"keys": columns["keys"].repeat(2)[:7]}, b"\0")


def test_a_run_can_be_cancelled() -> None:
    """The kernel looks at its flag every few milliseconds."""
    from nworkers.simulator.engine.compiled import kernel
    from nworkers.simulator.engine.compiled.columns import columns_of

    columns = columns_of(specified(costs(compute_s=1.0), job(64), steps=100_000))
    with pytest.raises(InterruptedError):
        kernel.run(columns, b"\1")

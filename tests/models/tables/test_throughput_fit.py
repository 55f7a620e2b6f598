"""A system's costs are found again in tables that the simulator made of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from nworkers.models.base.errors import InputError
from nworkers.models.base.statistics import lognormal_bins
from nworkers.models.costs.step import step_costs
from nworkers.models.records.profile import Identified, Profile, parameters, value_at
from nworkers.models.records.scenario import Scenario
from nworkers.models.records.workload import Variable, Workload
from nworkers.models.tables.formats.csv_throughput import ScalingRow
from nworkers.models.tables.throughput.assemble import assemble
from nworkers.models.tables.throughput.compare import METHODS, compare, errors, split
from nworkers.models.tables.throughput.fit import ScalingFit, check_rows, fit
from nworkers.models.tables.throughput.jobs import scenario
from nworkers.models.tables.throughput.system import Cost, trial
from nworkers.simulator.study.predict import predict
from nworkers.simulator.study.steady import steady_step_s
from tests.support.factories import estimate, interval, profile
from tests.support.often import often

BASE = profile()
WORKLOADS = {
    "large": Workload("large", tuple(Variable(f"v{k}", (500_000,)) for k in range(40)), 1e9),
    "deep": Workload("deep", tuple(Variable(f"v{k}", (1000,)) for k in range(400)), 1e9),
}
STEPS_S = {("large", 64): 0.5, ("large", 128): 0.9, ("deep", 64): 0.3}
PS_COSTS: Mapping[Cost, float] = {
    "spread": 0.05,
    "per_tensor_s": 1e-4,
    "per_byte_s": 1 / 2e9,
}


def table(
    costs: Mapping[Cost, float], strategies: Sequence[str], counts: Sequence[int]
) -> list[ScalingRow]:
    """What the simulator makes of these costs, without noise."""
    rows = []
    for (model, batch), step_s in STEPS_S.items():
        for strategy in strategies:
            for workers in counts:
                shape = ScalingRow(model, strategy, batch, workers, 1.0, max(1, workers // 4))  # type: ignore[arg-type]
                seconds = step_s
                if workers > 1:
                    seconds = steady_step_s(
                        trial(BASE, costs, model, batch, step_s),
                        scenario(shape, WORKLOADS[model]),
                    )
                rows.append(replace(shape, samples_per_s=workers * batch / seconds))
    return rows


def fitted(rows: Sequence[ScalingRow]) -> ScalingFit:
    return fit(rows, WORKLOADS, BASE, steady_step_s, source="it", seed=1)


@cache
def synchronous() -> tuple[list[ScalingRow], ScalingFit]:
    """A table of parameter servers and its fit, made once."""
    rows = table(PS_COSTS, ["ps-sync"], (1, 2, 4, 8, 16))
    return rows, fitted(rows)


def additive(made: Profile, job: Scenario) -> float:
    """A predictor in closed form: compute, its spread times √(2 ln N), and every byte in turn."""
    costs = step_costs(made, job)
    spread = math.log(max(made.noise.within["compute"])) / 3
    moved_s = sum(p.wall_s for chain in (*costs.fetch, *costs.push) for p in chain)
    waits = 1 + spread * math.sqrt(2 * math.log(job.workers))
    return costs.compute.wall_s * waits + job.workers * moved_s + costs.dispatch.wall_s


def test_costs_of_parameter_servers_are_found_again() -> None:
    _, found = synchronous()
    for cost, value in PS_COSTS.items():
        assert isinstance(found.parameter(cost), Identified)
        assert found.cost(cost) == pytest.approx(value, rel=0.02)
    assert found.x[: len(STEPS_S)] == pytest.approx(list(STEPS_S.values()), rel=0.005)
    assert np.abs(found.log_residuals).max() < 0.002


def test_costs_of_a_ring_are_found_again() -> None:
    truth: Mapping[Cost, float] = {"spread": 0.0, "hop_s": 2e-3, "ring_per_byte_s": 1 / 1e9}
    found = fitted(table(truth, ["allreduce"], (1, 2, 4, 8, 16)))
    for cost in ("hop_s", "ring_per_byte_s"):
        assert isinstance(found.parameter(cost), Identified)
        assert found.cost(cost) == pytest.approx(truth[cost], rel=0.02)
    assert not isinstance(found.parameter("spread"), Identified)


def test_a_ring_inside_a_node_has_a_bandwidth_of_its_own() -> None:
    """A jump at the second node is no growth: 128 workers are predicted from 32."""
    rows = []
    for workers in (1, 2, 4, 8, 16, 32, 128):
        shape = ScalingRow("large", "allreduce", 64, workers, 1.0, gpus_per_node=4)
        per_byte_s = 1 / 8e9 if shape.nodes == 1 else 1 / 5e8
        costs: Mapping[Cost, float] = {"spread": 0.0, "hop_s": 0.0, "ring_per_byte_s": per_byte_s}
        seconds = 0.5
        if workers > 1:
            seconds = steady_step_s(
                trial(BASE, costs, "large", 64, 0.5), scenario(shape, WORKLOADS["large"])
            )
        rows.append(replace(shape, samples_per_s=workers * 64 / seconds))
    found = fitted(rows[:-1])
    assert np.abs(found.log_residuals).max() < 0.01
    assert found.cost("ring_per_byte_s") == pytest.approx(1 / 5e8, rel=0.1)
    assert found.cost("inner_per_byte_s") < 0.3 * found.cost("ring_per_byte_s")
    (beyond,) = [
        c for c in compare(found, rows[-1:], WORKLOADS, BASE, steady_step_s) if not c.fitted
    ]
    assert abs(beyond.error("scale") or 0.0) < 0.03
    # One ring for both tiers bends on, as Amdahl's law does.
    assert (beyond.error("amdahl") or 0.0) < -0.2


def test_what_takes_no_time_is_not_identified() -> None:
    truth: Mapping[Cost, float] = {"spread": 0.05, "per_tensor_s": 0.0, "per_byte_s": 0.0}
    found = fitted(table(truth, ["ps-sync"], (1, 4, 16)))
    assert found.cost("spread") == pytest.approx(0.05, rel=0.05)
    assert not isinstance(found.parameter("per_tensor_s"), Identified)
    assert not isinstance(found.parameter("per_byte_s"), Identified)


def test_asynchronous_workers_wait_for_nobody() -> None:
    found = fitted(table(PS_COSTS, ["ps-async"], (1, 4, 16)))
    assert found.costs == ("per_tensor_s", "per_byte_s")
    assert found.cost("per_byte_s") == pytest.approx(1 / 2e9, rel=0.1)


def test_three_points_say_how_little_they_say() -> None:
    """One series of 1, 2 and 4 workers: the barrier and the link explain it alike."""
    rows = table(PS_COSTS, ["ps-sync"], (1, 2, 4))[:3]
    found = fitted(rows)
    told = [cost for cost in found.costs if isinstance(found.parameter(cost), Identified)]
    assert len(told) < len(found.costs)
    others = table(PS_COSTS, ["ps-sync"], (32,))[:1]
    (predicted,) = [
        c for c in compare(found, others, WORKLOADS, BASE, steady_step_s) if not c.fitted
    ]
    assert predicted.interval is not None
    low, high = predicted.interval
    assert low <= others[0].samples_per_s <= high
    # Not for free, though one in three systems meets a limit within three doublings.
    assert high / low < 8


def test_one_profile_answers_as_the_table() -> None:
    rows, found = synchronous()
    made = assemble(found, WORKLOADS, BASE, "text", "it.csv")
    for path, p in parameters(made):
        assert len(p.draws) == BASE.draws, path
        assert value_at(p, None) > 0, path
    for row in (row for row in rows[:10] if not row.alone):
        answer = predict(made, scenario(row, WORKLOADS[row.model]), replications=16)
        assert answer.step_time_s == pytest.approx(row.step_time_s, rel=0.03)
        assert answer.compute_source == "step_table"
        # The single process is the row of one worker.
        alone = STEPS_S[(row.model, row.batch_per_worker)]
        assert answer.single_process_step_time_s == pytest.approx(alone, rel=0.03)


def test_a_model_that_is_not_in_the_table_computes_at_the_others_rate() -> None:
    found = fitted(table(PS_COSTS, ["ps-sync"], (1, 4)))
    made = assemble(found, WORKLOADS, BASE, "text", "it.csv")
    rates = [64 * 1e9 / 0.5, 128 * 1e9 / 0.9, 64 * 1e9 / 0.3]
    wanted = math.exp(sum(map(math.log, rates)) / 3)
    assert estimate(made.device.products.segments[0].gemm_flops_per_s) == pytest.approx(
        wanted, rel=0.02
    )


def test_rows_to_predict_are_not_fitted() -> None:
    rows = table(PS_COSTS, ["ps-sync"], (1, 4, 8, 16))
    inside, outside = split(rows, 8)
    assert {row.workers for row in outside} == {16}
    wrong = [replace(row, samples_per_s=row.samples_per_s / 3) for row in outside]
    found = fitted(inside)
    compared = compare(found, wrong, WORKLOADS, BASE, steady_step_s)
    assert [c.fitted for c in compared] == [True] * len(inside) + [False] * len(wrong)
    ours = errors(compared[len(inside) :], "scale")
    assert ours.median == pytest.approx(2.0, abs=0.1)
    assert errors(compared[: len(inside)], "scale").worst == pytest.approx(0.0, abs=0.005)
    assert {m for c in compared for m in c.samples_per_s} == set(METHODS)


def test_intervals_hold_the_truth() -> None:
    """90 % intervals of the compute and of a costly link, over fresh tables of 3 % noise."""
    truth: Mapping[Cost, float] = {"spread": 0.02, "per_tensor_s": 0.0, "per_byte_s": 1 / 5e9}
    clean = []
    for (model, batch), step_s in STEPS_S.items():
        for workers in (1, 2, 4, 8, 16):
            shape = ScalingRow(model, "ps-sync", batch, workers, 1.0, 1)
            seconds = step_s
            if workers > 1:
                seconds = additive(
                    trial(BASE, truth, model, batch, step_s), scenario(shape, WORKLOADS[model])
                )
            clean.append(replace(shape, samples_per_s=workers * batch / seconds))
    rng = np.random.default_rng(7)
    tables, held = 40, {"compute": 0, "link": 0}
    for number in range(tables):
        noise = np.exp(0.03 * rng.standard_normal(len(clean)))
        rows = [
            replace(row, samples_per_s=row.samples_per_s * float(f))
            for row, f in zip(clean, noise, strict=True)
        ]
        found = fit(rows, WORKLOADS, BASE, additive, source="it", seed=number)
        low, high = np.quantile(found.draws[:, 0], [0.05, 0.95])
        held["compute"] += bool(low <= 0.5 <= high)
        low, high = interval(found.parameter("per_byte_s"))
        held["link"] += bool(low <= truth["per_byte_s"] <= high)
    # Sixteen draws give rough ends: at 80 % of true coverage, fewer than 27 of 40 are one in 40.
    assert min(held.values()) >= 27, held


@settings(max_examples=often(12), deadline=None, phases=[Phase.explicit, Phase.generate])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["large", "deep"]),
            st.sampled_from(["ps-sync", "ps-async", "allreduce"]),
            st.sampled_from([1, 64]),
            st.sampled_from([1, 2, 3, 8, 40]),
            st.floats(1e-3, 1e7),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_any_rows_give_finite_numbers_or_one_line(
    given_rows: list[tuple[str, str, int, int, float]],
) -> None:
    rows = [
        ScalingRow(model, strategy, batch, workers, rate)  # type: ignore[arg-type]
        for model, strategy, batch, workers, rate in given_rows
    ]

    def quick(made: Profile, job: Scenario) -> float:
        costs = step_costs(made, job)
        phases = [costs.dispatch, costs.compute, *costs.collective]
        phases += [p for chain in (*costs.fetch, *costs.push) for p in chain]
        return sum(p.wall_s for p in phases) * max(made.noise.within["compute"])

    pairs = {(row.model, row.batch_per_worker, row.workers) for row in rows}
    if len({pair[:2] for pair in pairs}) == len(pairs):
        with pytest.raises(InputError, match="two numbers of workers"):
            fit(rows, WORKLOADS, BASE, quick, source="it")
        return
    found = fit(rows, WORKLOADS, BASE, quick, source="it")
    assert np.isfinite(found.x).all()
    assert np.isfinite(found.draws).all()
    assert (found.x >= 0).all()
    made = assemble(found, WORKLOADS, BASE, "text", "it.csv")
    assert all(0 < v < math.inf for _, p in parameters(made) for v in (value_at(p, None), *p.draws))
    for c in compare(found, [], WORKLOADS, BASE, quick):
        assert all(math.isfinite(v) for v in c.samples_per_s.values() if v is not None)


def test_too_few_rows() -> None:
    row = ScalingRow("large", "ps-sync", 64, 4, 100.0, 1)
    with pytest.raises(InputError, match=r"it: got 2 rows, of workers 4.*at least two numbers"):
        fitted([row, replace(row, model="deep")])


def test_factors_have_a_mean_of_one_and_the_spread() -> None:
    bins = lognormal_bins(0.05)
    assert sum(bins) / len(bins) == pytest.approx(1.0, abs=1e-12)
    assert float(np.std(np.log(bins))) == pytest.approx(0.05, rel=0.01)
    assert lognormal_bins(0.0) == (1.0,)


def test_too_many_models_and_batches() -> None:
    rows = [ScalingRow("resnet-50", "allreduce", b, n, 10.0) for b in range(1, 102) for n in (1, 2)]
    with pytest.raises(InputError, match="101 models and batches; allowed: at most 100"):
        check_rows(rows, "it.csv")

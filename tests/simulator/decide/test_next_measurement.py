"""Which measurement narrows an answer: parts of a variance whose source is known, and widths."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from nworkers.models.base.leaves import mapped
from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.prediction import Interval
from nworkers.models.records.profile import (
    PARAMETERS,
    Collective,
    Imported,
    Parameter,
    Profile,
    RoundLevels,
    straight_path,
    value_at,
)
from nworkers.models.records.workload import StepSeconds
from nworkers.simulator.decide.next_measurement import (
    NextMeasurement,
    Parts,
    next_measurement,
    variance_parts,
)
from nworkers.simulator.study.ask import predict
from nworkers.simulator.study.resolve import resolve
from tests.support.factories import parameter, profile

WORKERS = 2
FETCH, COMPUTE = ("fetch",), ("step", "gradient")


def still() -> Profile:
    """A made-up machine of which every parameter is certain, and no run is unlike another."""

    def certain(of: Parameter) -> Parameter:
        return replace(of, draws=(value_at(of, None),) * len(of.draws))

    made = profile()
    sections: dict[str, Any] = {
        name: mapped(getattr(made, name), PARAMETERS, certain)
        for name in ("device", "host", "link", "collective")
    }
    noise = replace(made.noise, between=({},) * 5)
    return replace(made, noise=noise, **sections)


def doubtful(fetch: float = 0.0, compute: float = 0.0) -> Profile:
    """The same with a fetch, and a step of a sample, that are so uncertain in the logarithm."""
    made = still()
    latency_s = parameter(3e-3, "s", fetch, seed=7)
    path = made.link.fetch
    told = path.segments[0].bandwidth_bytes_per_s
    (known,) = made.device.workloads
    per_sample_s = parameter(2e-4, "s", compute, seed=8)
    step = replace(known.step, per_sample_s=per_sample_s)
    return replace(
        made,
        link=replace(made.link, fetch=straight_path(latency_s, path.per_tensor_s, told)),
        device=replace(made.device, workloads=(replace(known, step=step),)),
    )


def asked(of: Profile, **changes: Any) -> JobRequest:
    return JobRequest(of, batch=32, **changes)


def parts(of: Profile) -> Parts:
    return variance_parts(resolve(asked(of), [WORKERS]))[1]


def width(interval: Interval) -> float:
    return math.log(interval[1] / interval[0])


def test_the_only_parameter_that_is_uncertain_holds_the_variance_beside_the_model() -> None:
    found = parts(doubtful(fetch=0.3))
    assert found.quantities[FETCH] > 0.8 * found.whole
    others = sum(part for names, part in found.quantities.items() if names != FETCH)
    assert others < 1e-9
    assert found.runs < 1e-9
    rest = found.model + found.compute + found.sizes + found.chance
    assert found.quantities[FETCH] + rest == pytest.approx(found.whole, rel=0.05)


def test_nothing_uncertain_leaves_the_model_and_chance() -> None:
    found = parts(still())
    assert sum(found.quantities.values()) < 1e-9
    assert found.model + found.chance == pytest.approx(found.whole, rel=0.02)


def test_two_that_are_independent_add_up() -> None:
    both = parts(doubtful(fetch=0.2, compute=0.2))
    fetch, compute = parts(doubtful(fetch=0.2)), parts(doubtful(compute=0.2))
    assert both.quantities[FETCH] == pytest.approx(fetch.quantities[FETCH], rel=0.15)
    assert both.quantities[COMPUTE] == pytest.approx(compute.quantities[COMPUTE], rel=0.15)
    parts_of_it = sum(both.quantities.values()) + both.model + both.chance
    assert parts_of_it == pytest.approx(both.whole, rel=0.1)


def test_the_width_after_more_rounds_is_that_of_draws_so_much_closer() -> None:
    found = next_measurement(asked(doubtful(fetch=0.3)), WORKERS)
    first = found.suggested[0]
    assert (first.how, first.quantities, first.rounds) == ("refine", FETCH, 15)
    closer = 0.3 * math.sqrt(5 / (5 + first.rounds))
    then = predict(asked(doubtful(fetch=closer)), WORKERS)
    assert first.interval is not None
    assert width(first.interval) == pytest.approx(width(then.speedup_interval), rel=0.1)


def test_the_floor_is_what_is_left_where_every_parameter_is_known() -> None:
    found = next_measurement(asked(doubtful(fetch=0.3)), WORKERS)
    then = predict(asked(doubtful()), WORKERS).speedup_interval
    assert width(found.floor_interval) == pytest.approx(width(then), rel=0.1)
    assert all(
        width(one.interval) > 0.99 * width(found.floor_interval)
        for one in found.suggested
        if one.interval is not None and one.how != "train"
    )


def test_training_takes_away_what_the_model_is_off_by() -> None:
    found = next_measurement(asked(still()), WORKERS)
    (train,) = found.suggested
    assert train.how == "train"
    assert train.share == pytest.approx(found.floor["model"])
    assert train.interval is not None
    assert width(train.interval) < 0.5 * width(found.row.speedup_interval)


def test_a_guessed_compute_time_is_to_be_measured_first() -> None:
    job = asked(profile(), workload="resnet-50", scaling="weak")
    found = next_measurement(job, WORKERS)
    first = found.suggested[0]
    assert (first.how, first.of) == ("step_time", "variance")
    assert first.share > 0.5
    assert first.interval is not None
    stated = replace(job, step_time=(StepSeconds(32, found.row.single_process_step_time_s),))
    then = predict(stated, WORKERS).speedup_interval
    assert width(first.interval) == pytest.approx(width(then), rel=0.3)


def test_sizes_far_beyond_the_measured_ones_are_to_be_measured() -> None:
    small = replace(profile().link, size_bytes=(4.0, 4096.0))
    job = asked(profile(link=small, rounds=5), workload="resnet-50", scaling="weak")
    stated = replace(job, step_time=(StepSeconds(32, 0.01),))
    first = next_measurement(stated, WORKERS).suggested[0]
    assert (first.how, first.quantities) == ("sizes", ())
    assert first.share > 0.5
    measured = replace(stated, profile=profile())
    then = predict(measured, WORKERS).speedup_interval
    assert first.interval is not None
    assert width(first.interval) < 1.3 * width(then)


def hows(found: NextMeasurement) -> list[str]:
    return [one.how for one in found.suggested]


def test_what_is_not_the_user_s_is_to_be_measured_first() -> None:
    shipped = next_measurement(JobRequest(), WORKERS).suggested[0]
    assert (shipped.how, shipped.interval, shipped.share) == ("own", None, 1.0)
    nominal = next_measurement(asked(profile(), link="1gbit"), WORKERS).suggested[0]
    assert (nominal.how, nominal.interval, nominal.of) == ("iperf3", None, "step")
    unmeasured: Collective[Parameter] = Collective(measured=False)
    reduced = asked(profile(collective=unmeasured), strategy="allreduce", scaling="weak")
    first = next_measurement(reduced, WORKERS).suggested[0]
    assert (first.how, first.quantities) == ("resume", ("noop", "allreduce"))


def test_of_an_import_what_stands_in_is_named_by_what_states_it() -> None:
    record = Imported("a table", "t.csv", "0" * 64, 4, "base", ("link.fetch.latency_s",))
    made = profile(imported=(record,), stand_ins={"collective": "base"})
    job = asked(made, strategy="allreduce", scaling="weak")
    assert hows(next_measurement(job, WORKERS))[0] == "nccl"


def test_without_a_number_it_is_that_of_break_even() -> None:
    job = JobRequest(workload="resnet-50", batch=64, scaling="weak")
    assert next_measurement(job).row.scenario.workers == 2
    never = next_measurement(asked(profile(), workload="gemm:8,8"))
    assert never.row.speedup < 1.0


def test_rounds_that_differ_are_measured_again_before_all_else() -> None:
    """Whatever share of the variance parameters hold: what no round showed is in no interval."""
    for made in (doubtful(fetch=0.3), still()):
        apart = replace(made, round_levels=RoundLevels((1.2, 0.8), 0.01))
        first = next_measurement(asked(apart), WORKERS).suggested[0]
        assert (first.how, first.quantities, first.rounds) == ("rounds", (), made.rounds + 15)
        near = replace(made, round_levels=RoundLevels((1.2, 0.8), 0.5))
        assert all(one.how != "rounds" for one in next_measurement(asked(near), WORKERS).suggested)

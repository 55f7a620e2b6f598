"""Mechanisms of the cluster, each held against a sum."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nworkers.cli.asked.what_if_options import KINDS, what_if
from nworkers.models.base.errors import InputError
from nworkers.models.costs.layers import Layer
from nworkers.models.costs.step import step_costs
from nworkers.models.costs.two_way import SEEN
from nworkers.models.files.shipped import shipped_profile
from nworkers.models.files.workload_toml import read_workload
from nworkers.models.records.profile import FlowWeights, Noise
from nworkers.models.records.scenario import check_scenario
from nworkers.models.records.what_if import Failures, InnerLink, WhatIf
from nworkers.simulator.engine.events.links import max_min
from nworkers.simulator.engine.memory import check_memory
from nworkers.simulator.step.topology import ResourceKey, Topology
from nworkers.simulator.step.variates import DrawnVariates, Given
from nworkers.simulator.study.faults import kept_share, split
from nworkers.simulator.study.predict import predict
from nworkers.simulator.study.warmup import warmup_steps
from tests.support.asked import asked
from tests.support.costs import costs
from tests.support.factories import estimate, parameter, profile
from tests.support.runs import Trained


@pytest.mark.parametrize(("oversubscription", "slower"), [(1, 1), (2, 1), (4, 2), (8, 4)])
def test_a_rack_shares_its_uplink(trained: Trained, oversubscription: float, slower: float) -> None:
    """Two hosts a rack: an uplink of 2/oversubscription links; the ps is in the other rack."""
    step = costs(transfer_s=4e-3, compute_s=10e-3, size_bytes=4e5, shared=1e8)
    said = f"racks=2,{oversubscription}"
    # Workers in phase saturate the ps's own link until two share half of it.
    alone = trained(step, 1, said).step_time_s
    assert alone == pytest.approx(18e-3)
    two = trained(step, 2, said).step_time_s
    assert two == pytest.approx(10e-3 + 2 * 8e-3 * slower)


def test_directions_disturb_each_other() -> None:
    """A fetch and a push at once get 0.75 of the rate each where both carry no more than 1.5."""
    held = Topology(2.0, 1e8, both_ways_bytes_per_s=1.5e8)
    fetch, push = held.route(0, 1), held.route(1, 0)
    assert fetch == (("out", 0), ("in", 1), ("both", 0), ("both", 1))
    keys: list[ResourceKey] = sorted({*fetch, *push})
    places = np.array([[keys.index(key) for key in route] for route in (fetch, push)])
    capacities = np.array([held.capacity(key) for key in keys])
    assert max_min(places, np.array([1e8, 1e8]), capacities) == pytest.approx([0.75e8, 0.75e8])
    assert max_min(places[:1], np.array([1e8]), capacities) == pytest.approx([1e8])


def test_workers_that_fetch_while_others_push_are_slower() -> None:
    """Of a synchronous round; what asynchronous workers do to each other is in another law."""
    known = profile().link.shared_bandwidth_bytes_per_s
    assert known is not None
    uneven: dict[str, Any] = {"link__flow_weights": (FlowWeights(2, 1e6, 1.0),)}
    job = asked(8, strategy="ps-sync")
    plain = predict(profile(**uneven), job)
    rate = {"link__both_ways_bandwidth_bytes_per_s": parameter(0.6 * estimate(known), "bytes/s")}
    slower = predict(profile(**uneven, **rate), job)
    assert slower.step_time_s > 1.05 * plain.step_time_s
    rate = {"link__both_ways_bandwidth_bytes_per_s": parameter(2 * estimate(known), "bytes/s")}
    assert predict(profile(**uneven, **rate), job).step_time_s == plain.step_time_s


def both_ways_s(trained: Trained, workers: int, **seen: float) -> float:
    """Seconds of a step that fetches and pushes for 90 ms each alone, and computes for 30."""
    step = replace(
        costs(transfer_s=90e-3, compute_s=30e-3, size_bytes=2.2e6, shared=2.2e6 / 90e-3),
        two_way=replace(SEEN, **seen),
    )
    begins = [0.05 * worker / workers for worker in range(workers)]
    chance = DrawnVariates(Noise({}, ({},)), 1, 0, {}, begins)
    return trained(step, workers, variates=chance, warmup=10, steps=40).step_time_s


EVEN = {"loss_exponent": 0.0, "log_deviation": 0.0}


def test_unequal_shares_part_two_workers(trained: Trained) -> None:
    """With equal shares they stay as near to each other as they began, and take twice as long."""
    assert both_ways_s(trained, 1) == pytest.approx(210e-3)
    assert both_ways_s(trained, 2, **EVEN) > 1.6 * 210e-3
    parted = EVEN | {"log_deviation": 0.3}
    assert both_ways_s(trained, 2, **parted) < 1.2 * 210e-3


def test_what_many_lose_of_a_link_lengthens_their_step(trained: Trained) -> None:
    """Eight fill the link, of which they lose the more the more of them share it."""
    lossy = EVEN | {"loss_exponent": 0.2}
    even, lost = both_ways_s(trained, 8, **EVEN), both_ways_s(trained, 8, **lossy)
    assert 1.15 * even < lost < 8**0.2 * even


def test_only_asynchronous_workers_on_a_network_go_two_ways() -> None:
    assert step_costs(profile(), asked()).two_way == SEEN
    assert step_costs(profile(), asked(strategy="ps-sync")).two_way is None
    assert step_costs(profile(link__kind="loopback"), asked()).two_way is None
    assert step_costs(profile(link__discipline="fifo"), asked()).two_way is None
    by_rdma = step_costs(profile(), asked(4, "rdma=5us,1us"))
    assert by_rdma.two_way is None
    assert by_rdma.both_ways_bandwidth_bytes_per_s is None


def in_step(
    trained: Trained, deviation: float, workers: int = 4, strategy: Any = "ps-sync"
) -> float:
    """Seconds of a round whose transfers take 4 ms alone, and whose compute takes 10 ms."""
    step = replace(
        costs(transfer_s=4e-3, compute_s=10e-3, size_bytes=4e5, shared=1e8),
        flow_weights=(FlowWeights(2, 4e5, deviation),),
    )
    chance = Given(worker_scores=[3.0, 1.0, -1.0, -3.0])
    return trained(step, workers, variates=chance, strategy=strategy).step_time_s


def test_unequal_shares_make_a_synchronous_round_shorter(trained: Trained) -> None:
    """Equal shares: all four fetch for 16 ms, compute for 10 and push for 16.

    Served nearly one after the other, the last fetch ends at 16 too, but then only its own push of
    4 ms is left to come after its compute.
    """
    assert in_step(trained, 0.0) == pytest.approx(42e-3)
    assert in_step(trained, 3.0) == pytest.approx(30e-3, rel=0.02)
    assert (
        in_step(trained, 3.0)
        < in_step(trained, 1.0)
        < in_step(trained, 0.3)
        < in_step(trained, 0.0)
    )
    assert (
        in_step(trained, 3.0, workers=1) == in_step(trained, 0.0, workers=1) == pytest.approx(18e-3)
    )


def test_only_synchronous_workers_begin_at_once() -> None:
    uneven = profile(link__flow_weights=(FlowWeights(2, 1e6, 0.7),))
    assert step_costs(uneven, asked(strategy="ps-sync")).flow_weights == uneven.link.flow_weights
    assert step_costs(uneven, asked(strategy="ps-async")).flow_weights == ()


def test_a_slow_link_slows_its_worker(trained: Trained) -> None:
    step = costs(transfer_s=4e-3, compute_s=10e-3, size_bytes=4e5, shared=1e8)
    assert trained(step, 1, "slow-links=1,3").step_time_s == pytest.approx(34e-3)


def test_faster_workers_count_for_more_steps(trained: Trained) -> None:
    """Steps of 10 and 30 ms: in 30 ms four of them, so that one takes two workers 15 ms."""
    run = trained(costs(compute_s=10e-3), 2, "slow-workers=1,3")
    assert run.steps_s.mean(axis=1) == pytest.approx([10e-3, 30e-3])
    assert run.step_time_s == pytest.approx(15e-3)
    assert sum(run.breakdown.values()) == pytest.approx(15e-3)


def test_the_dead_do_not_train(trained: Trained) -> None:
    step = costs(transfer_s=4e-3, compute_s=5e-3, size_bytes=4e5, shared=1e8)
    assert trained(step, 3, "dead-workers=1").step_time_s == trained(step, 2).step_time_s


def test_inside_a_host_bytes_take_the_inner_link(trained: Trained) -> None:
    """Two workers beside their ps share 2e8 bytes/s, each alone at that rate: 2 ms become 4."""
    step = costs(transfer_s=4e-3, compute_s=10e-3, size_bytes=4e5, shared=1e8)
    place = {"workers_per_host": 2, "ps_placement": "shared"}
    assert trained(step, 1, "inner-link=200MB/s", **place).step_time_s == pytest.approx(14e-3)
    assert trained(step, 2, "inner-link=200MB/s", **place).step_time_s == pytest.approx(18e-3)


def test_workers_alike_share_a_plan_and_nothing_else(trained: Trained) -> None:
    """Each keeps its own cores busy beside its transfers, where all could not on one host."""
    step = replace(
        costs(
            transfer_s=4e-3,
            compute_s=10e-3,
            cores=2.0,
            compute_worker_s=20e-3,
            fetch_transfer_worker_s=2e-3,
            push_transfer_worker_s=2e-3,
        ),
        layers=(Layer(0.5, 0.5),) * 1,
    )
    assert trained(step, 5).step_time_s == pytest.approx(trained(step, 1).step_time_s)


def test_virtual_hosts_share_one_machine_s_cores(trained: Trained) -> None:
    """Each keeps two cores busy for 10 ms: four of them take turns on two, whatever their hosts."""
    step = costs(transfer_s=4e-3, compute_s=10e-3, cores=2.0, compute_worker_s=20e-3)
    assert trained(step, 4, strategy="ps-sync").step_time_s == pytest.approx(18e-3)
    run = trained(step, 4, "one-machine", strategy="ps-sync")
    assert run.step_time_s == pytest.approx(48e-3)
    assert run.breakdown["host_contention"] == pytest.approx(30e-3)


@pytest.mark.parametrize("said", ["compression=0.5", "half-precision", "rdma=1us", "overlap"])
@pytest.mark.parametrize("strategy", ["ps-async", "ps-sync", "allreduce"])
def test_what_takes_work_away_never_slows(said: str, strategy: Any) -> None:
    runtime = {"runtime": "mirrored"} if strategy == "allreduce" else {}
    # How asynchronous workers happen to be in phase on a full link takes more runs to average out.
    runs, slack = (48, 0.05) if strategy == "ps-async" else (8, 1e-9)
    if said == "overlap":
        # Phases that meet ask for what they ask where tasks compete, which can be a little more.
        slack = max(slack, 0.01)
    # Overlap splits an all-reduce only where there are buckets.
    plain = predict(profile(), asked(4, strategy=strategy, **runtime), replications=runs)
    changed = predict(profile(), asked(4, said, strategy=strategy, **runtime), replications=runs)
    assert changed.step_time_s <= plain.step_time_s * (1 + slack)


@pytest.mark.parametrize("name", KINDS)
def test_every_variation_gives_an_answer_that_adds_up(name: str) -> None:
    job: dict[str, Any] = {"workers_per_host": 2}
    if name == "backup-workers":
        job |= {"strategy": "ps-sync"}
    if name in ("all-reduce", "buckets"):
        job |= {"strategy": "allreduce", "runtime": "mirrored"}
    scenario = asked(4, KINDS[name].example, **job)
    answer = predict(profile(), scenario, replications=4)
    assert sum(answer.breakdown.values()) == pytest.approx(answer.step_time_s, rel=1e-9)
    assert min(answer.breakdown.values()) >= 0.0
    assert any(KINDS[name].example in note for note in answer.extrapolated)


def test_costs_of_layers_add_up_to_those_of_the_whole() -> None:
    for ps in (1, 2):
        plain = step_costs(profile(), asked(4, ps=ps))
        split_up = step_costs(profile(), asked(4, "overlap", ps=ps))
        assert len(split_up.layers) == 6
        assert sum(v.forward + v.backward for v in split_up.layers) == pytest.approx(1.0)
        for whole, parts in ((plain.fetch, split_up.fetch), (plain.push, split_up.push)):
            for one, several in zip(whole, parts, strict=True):
                for quantity in ("wall_s", "worker_s", "ps_s", "size_bytes"):
                    assert sum(getattr(p, quantity) for p in several) == pytest.approx(
                        sum(getattr(p, quantity) for p in one)
                    )


def test_buckets_hold_every_gradient_once() -> None:
    job = {"strategy": "allreduce", "runtime": "mirrored"}
    one = step_costs(profile(), asked(4, **job)).collective
    several = step_costs(profile(), asked(4, "buckets=100kB", **job)).collective
    assert len(one) == 2
    assert len(several) == 2 * 4

    def transferred(phases: Any) -> float:
        return float(sum(p.wall_s for p in phases if p.cause == "collective_transfer"))

    assert transferred(several) == pytest.approx(transferred(one))


def test_failures_take_their_share_of_the_time() -> None:
    """One worker in twenty is dead at any time: synchronous training needs all four up."""
    step = asked(4, "worker-failures=1,189.4737s", strategy="ps-sync")
    short, long = split(step, 1e-3)
    assert not short.faults
    assert long.worker_failures
    assert kept_share(profile(), step, long) == pytest.approx(0.95**4, rel=1e-6)
    down = asked(4, "ps-failures=1,400s", ps=2)
    assert kept_share(profile(), down, down.what_if) == pytest.approx(0.9**2, rel=1e-6)


def test_short_faults_are_simulated() -> None:
    scenario = asked(4, "stragglers=600,3,10ms")
    short, long = split(scenario, 1e-3)
    assert short.stragglers
    assert not long.faults


@pytest.mark.parametrize(
    ("said", "job", "words"),
    [
        (["dead-workers=1"], {"strategy": "ps-sync"}, ["would wait for ever"]),
        (["dead-workers=1", "staleness=2"], {}, ["staleness", "would wait for ever"]),
        (["dead-workers=2", "backup-workers=1"], {"strategy": "ps-sync"}, ["all but 1 workers"]),
        (["dead-workers=4"], {}, ["at most 3 of 4"]),
        (["backup-workers=1"], {}, ["strategy ps-sync"]),
        (["hybrid"], {}, ["workers_per_host"]),
        (["slow-workers=9,2"], {}, ["at most 4 of 4"]),
        (["buckets=1MB"], {}, ["strategy allreduce"]),
        (["ps-failures=1,1m"], {"strategy": "allreduce", "runtime": "mirrored"}, ["ps-async"]),
    ],
)
def test_what_cannot_be_is_refused(said: list[str], job: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        asked(4, *said, **job)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["overlpa", "staleness", "staleness=-1", "racks=8", "racks=8,0.5", "buckets=fast", "overlap=1",
     "compression=0", "rdma=-1us", "inner-link=0GB/s", "input=nan", "stragglers=1,2", "="],
)  # fmt: skip
def test_a_variation_that_means_nothing(text: str) -> None:
    with pytest.raises(InputError, match=r"^what_if: "):
        what_if([text])


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("rdma=5", "5us,1us: latency of a request.*a rate have a unit"),
        ("buckets=25", "buckets=25MB: .*a rate have a unit"),
        ("inner-link=10", "have a unit"),
        ("rdma=1h", "0 to 1 seconds"),
        ("input=1e-300", r"0\.01 to 1e\+09 samples a second"),
        ("input=1e300", r"0\.01 to 1e\+09 samples a second"),
        ("inner-link=1B/s", r"1000 to 1e\+14 bytes a second"),
        ("compression=1e-9", "1e-06 to 1 of a gradient's bytes"),
        ("slow-workers=1,1e6", "1 to 100 times slower"),
        ("slow-links=1,1e6", "1 to 100 times slower"),
        ("stragglers=6,1e6,30s", "1 to 100 times slower"),
        ("stragglers=1e9,3,1ns", "1e-06 to 100000 times an hour"),
        ("worker-failures=1e9,3m", "1e-06 to 100000 times an hour"),
        ("ps-failures=1e9,1ns", "1e-06 to 100000 times an hour"),
        ("ps-failures=1,1e9s", r"1e-06 to 1e\+07 seconds"),
    ],
)
def test_a_number_that_no_machine_has(text: str, allowed: str) -> None:
    with pytest.raises(InputError, match=rf"^what_if: got {re.escape(text)}; allowed: .*{allowed}"):
        what_if([text])


def test_built_in_code_it_is_refused_with_the_job() -> None:
    change = WhatIf(worker_failures=Failures(1e9, 180.0))
    with pytest.raises(InputError, match=r"worker-failures=1e\+09,180; allowed: 1e-06 to 100000"):
        check_scenario(replace(asked(4), what_if=change))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "worker-failures=1e5,1ms",
            r"worker-failures of 100000 an hour, with steps .*3 in a st",
        ),
        ("stragglers=1e5,2,1ms", r"stragglers of 100000 an hour, with steps of .*; allowed: at mo"),
        ("ps-failures=1e5,1ms", r"ps-failures of 100000 an hour, with steps of .*; allowed: at mo"),
        ("worker-failures=1e5,1e7s", r"with 0 of the throughput left; allowed: faults that leave"),
    ],
)
@pytest.mark.parametrize("name", ["emulated-1gbit", "loopback-2core"])
def test_events_without_end_are_refused(name: str, text: str, words: str) -> None:
    scenario = replace(asked(4, text), workload=read_workload("resnet-152"))
    with pytest.raises(InputError, match=words):
        predict(shipped_profile(name), scenario)


def test_the_same_variation_twice() -> None:
    with pytest.raises(InputError, match="once"):
        what_if(["staleness=1", "staleness=2"])


def test_a_link_that_carries_nothing() -> None:
    with pytest.raises(InputError, match="bandwidth_bytes_per_s"):
        Topology(2.0, 0.0)
    with pytest.raises(InputError, match="latency_s"):
        Topology(2.0, 1.0, inner=InnerLink(1.0, -1.0))


def test_a_ps_that_no_link_leads_to() -> None:
    with pytest.raises(InputError, match="a link whose bandwidth is known"):
        Topology(2.0, None).capacity(("out", 3))


def test_a_step_of_no_time(trained: Trained) -> None:
    with pytest.raises(InputError, match="a step of no time"):
        trained(costs(), 2)


def test_what_does_not_fit_into_memory() -> None:
    check_memory(1000, 36_000, free=1e9)
    with pytest.raises(InputError, match=r"^workers: .*at most 22\d\d\b"):
        check_memory(10_000, 36_000, free=1e8)


def test_the_warm_up_is_told_from_the_steps() -> None:
    rng = np.random.default_rng(1)
    steps = 1.0 + 0.01 * rng.normal(size=(20, 3, 30))
    steps[:, :, :4] += [3.0, 2.0, 1.0, 0.5]
    one_each = np.ones(3, dtype=np.intp)
    assert 4 <= warmup_steps(steps, one_each) <= 8
    assert warmup_steps(np.ones((2, 3, 10)), one_each) == 0

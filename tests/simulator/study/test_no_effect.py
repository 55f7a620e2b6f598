"""What changes nothing is said to, with the reason; and nothing else is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nworkers.cli.asked.what_if_options import KINDS, what_if
from nworkers.models.base.errors import InputError
from nworkers.models.records.prediction import Prediction
from nworkers.models.records.profile import Profile
from nworkers.models.records.runtimes import RUNTIMES_OF, STRATEGIES, Strategy
from nworkers.models.records.scenario import Scenario, check_scenario
from nworkers.models.records.what_if import PLAIN
from nworkers.models.records.workload import Cost, Variable, Workload, named_workload
from nworkers.simulator.study.no_effect import no_effects
from nworkers.simulator.study.predict import predict
from tests.support.factories import every_feature, profile
from tests.support.known_profiles import known_profiles

#: What may happen not to matter in two short runs.
CHANCE = ("staleness", "stragglers", "worker_failures", "ps_failures")
MLP = named_workload("mlp:784,64,64,10")
ONE = Workload("one", (Variable("w", (1000,)),), cost=Cost(0.02, 0.0))
NOTHING = Workload("nothing", (Variable("w", (1000,)),), cost=Cost(0.0, 0.0))
SLIGHT = Workload("slight", (Variable("w", (1000,), "bfloat16"),), cost=Cost(0.02, 0.0))
LIKE = Workload("like", (Variable("w", (1000,)),) * 4, cost=Cost(0.02, 0.0))


def job(
    said: str = "", workload: Workload = MLP, strategy: Strategy = "ps-async", **others: Any
) -> Scenario:
    known: dict[str, Any] = {"workers": 4, "runtime": RUNTIMES_OF[strategy][0]} | others
    return Scenario(workload, strategy=strategy, what_if=what_if(said.split()), **known)


def row_of(of: Profile, scenario: Scenario) -> Prediction:
    return predict(of, check_scenario(scenario), replications=2)


@pytest.mark.parametrize(
    ("scenario", "why"),
    [
        (job("overlap", ONE), "one layer"),
        (job("overlap", strategy="allreduce"), "buckets make several"),
        (job("staleness=3", workers=1), "nobody to be ahead of"),
        (job("all-reduce=ring", strategy="allreduce"), "a ring without it"),
        (job("all-reduce=hierarchical", strategy="allreduce"), "one worker on each host"),
        (job("buckets=1GB", strategy="allreduce"), "fit into one bucket"),
        (job("shard-by=size"), "there is one ps"),
        (job("shard-by=size", LIKE, ps=2), "the same ps"),
        (job("shard-by=round-robin"), "without a word"),
        (job("partition=1kB"), "there is one ps"),
        (job("partition=1GB", ps=2), "two such parts"),
        (job("compression=1"), "keep all their bytes"),
        (job("half-precision", SLIGHT), "more than 16 bits"),
        (job("racks=8,4"), "all hosts are in one rack"),
        (job("racks=2,1"), "uplinks carry all"),
        (job("racks=4,2", strategy="allreduce"), "all hosts are in one rack"),
        (job("inner-link=10GB/s"), "no two tasks on one host"),
        (job("inner-link=10GB/s", strategy="allreduce"), "no two tasks on one host"),
        (job("inner-link=99GB/s", strategy="allreduce", workers_per_host=2), "slowest link"),
        (job("compute=1x"), "not faster"),
        (job("compute=10", NOTHING), "computes nothing"),
        (job("slow-workers=1,1"), "not slower"),
        (job("slow-links=1,1"), "not slower"),
        (job("one-machine", ps_placement="shared", workers_per_host=4), "on one host"),
        (job("input=1000000000", ONE), "ever waits"),
        (job("stragglers=6,1,30s"), "not slower"),
    ],
)
def test_what_changes_nothing_says_why(scenario: Scenario, why: str) -> None:
    for known in (profile(), every_feature(host__input=None)):
        row = row_of(known, scenario)
        (note,) = no_effects(known, [row])
        assert why in note
        assert note.startswith((*scenario.what_if.changes, *scenario.what_if.usual))
        assert alike(row, row_of(known, plain(scenario)))


def test_only_what_changes_no_row_is_said() -> None:
    rows = [row_of(profile(), job("racks=2,4", workers=n)) for n in (1, 2, 8)]
    assert len(list(no_effects(profile(), rows[:1]))) == 1
    assert not list(no_effects(profile(), rows))


def plain(scenario: Scenario) -> Scenario:
    return replace(scenario, what_if=PLAIN)


def alike(one: Prediction, other: Prediction) -> bool:
    return one.draws == pytest.approx(other.draws, rel=1e-9)


@pytest.mark.parametrize("name", known_profiles())
def test_a_line_where_the_prediction_is_the_same_and_nowhere_else(name: str) -> None:
    """Every example of a what-if, by every strategy, apart and together on hosts."""
    known = known_profiles()[name]
    one_host = known.link.kind == "loopback"
    for strategy in STRATEGIES:
        for per_host, ps in ((4, 1),) if one_host else ((1, 2), (2, 1)):
            where: dict[str, Any] = {"workers_per_host": per_host, "ps": ps}
            where["ps_placement"] = "shared" if one_host else "own"
            before = row_of(known, job("", strategy=strategy, **where))
            for kind in KINDS.values():
                if kind.field in CHANCE:
                    continue
                try:
                    row = row_of(known, job(kind.example, strategy=strategy, **where))
                except InputError:
                    continue
                told = list(no_effects(known, [row]))
                assert bool(told) == alike(row, before), (kind.example, strategy, where, told)

"""What an answer rests on: the class of its step, and how far that class was off."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nworkers.models.files.accuracy import shipped_accuracy
from nworkers.models.files.shipped import shipped_profile
from nworkers.models.findings.rests_on import RestsOn, rests_on
from nworkers.models.records.prediction import Prediction
from nworkers.models.records.profile import Imported
from nworkers.models.records.scenario import Scenario
from nworkers.models.records.workload import named_workload
from nworkers.simulator.study.predict import predict

EMULATED, ONE_HOST = shipped_profile("emulated-1gbit"), shipped_profile("loopback-2core")
SMALL, LARGE = named_workload("gemm:128,256"), named_workload("gemm:2048,2048")


@pytest.fixture(scope="module")
def on_a_full_wire() -> Prediction:
    return predict(EMULATED, Scenario(LARGE, 4), replications=8)


@pytest.fixture(scope="module")
def on_busy_cores() -> Prediction:
    return predict(
        ONE_HOST, Scenario(SMALL, 2, workers_per_host=2, ps_placement="shared"), replications=8
    )


def test_a_full_wire(on_a_full_wire: Prediction) -> None:
    known = shipped_accuracy().of("full wires", "emulated hosts")
    assert known is not None
    assert known.half == "blind"
    assert rests_on(EMULATED, on_a_full_wire) == RestsOn("emulated hosts", "full wires", known)


def test_busy_cores_of_one_host(on_busy_cores: Prediction) -> None:
    known = shipped_accuracy().of("two busy cores", "one host")
    assert rests_on(ONE_HOST, on_busy_cores) == RestsOn("one host", "two busy cores", known)


def test_a_stated_time_is_a_wait(on_busy_cores: Prediction) -> None:
    stated = replace(on_busy_cores, compute_source="workload_file")
    assert rests_on(ONE_HOST, stated).kind == "waits"


def test_a_guessed_time_is_like_nothing_that_was_trained(on_busy_cores: Prediction) -> None:
    guessed = replace(on_busy_cores, compute_source="gemm_rate")
    assert rests_on(ONE_HOST, guessed) == RestsOn("one host", None, None)


def test_what_others_measured_and_gpus_are_unverified(on_a_full_wire: Prediction) -> None:
    table = Imported("osu_latency", "them.txt", "0" * 64, 1, "emulated-1gbit", ("link.fetch",))
    imported = replace(EMULATED, imported=(table,))
    assert rests_on(imported, on_a_full_wire) == RestsOn("imported", "full wires", None)
    scenario = replace(on_a_full_wire.scenario, workers_per_gpu=1)
    on_gpus = replace(on_a_full_wire, scenario=scenario)
    assert rests_on(EMULATED, on_gpus) == RestsOn("GPU", "full wires", None)

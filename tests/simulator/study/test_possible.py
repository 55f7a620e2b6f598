"""No impossible answer: what holds of every prediction, over profiles shipped and measured."""

from __future__ import annotations

from typing import Any

import pytest

from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.profile import Profile
from nworkers.models.records.scenario import Scenario
from nworkers.simulator.study.predict import predict
from nworkers.simulator.study.resolve import resolve
from tests.support.profiles import PROFILES

MLP = "mlp:784,512,10"


def asked(name: str, workers: int, **request: Any) -> tuple[Profile, Scenario]:
    job = resolve(JobRequest(profile=PROFILES[name](), **request), [workers])
    return job.profile, job.scenarios[0]


@pytest.mark.parametrize("batch", [1, 32, 4096, 65_536])
@pytest.mark.parametrize("name", PROFILES)
def test_one_worker_is_no_faster_than_one_process(name: str, batch: int) -> None:
    for workload in (None, MLP):
        profile, scenario = asked(name, 1, batch=batch, workload=workload)
        row = predict(profile, scenario, replications=24)
        assert row.speedup <= 1.03, workload

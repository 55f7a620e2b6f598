"""Scenarios of one model, with what is said of them."""

from __future__ import annotations

from typing import Any

from nworkers.cli.asked.what_if_options import what_if
from nworkers.models.records.scenario import Scenario, check_scenario
from nworkers.models.records.workload import named_workload

MLP = named_workload("mlp:784,512,512,10")


def asked(workers: int = 4, *said: str, **job: Any) -> Scenario:
    return check_scenario(Scenario(MLP, workers, what_if=what_if(said), **({"batch": 64} | job)))

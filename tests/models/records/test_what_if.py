"""What a change is called: as it was asked for, or by its field."""

from __future__ import annotations

from nworkers.cli.asked.what_if_options import what_if
from nworkers.models.costs.extrapolation import extrapolations
from nworkers.models.records.scenario import Scenario
from nworkers.models.records.what_if import PLAIN, Rdma, WhatIf
from nworkers.models.records.workload import named_workload
from tests.support.factories import profile


def test_a_change_keeps_the_words_it_was_asked_in() -> None:
    assert what_if(["rdma=5us,1us", "overlap"]).changes == ("rdma=5us,1us", "overlap")
    assert PLAIN.changes == ()


def test_a_change_built_in_code_is_beyond_the_measured_too() -> None:
    change = WhatIf(overlap=True, half_precision=True, rdma=Rdma(5e-6), backup_workers=1)
    assert change.changes == ("overlap", "backup-workers=1", "half-precision", "rdma=5e-06,0")
    asked = Scenario(named_workload("gemm:128,256"), 4, strategy="ps-sync", what_if=change)
    notes = extrapolations(profile(), asked)
    assert [note for note in notes if note.startswith("what if: ")] == [
        f"what if: {name}, which was not measured" for name in change.changes
    ]

"""What a change is called: as it was asked for, or by its field."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from nworkers.cli.asked.what_if_options import KINDS, what_if
from nworkers.models.costs.extrapolation import extrapolations
from nworkers.models.records.scenario import Scenario
from nworkers.models.records.what_if import PLAIN, Rdma, WhatIf, what_if_name
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


@pytest.mark.parametrize("field", [entry.name for entry in fields(WhatIf) if entry.name != "said"])
def test_every_field_is_marked_alike_whether_typed_or_built_in_code(field: str) -> None:
    """Also beside another one that was typed."""
    [(name, kind)] = [(name, kind) for name, kind in KINDS.items() if kind.field == field]
    typed = what_if([kind.example])
    built = replace(PLAIN, **{field: getattr(typed, field)})
    other = "input=7" if name != "input" else "one-machine"
    both = replace(what_if([other]), **{field: getattr(typed, field)})
    assert typed.changes == (kind.example,)
    assert [word.partition("=")[0] for word in built.changes] == [name] == [what_if_name(field)]
    assert both.changes == (other, *built.changes)
    for change in (typed, built, both):
        asked = Scenario(named_workload("gemm:128,256"), 4, what_if=change)
        notes = [n for n in extrapolations(profile(), asked) if n.startswith(f"what if: {name}")]
        assert len(notes) == 1


def test_what_is_taken_back_in_code_is_not_named() -> None:
    change = replace(what_if(["overlap", "input=7", "shard-by=round-robin"]), overlap=False)
    assert change.changes == ("input=7",)
    assert change.usual == ("shard-by=round-robin",)

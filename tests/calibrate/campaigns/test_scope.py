from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nworkers.calibrate.campaigns.plan import plan
from nworkers.calibrate.campaigns.scope import (
    MAX_WIDTH,
    Scope,
    changes,
    check_scope,
    scope_of,
    scope_texts,
)
from nworkers.models.base.errors import InputError
from nworkers.models.records.workload import named_workload

WIDTHS = st.integers(1, MAX_WIDTH)
SCOPES = st.builds(
    Scope,
    preset=st.sampled_from(["quick", "default", "full"]),
    workload=st.sampled_from(["gemm:8,4", "model.toml"]),
    model=st.sampled_from(["", "mine:net"]),
    batch=WIDTHS,
    threads=st.none() | st.integers(1, 4096),
    input=st.sampled_from(["", "mine:data"]),
    soak_minutes=st.none() | st.integers(1, 1440).map(lambda minutes: minutes / 16),
    ps=st.integers(0, 64),
    workers=st.integers(1, 64),
    device=st.sampled_from(["cpu", "gpu"]),
)


@given(SCOPES)
def test_a_scope_is_the_same_after_it_was_text(scope: Scope) -> None:
    texts = scope_texts(scope)
    assert scope_of(texts) == scope
    assert changes(scope, scope) == []


def test_the_texts_are_the_options_of_the_command() -> None:
    assert scope_texts(Scope("quick", features=8, hidden=4, soak_minutes=0.05)) == {
        "quick": "yes",
        "workload": "gemm:128,256",
        "model": "",
        "features": "8",
        "hidden": "4",
        "batch": "32",
        "full": "no",
        "threads": "",
        "input": "",
        "ps": "1",
        "worker": "2",
        "soak": "0.05",
        "device": "cpu",
    }


def test_what_an_older_file_lacks_has_its_default() -> None:
    assert scope_of({}) == Scope()
    assert scope_of({"quick": "yes", "batch": "64"}) == Scope("quick", batch=64)


def test_changes_are_told_by_field() -> None:
    assert changes(Scope(), Scope("quick", threads=2)) == [
        "<quick> was no, is yes",
        "<threads> was not given, is 2",
    ]


@pytest.mark.parametrize(
    ("scope", "field"),
    [
        (Scope(batch=0), "batch"),
        (Scope(threads=5000), "threads"),
        (Scope(soak_minutes=0.01), "soak_minutes"),
        (Scope(features=8), "hidden"),
        (Scope(hidden=8), "features"),
    ],
)
def test_a_scope_without_sense_is_refused_by_field(scope: Scope, field: str) -> None:
    with pytest.raises(InputError) as found:
        check_scope(scope)
    assert found.value.field == field


@pytest.mark.parametrize(("name", "text"), [("batch", "many"), ("device", "tpu")])
def test_a_text_that_is_no_number_or_no_device_is_refused(name: str, text: str) -> None:
    with pytest.raises(InputError, match=rf"planned\.options\.{name}"):
        scope_of({name: text})


def test_a_plan_is_on_record_once_it_has_a_scope() -> None:
    made = plan(Scope("quick"), named_workload("gemm:128,256"))
    assert made.planned is None
    assert len(made.to_measure) == made.rounds == 2
    few = made.narrowed(tuple(c for c in made.cells if c.quantity == "noop"))
    assert not few.memory
    assert {c.quantity for c in few.cells} == {"noop"}

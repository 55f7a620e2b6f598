"""Placement against TensorFlow's rules, done by hand."""

from __future__ import annotations

import pytest

from nworkers.cli.asked.what_if_options import what_if
from nworkers.models.base.errors import InputError
from nworkers.models.costs.sharding import place
from nworkers.models.records.what_if import PLAIN
from nworkers.models.records.workload import Variable, Workload, named_workload

MLP = named_workload("mlp:784,512,10")
FIRST, BIAS, SECOND, LAST = 4 * 784 * 512, 4 * 512, 4 * 5120, 4 * 10


def sizes(workload: Workload, ps: int, *said: str) -> list[list[float]]:
    placed = place(workload, ps, what_if(said) if said else PLAIN)
    return [[piece.size_bytes for piece in shard] for shard in placed]


def test_round_robin() -> None:
    assert sizes(MLP, 1) == [[FIRST, BIAS, SECOND, LAST]]
    assert sizes(MLP, 3) == [[FIRST, LAST], [BIAS], [SECOND]]
    assert sizes(MLP, 5)[4] == []


def test_by_size_goes_to_who_has_the_fewest_bytes() -> None:
    assert sizes(MLP, 2, "shard-by=size") == [[FIRST], [BIAS, SECOND, LAST]]


def test_large_variables_are_split_over_the_ps() -> None:
    part = FIRST / 4
    assert sizes(MLP, 4, "partition=100kB") == [[part, BIAS], [part, SECOND], [part, LAST], [part]]
    assert sizes(MLP, 4, "partition=1MB")[0][0] == FIRST


def test_nothing_is_lost() -> None:
    for said in ("partition=1kB", "shard-by=size"):
        placed = place(MLP, 3, what_if([said]))
        assert sum(p.size_bytes for shard in placed for p in shard) == pytest.approx(MLP.size_bytes)
        assert {p.variable for shard in placed for p in shard} == {0, 1, 2, 3}


def test_half_precision_halves_what_is_longer() -> None:
    mixed = Workload(
        "mixed",
        (Variable("a", (10,)), Variable("b", (10,), "float16"), Variable("c", (4,), "int64")),
    )
    assert sizes(mixed, 1, "half-precision") == [[20, 20, 32]]


def test_more_ps_than_bytes() -> None:
    tiny = Workload("tiny", (Variable("a", (2,), "float16"),), flops_per_sample=1.0)
    with pytest.raises(InputError, match=r"^ps: .*at most 4"):
        place(tiny, 5, PLAIN)

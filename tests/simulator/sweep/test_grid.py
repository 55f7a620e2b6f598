"""The grid of a sweep: every combination once, each with a key of its own that stays."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from itertools import chain
from typing import Any

import pytest

from nworkers.models.base.errors import InputError
from nworkers.models.records.what_if import WhatIf
from nworkers.simulator.answers import answer_predict
from nworkers.simulator.study.resolve import resolve
from nworkers.simulator.sweep.grid import FIELDS, SweepAxis, SweepGrid, wanted
from nworkers.simulator.sweep.sweep_jobs import SweepJobs, held, sweep_grid
from tests.support.factories import profile

NETWORK = profile(link__kind="network")


def grid(stated: Mapping[str, list[Any]]) -> SweepGrid:
    axes = [SweepAxis(f, f, tuple(v), tuple(held(f, x) for x in v)) for f, v in stated.items()]
    return sweep_grid("given", axes, {})


STATED: dict[str, list[Any]] = {
    "profile": [NETWORK],
    "workers": [1, 2, 4],
    "batch": [8, 16],
    "strategy": ["ps-async", "ps-sync"],
}


def keys(stated: Mapping[str, list[Any]]) -> dict[str, tuple[Any, ...]]:
    """Of each key the values of the scenario, in the order of the fields that vary."""
    found = grid(stated)
    return {
        found.key(k): tuple(found.values(k)[f] for f in ("workers", "batch", "strategy"))
        for k in range(found.size)
    }


def test_every_combination_has_one_number_and_one_key() -> None:
    found = keys(STATED)
    assert len(found) == grid(STATED).size == 12
    assert set(found.values()) == {
        (n, b, s) for n in (1, 2, 4) for b in (8, 16) for s in ("ps-async", "ps-sync")
    }


def test_a_key_is_the_scenario_s_whatever_sweep_it_stands_in() -> None:
    turned = {name: values[::-1] for name, values in reversed(STATED.items())}
    assert keys(turned) == keys(STATED)
    # Alone, with its usual values said, it is the same scenario.
    alone: dict[str, list[Any]] = {
        "profile": [NETWORK],
        "workers": [4],
        "batch": [16],
        "strategy": ["ps-sync"],
    }
    assert keys(alone | {"seed": [1], "ps": [1], "link": [None]}).items() <= keys(STATED).items()


@pytest.mark.parametrize(
    "other",
    [
        {"seed": [2]},
        {"ps": [2]},
        {"cores": [4.0]},
        {"spread": [0.1]},
        {"link": ["10gbit"]},
        {"workload": ["mlp:784,512,10"]},
        {"what_if": [WhatIf(half_precision=True)]},
        {"profile": [profile(link__kind="network", host__cores=3.0)]},
    ],
    ids=lambda other: next(iter(other)),
)
def test_what_moves_an_answer_moves_its_key(other: dict[str, list[Any]]) -> None:
    assert not keys(STATED).keys() & keys(STATED | other).keys()


def test_words_and_names_move_no_key() -> None:
    said = {"what_if": [WhatIf(half_precision=True, said=("half-precision",))]}
    silent = {"what_if": [WhatIf(half_precision=True)]}
    assert keys(STATED | said) == keys(STATED | silent)
    equal = {"profile": [dataclasses.replace(NETWORK)]}
    assert keys(STATED | equal) == keys(STATED)


@pytest.mark.parametrize("field", FIELDS)
def test_a_value_twice_or_none_is_refused(field: str) -> None:
    values = {"profile": NETWORK, "device_of": NETWORK}
    twice = [values.get(field, 2)] * 2
    if field not in ("workload", "link", "what_if"):
        with pytest.raises(InputError, match=f"given: {field}: got .* twice"):
            grid(STATED | {field: twice})
    with pytest.raises(InputError, match=f"given: {field}: got an empty list"):
        grid(STATED | {field: []})


def test_a_billion_is_counted_and_refused() -> None:
    thousand = list(range(1, 1001))
    with pytest.raises(InputError) as refused:
        grid({"workers": thousand, "batch": thousand, "seed": thousand})
    assert "1,000,000,000 scenarios (seed 1,000 × batch 1,000 × workers 1,000)" in str(
        refused.value
    )
    assert "at most 10,000,000" in str(refused.value)


def test_shards_are_disjoint_and_their_union_is_the_whole() -> None:
    found = grid(STATED | {"seed": list(range(50))})
    parts = [list(wanted(found, frozenset(), shard, 7)) for shard in range(1, 8)]
    assert sorted(chain(*parts)) == list(range(found.size))
    # Each has some of every kind, which its number alone would not give.
    assert min(map(len, parts)) > found.size / 14
    assert all(len({k % 3 for k in part}) == 3 for part in parts)
    # More values leave what was there where it was.
    more = grid(STATED | {"seed": list(range(60)), "batch": [8, 16, 32]})
    first = {found.key(k) for k in parts[0]}
    later = {more.key(k) for k in wanted(more, frozenset(), 1, 7)}
    assert first < later


def test_what_is_done_is_not_wanted() -> None:
    found = grid(STATED)
    done = frozenset(found.key(k) for k in (0, 3, 11)) | {"0" * 32}
    assert set(wanted(found, done, 1, 1)) == set(range(found.size)) - {0, 3, 11}


def test_a_job_is_what_a_request_resolves_to() -> None:
    found = grid({**STATED, "spread": [None, 0.2], "link": [None, "10gbit"]})
    jobs = SweepJobs(found)
    for index in range(0, found.size, 5):
        values = found.values(index)
        request = jobs._request(index)[0]
        job = jobs.job(index)
        assert job == resolve(request, [values["workers"]])
        assert job.scenarios[0].batch == values["batch"]
    # What is drawn from hardware once serves all jobs on it.
    assert jobs.job(0).profile is jobs.job(1).profile
    assert answer_predict(jobs.job(0)).rows[0].speedup > 0

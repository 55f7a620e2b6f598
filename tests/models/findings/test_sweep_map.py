"""Maps of a sweep: a map for each combination, nothing lost, and what is asked for alone."""

from __future__ import annotations

from typing import Any

import pytest

from nworkers.models.base.errors import InputError
from nworkers.models.findings.sweep_map import MOST_MAPS, sweep_maps


def row(batch: int, workers: int, speedup: float | None, **more: Any) -> dict[str, Any]:
    inputs = {"batch": batch, "workers": workers, "baseline": "device", **more}
    found = {"error": "no"} if speedup is None else {"speedup": speedup}
    return {"key": "ab", "inputs": inputs, **found}


ROWS = [
    row(batch, workers, None if workers > batch else 0.3 * workers * batch**0.25, strategy=strategy)
    for strategy in ("ps-async", "ps-sync")
    for batch in (4, 64, 2)
    for workers in (8, 1, 4)
]


def test_one_map_for_each_combination_of_all_else() -> None:
    found = sweep_maps(ROWS, [])
    assert [one.tells for one in found.maps] == [
        (("strategy", "ps-async"),),
        (("strategy", "ps-sync"),),
    ]
    assert (found.shared, found.baseline) == ((("baseline", "device"),), "device")
    first = found.maps[0]
    assert (first.batches, first.workers) == ((2, 4, 64), (1, 4, 8))
    assert first.impossible == {(2, 4), (2, 8), (4, 8)}
    assert len(first.speedups) == 6
    # At batch 4 four workers have 1.7, and one has 0.4.
    assert (first.first, first.best) == ((4, 4), (64, 8))
    assert found.best == (first, (64, 8))


def test_what_is_asked_for() -> None:
    found = sweep_maps(ROWS, [("strategy", "ps-sync"), ("batch", "2"), ("batch", "4")])
    (one,) = found.maps
    assert one.tells == ()
    assert dict(found.shared)["strategy"] == "ps-sync"
    assert one.batches == (2, 4)


def test_no_break_even_and_no_answer() -> None:
    (lost,) = sweep_maps([row(4, 1, 0.5), row(4, 2, 0.9)], []).maps
    assert (lost.first, lost.best) == (None, (4, 2))
    none = sweep_maps([row(4, 8, None)], [])
    assert (none.best, none.speedups) == (None, ())


def test_what_ifs_and_fields_that_only_some_have() -> None:
    rows = [
        row(4, 1, 0.5, what_if=[]),
        row(4, 1, 0.6, what_if=["overlap", "compression=0.1"]),
        row(4, 1, 0.7, what_if=[], link="10gbit"),
    ]
    found = sweep_maps(rows, [])
    assert [one.tells for one in found.maps] == [
        (("what_if", "plain"),),
        (("what_if", "overlap+compression=0.1"),),
        (("what_if", "plain"), ("link", "10gbit")),
    ]


def test_too_many_maps_say_how_to_choose() -> None:
    rows = [row(4, 1, 0.5, seed=seed) for seed in range(MOST_MAPS + 1)]
    with pytest.raises(InputError, match=r"13 combinations of seed; allowed: at most 12 .*seed=0"):
        sweep_maps(rows, [])
    assert len(sweep_maps(rows, [("seed", str(k)) for k in range(MOST_MAPS)]).maps) == MOST_MAPS


@pytest.mark.parametrize(
    ("rows", "chosen", "words"),
    [
        ([], [], "rows: got none"),
        ([], [("batch", "8")], "rows: got none"),
        (ROWS, [("model", "x")], "where: got model=x; allowed: one of batch, workers, baseline"),
        (ROWS, [("batch", "3")], "batch=4, batch=64, batch=2"),
        ([*ROWS, row(9, 1, 1.0)], [("batch", "9"), ("workers", "8")], "batch=9 and workers=8"),
        ([{"key": "ab"}], [], "row ab"),
        ([{"key": "ab", "inputs": {"batch": 1, "workers": "2"}}], [], "row ab"),
        ([row(1, 1, 1.0) | {"speedup": "x"}], [], "row ab"),
    ],
)
def test_no_such_rows(rows: list[Any], chosen: list[tuple[str, str]], words: str) -> None:
    with pytest.raises(InputError) as refused:
        sweep_maps(rows, chosen)
    assert words in str(refused.value)

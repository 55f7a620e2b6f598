"""Published systems' large rows, from a quarter of their workers."""

from __future__ import annotations

from functools import cache

from benchmarks.published import DATA, Row, coverage, judged, median_errors, systems


@cache
def rows() -> list[Row]:
    """Those of all-reduce: ``python -m benchmarks.published`` simulates the others for minutes."""
    return [
        row
        for system in systems()
        if system.rows[0].strategy == "allreduce"
        for row in judged(system)
    ]


def test_halves_are_fixed_and_sources_named() -> None:
    found = systems()
    clusters = {of.cluster: of.half for of in found}
    assert len(clusters) >= 14
    assert sorted(clusters.values()).count("held-out") == 7
    # No cluster is in both halves.
    assert all(clusters[of.cluster] == of.half for of in found)
    text = DATA.read_text()
    for name in clusters:
        assert f"# {name}: " in text
    for of in found:
        assert max(row.workers for row in of.rows if row.workers <= of.fit_to) * 4 <= max(
            row.workers for row in of.rows
        )


def test_intervals_hold_what_they_miss() -> None:
    """Not rejected at 1 %, rows of one series counting as they miss together."""
    assert len({row.cluster for row in rows()}) >= 8
    _, few, _ = coverage(rows())
    assert few > 0.01


def test_errors_are_below_those_of_the_laws() -> None:
    for law in ("amdahl", "usl"):
        ours, theirs = median_errors(rows(), law)
        assert ours < theirs

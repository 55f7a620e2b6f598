"""The accuracy table: its design holds what was promised, and its scores can fail."""

from __future__ import annotations

import math
import os
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.accuracy import design, store
from benchmarks.accuracy.baselines import universal_s
from benchmarks.accuracy.forecast import written
from benchmarks.accuracy.scores import Judged, count_interval, first_beating, scores
from nworkers.models.base.errors import InputError


def test_the_design_is_the_seed_s() -> None:
    curves = design.read()
    assert curves == design.draw(design.SEED)
    assert design.balanced(curves)
    assert all(design.feasible(curve) for curve in curves)


def test_every_level_is_there_six_times() -> None:
    curves = design.read()
    cells = [(curve, workers) for curve in curves for workers in curve.workers]
    assert len(cells) == 96
    assert Counter(curve.half for curve, _ in cells) == {"development": 48, "test": 48}
    for name in ("training", "model", "batch", "scaling", "ps", "link_mbit", "compute"):
        assert min(Counter(getattr(curve, name) for curve, _ in cells).values()) >= 6
    assert min(Counter(workers for _, workers in cells).values()) >= 6
    assert {workers for _, workers in cells} == {1, 2, 3, 4, 6, 8, 12, 16}


def test_who_waits_leaves_the_processors_half_idle() -> None:
    """The wait is as long as all workers' processor time over the share that is wanted."""
    curve = next(c for c in design.read() if c.compute == "wait" and not c.link_mbit)
    assert curve.workload.cost is not None
    spent_s = design.STEP_S + design.TENSOR_S * curve.workload.tensors
    spent_s += 2 * design.BYTE_S[False] * curve.workload.size_bytes
    wanted_s = max(curve.workers) * spent_s / (design.CORES * design.WANTED_USE)
    assert curve.workload.cost.floor_s == pytest.approx(max(wanted_s, 0.02), abs=1e-4)


def test_scores() -> None:
    found = scores(
        [
            Judged(1.0, 1.1, (0.9, 1.3)),
            Judged(1.0, 0.8, (0.7, 0.9)),
            Judged(2.0, 2.0, (1.8, 2.2)),
        ]
    )
    assert found.median_error == pytest.approx(0.1)
    assert found.worst_error == pytest.approx(0.2)
    assert found.covered == 2
    # Width 0.2, and 20 times the 0.1 that it lies above.
    assert Judged(1.0, 0.8, (0.7, 0.9)).interval_score == pytest.approx(0.2 + 2.0)
    # A method without an interval is certain of its answer.
    assert Judged(1.0, 1.1).interval_score == pytest.approx(20 * 0.1)
    assert scores([Judged(1.0, 1.0, (0.9, 1.1))] * 48).p_value > 0.01
    assert scores([Judged(1.0, 2.0, (1.9, 2.1))] * 48).p_value < 1e-6


def test_the_law_goes_through_its_two_points() -> None:
    """σ of 1/3: two workers give 1.5 times what one gives, four 2."""
    measured = {1: (1.0, 12), 2: (4 / 3, 12)}
    assert universal_s(measured, 2, 12) == pytest.approx(4 / 3)
    assert universal_s(measured, 4, 12) == pytest.approx(2.0)


def test_break_even_among_counts() -> None:
    assert first_beating([1, 2, 4], [0.5, 1.2, 0.9]) == 2
    assert math.isinf(first_beating([1, 2], [0.5, 1.0]))
    draws = [2.0] * 10 + [4.0] * 85 + [math.inf] * 5
    assert count_interval(draws) == (2.0, math.inf)
    assert count_interval([2.0] * 100) == (2.0, 2.0)


def test_raw_data_is_the_same_file_when_written_again(tmp_path: Path) -> None:
    epyc = design.FOLDER / "epyc" / store.RUNS.name
    for path, key in ((epyc, "cell"), (store.FORECASTS, "version")):
        again = tmp_path / path.name
        store.write_lines(again, key, store.read_lines(path, key))
        assert again.read_bytes() == path.read_bytes()


def test_every_cell_has_starts_that_count_and_is_predicted_in_each_version() -> None:
    curves = design.read()
    cells = {(c.name, workers) for c in curves for workers in c.workers if c.half == "test"}
    assert all(store.read_runs(curve, workers) for curve in curves for workers in curve.workers)
    assert store.versions() == [1, 2, 3, 4, 5, 6]
    for version in store.versions():
        assert set(written(version)) == cells


def test_a_start_is_added_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was there stays, to the byte, when the disk gives up in the middle."""
    path, curve = tmp_path / "runs.jsonl.gz", design.read()[0]
    first, second = store.read_all(curve, 1)[:2]
    monkeypatch.setattr(store, "RUNS", path)
    store.add_run(curve, first)
    before = path.read_bytes()
    assert store.read_all(curve, 1) == [first]

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(os, "replace", full)
        with pytest.raises(InputError):
            store.add_run(curve, second)
    assert path.read_bytes() == before
    store.add_run(curve, second)
    assert store.read_all(curve, 1) == [first, second]

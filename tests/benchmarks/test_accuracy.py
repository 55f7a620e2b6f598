"""The accuracy table: its designs hold what was promised, and its scores can fail."""

from __future__ import annotations

import math
import os
import random
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest

from benchmarks.accuracy import blind, curves, design, measuring, report, sessions, store
from benchmarks.accuracy.baselines import Seen, amdahl_s, optimus_s, usl_s
from benchmarks.accuracy.forecast import written
from benchmarks.accuracy.regret import regrets
from benchmarks.accuracy.scores import (
    Cell,
    Judged,
    accuracy_class,
    count_interval,
    first_beating,
    scores,
)
from nworkers import __version__
from nworkers.calibrate.campaigns.validation import SINGLE
from nworkers.calibrate.host.environment import environment
from nworkers.models.base.errors import InputError
from nworkers.models.files.accuracy import ACCURACY, accuracy_text, shipped_accuracy
from nworkers.models.files.store import read_calibration
from nworkers.models.records.calibration import Calibration
from nworkers.models.records.measured_accuracy import AccuracyClass
from nworkers.models.records.measurement import TrainingRun
from nworkers.models.records.profile import Evidence

ROOT = Path(__file__).parents[2]


def test_the_design_is_the_seed_s() -> None:
    drawn = curves.read()
    assert drawn == design.draw(design.SEED)
    assert design.balanced(drawn)
    assert all(design.feasible(curve) for curve in drawn)


def test_every_level_is_there_six_times() -> None:
    cells = [(curve, workers) for curve in curves.read() for workers in curve.workers]
    assert len(cells) == 96
    assert Counter(curve.half for curve, _ in cells) == {"development": 48, "test": 48}
    for name in ("training", "model", "batch", "scaling", "ps", "link_mbit", "compute"):
        assert min(Counter(getattr(curve, name) for curve, _ in cells).values()) >= 6
    assert min(Counter(workers for _, workers in cells).values()) >= 6
    assert {workers for _, workers in cells} == {1, 2, 3, 4, 6, 8, 12, 16}


def test_who_waits_leaves_the_processors_half_idle() -> None:
    """The wait is as long as all workers' processor time over the share that is wanted."""
    curve = next(c for c in curves.read() if c.compute == "wait" and not c.link_mbit)
    assert curve.workload.cost is not None
    spent_s = design.STEP_S + design.TENSOR_S * curve.workload.tensors
    spent_s += 2 * design.BYTE_S[False] * curve.workload.size_bytes
    wanted_s = max(curve.workers) * spent_s / (design.CORES * design.WANTED_USE)
    assert curve.workload.cost.floor_s == pytest.approx(max(wanted_s, 0.02), abs=1e-4)


# The blind half


BLIND = curves.read("blind")


def test_the_blind_half_keeps_its_promises() -> None:
    told = blind.expectations()
    assert not blind.lacking([(curve, told.get(curve.name)) for curve in BLIND])
    assert {curve.training for curve in BLIND} == set(curves.TRAININGS)
    for compute in get_args(curves.Compute):
        ways = {(c.training, c.ps) for c in BLIND if c.compute == compute}
        assert {ps for training, ps in ways if training != "mirrored"} == {1, 2, 4}
    assert {c.user_model for c in BLIND} == {"", curves.USER_MODELS["residual"]}
    assert len({curve.name for curve in (*BLIND, *curves.read())}) == len(BLIND) + 24


def test_less_than_was_promised_is_seen() -> None:
    told = blind.expectations()
    few = [(curve, told.get(curve.name)) for curve in BLIND if curve.compute == "real"]
    assert "full wires" in blind.lacking(few)


def test_a_blind_job_is_one_of_the_seed_s() -> None:
    """Which of them it became, the model of that day decided."""
    for slot in (*blind.WIRES, *blind.WAITS):
        ways = [curve for curve in BLIND if curve.same_job == f"job-{slot.name}"]
        rng = random.Random(f"{blind.SEED} {slot.name}")
        drawn = (blind._job(slot, rng) for _ in range(blind.TRIES))
        same = [(c.floor_s, c.per_sample_s, c.shapes, c.training, c.ps) for c in ways]
        assert any(
            same == [(c.floor_s, c.per_sample_s, c.shapes, c.training, c.ps) for c in job]
            for job in drawn
        )


@pytest.mark.parametrize("curve", [c for c in BLIND if c.compute == "wait"], ids=lambda c: c.name)
def test_a_blind_wait_can_be_trained_and_told(curve: curves.Curve) -> None:
    told = blind.expectations()[curve.name]
    # Gradients that are the same tensor would travel once.
    assert len(set(curve.shapes)) == len(curve.shapes) >= curve.ps
    assert blind.LEAST_BYTES * 0.98 <= curve.workload.size_bytes <= blind.MOST_BYTES
    assert set(told.step_s) == set(curve.workers)
    assert max(told.step_s.values()) <= 1.1 * blind.LONGEST_STEP_S
    if told.telling:
        assert told.breakeven is not None
        assert min(curve.workers) < told.breakeven <= max(curve.workers)
    spent_s = design.STEP_S + design.TENSOR_S * curve.workload.tensors
    spent_s += 2 * design.BYTE_S[curve.link_mbit > 0] * curve.workload.size_bytes
    for workers, step_s in told.step_s.items():
        assert workers * spent_s / design.CORES / step_s < 1.1 * design.WANTED_USE


def test_jobs_are_trained_in_several_ways() -> None:
    """So that there is something to choose between."""
    ways: dict[str, set[tuple[str, int]]] = defaultdict(set)
    for curve in BLIND:
        ways[curve.same_job].add((curve.training, curve.ps))
    assert sum(len(found) >= 3 for found in ways.values()) >= 6


def test_the_blind_half_fits_its_time() -> None:
    planned = sessions.sessions(BLIND)
    assert sum(one.estimate_s for one in planned) <= 100 * 60
    assert all(one.estimate_s < 0.8 * sessions.FRESH.total_seconds() for one in planned)
    assert sum(one.before_s for one in planned) < sum(one.estimate_s for one in planned)
    cells = [cell for one in planned for cell in one.cells if cell[1] != SINGLE]
    assert Counter(cells) == Counter((c, n) for c in BLIND for n in c.workers)


def test_transfers_that_would_take_too_long_are_left_out() -> None:
    """The slower the link, the smaller what is measured over it; loopback is measured as it is."""
    planned = {
        rate: measuring.planned_cells(rate, "gemm:128,256", 32) for rate in (0, 20, 100, 500)
    }
    largest = {
        rate: max(max(c.size_bytes, c.overlap_bytes) for c in one.cells)
        for rate, one in planned.items()
    }
    assert largest[20] <= 2**20 < largest[100] <= 2**22 < largest[500] < largest[0]
    assert planned[0].tasks[0] == 2
    assert planned[0].tasks[1] >= 4
    assert planned[20].tasks == (1, 2)
    assert sum(one.estimate_s for one in planned.values()) < 4 * sessions.CALIBRATION_S


@dataclass(frozen=True)
class Trial:
    """A session on recorded data, and what took place in it, in order."""

    session: sessions.Session
    news: list[str]

    def run(self) -> list[str]:
        self.news.clear()
        sessions.run(self.session)
        return self.news


@pytest.fixture
def trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trial:
    """One curve of two cells, and its single process."""
    curve = next(c for c in BLIND if c.compute == "wait" and not c.link_mbit)
    news: list[str] = []
    recorded = store.calibration_file("0-gemm-128-256")

    def calibrated(*_: object) -> Calibration:
        news.append("calibration")
        return read_calibration(recorded)

    def train_cell(
        curve: curves.Curve, workers: int, start: int, *_: object
    ) -> Iterator[TrainingRun]:
        assert {told.workers for told in written("blind", sessions.FIRST_SIGHT).values()} == {1, 2}
        news.append(curve.cell(workers))
        (run, *_more) = store.read_runs(curves.read()[0], workers)
        yield replace(run, start=start)

    monkeypatch.setitem(store.FOLDERS, "blind", tmp_path)
    monkeypatch.setattr(sessions, "calibrated", calibrated)
    monkeypatch.setattr(sessions, "train_cell", train_cell)
    here = environment().facts["cpu_model"]
    monkeypatch.setattr(store, "processor", lambda *_: here)
    return Trial(sessions.Session(0, curves.NAMES["gemm"], (replace(curve, workers=(1, 2)),)), news)


def test_a_session_calibrates_foretells_and_trains(trial: Trial, tmp_path: Path) -> None:
    """In that order, once. Interrupted it goes on, but not under an old calibration."""
    cells = trial.session.cells
    first, *starts = trial.run()
    assert first == "calibration"
    assert len(starts) == sessions.WAITING_STARTS + 2 * sessions.STARTS
    (name,) = store.calibration_names("blind")
    assert {told for _, _, told in written("blind", sessions.FIRST_SIGHT)} == {name}
    assert {store.calibration_of(*cell) for cell in cells} == {name}
    assert all(sessions.complete(*cell) for cell in cells)
    assert not trial.run()

    # Interrupted before its last start.
    runs = store.runs_file("blind")
    whole = store.read_lines(runs, "cell")
    store.write_lines(runs, "cell", whole[:-1])
    assert trial.run() == [whole[-1][0]]

    # Two hours later: what is complete stays, the others' starts do not count any more.
    old = f"{trial.session.name}@{datetime.now(UTC) - timedelta(hours=2):%Y%m%dT%H%M%S}"
    for path in (tmp_path / "calibrations").iterdir():
        path.rename(path.with_name(path.name.replace(name, old)))
    store.write_lines(
        runs, "cell", [(cell, record.replace(name, old)) for cell, record in whole[:-1]]
    )
    first, *starts = trial.run()
    assert first == "calibration"
    assert starts == [whole[-1][0]] * sessions.STARTS
    (cell,) = (one for one in cells if one[0].cell(one[1]) == starts[0])
    assert len(store.read_starts(*cell)) == 2 * sessions.STARTS - 1
    assert len(store.read_runs(*cell)) == sessions.STARTS
    assert store.calibration_of(*cell) not in (old, "")


# Scores


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


def test_what_a_model_adds_is_judged_apart() -> None:
    """Of a step of 100 ms, 80 are stated: 90 is half of what was to be added."""
    assert Judged(0.100, 0.090, None, 0.080).added_error == pytest.approx(-0.5)
    assert Judged(0.100, 0.090).added_error is None
    found = scores([Judged(0.100, 0.090, None, 0.080), Judged(0.2, 0.2, None, 0.1)])
    assert (found.median_added, found.worst_added) == pytest.approx((0.25, 0.5))


def test_a_cell_s_class_is_what_was_measured() -> None:
    assert accuracy_class(True, None, 1.0) == "two busy cores"
    assert accuracy_class(False, 0.6, 1.0) == "waits"
    assert accuracy_class(False, 0.4, 1.0) == "full wires"


def rows_of(step_s: dict[tuple[int, int], float], batch: int = 12) -> list[Seen]:
    return [Seen(workers, ps, batch, seconds) for (workers, ps), seconds in step_s.items()]


def test_laws_go_through_what_they_have_seen() -> None:
    """σ of 1/3: two workers give 1.5 times what one gives, four 2."""
    asked = Seen(4, 1, 12, 0.0)
    assert amdahl_s(rows_of({(1, 1): 1.0, (2, 1): 4 / 3}), asked) == pytest.approx(2.0)
    gunther = {(n, 1): 1 + 0.1 * (n - 1) + 0.02 * n * (n - 1) for n in (1, 2, 3)}
    assert usl_s(rows_of(gunther), Seen(8, 1, 12, 0.0)) == pytest.approx(1 + 0.7 + 0.02 * 56)
    optimus = {
        (w, p): 0.1 + 0.2 * w / p + 0.03 * w + 0.05 * p
        for w, p in ((1, 1), (2, 1), (1, 2), (4, 2), (2, 4))
    }
    told_s = optimus_s(rows_of(optimus), Seen(8, 4, 12, 0.0), sync=False)
    assert told_s == pytest.approx(0.1 + 0.4 + 0.24 + 0.2)


def test_optimus_knows_that_a_synchronous_batch_is_divided() -> None:
    seen = [Seen(w, p, 64 // w, 0.01 * 64 / w + 0.2 * w / p) for w, p in ((1, 1), (2, 1), (4, 2))]
    told_s = optimus_s(seen, Seen(8, 2, 8, 0.0), sync=True)
    assert told_s == pytest.approx(0.08 + 0.8, rel=0.1)


def test_regret_is_what_a_wrong_choice_costs() -> None:
    """Of 100, 90 and 50 samples a second, the second is said to be best."""
    measured = {"a": 0.010, "b": 1 / 90, "c": 0.020}
    told = {"a": 0.012, "b": 0.011, "c": 0.019}
    cells = [
        Cell(
            name, name, "job", 1, "waits", "one host", (seconds,), 1, 0.0, None,
            {"scale": told[name]}, (0.0, 1.0), 0.5, {},
        )
        for name, seconds in measured.items()
    ]  # fmt: skip
    (pairs,) = regrets(cells, "scale")
    assert (pairs.options, pairs.choices) == (2, 3)
    assert pairs.worst == pytest.approx(0.1)
    assert pairs.mean == pytest.approx(0.1 / 3)
    assert (pairs.ranked, pairs.different) == (2, 3)


def test_break_even_among_counts() -> None:
    assert first_beating([1, 2, 4], [0.5, 1.2, 0.9]) == 2
    assert math.isinf(first_beating([1, 2], [0.5, 1.0]))
    draws = [2.0] * 10 + [4.0] * 85 + [math.inf] * 5
    assert count_interval(draws) == (2.0, math.inf)
    assert count_interval([2.0] * 100) == (2.0, 2.0)


def test_raw_data_is_the_same_file_when_written_again(tmp_path: Path) -> None:
    epyc = curves.FOLDER / "epyc" / store.runs_file("development").name
    for path, key in ((epyc, "cell"), (store.forecasts_file("test"), "version")):
        again = tmp_path / path.name
        store.write_lines(again, key, store.read_lines(path, key))
        assert again.read_bytes() == path.read_bytes()


def test_every_cell_has_starts_that_count_and_is_predicted_in_each_version() -> None:
    drawn = curves.read()
    cells = {(c.name, workers, "") for c in drawn for workers in c.workers if c.half == "test"}
    assert all(store.read_runs(curve, workers) for curve in drawn for workers in curve.workers)
    assert store.versions("test") == [1, 2, 3, 4, 5, 6]
    for version in store.versions("test"):
        assert set(written("test", version)) == cells


def test_a_start_is_added_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was there stays, to the byte, when the disk gives up in the middle."""
    curve = curves.read()[0]
    first, second = store.read_all(curve, 1)[:2]
    monkeypatch.setitem(store.FOLDERS, curve.half, tmp_path)
    path = store.runs_file(curve.half)
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


# What is published


def test_what_ships_is_what_was_published() -> None:
    assert ACCURACY.read_text() == accuracy_text(report.shipped())


def test_a_class_is_told_by_the_blind_half_first() -> None:
    shipped = shipped_accuracy()
    assert shipped.version == __version__
    kinds: tuple[AccuracyClass, ...] = get_args(AccuracyClass)
    for kind in kinds:
        evidence: Evidence = "one host" if kind == "two busy cores" else "emulated hosts"
        halves = {
            one.half: one for one in shipped.classes if (one.kind, one.evidence) == (kind, evidence)
        }
        assert shipped.of(kind, evidence) == halves.get("blind", halves["development"])
        assert shipped.of(kind, "cluster") is None


def test_every_published_cell_is_on_the_page_of_cells_alone() -> None:
    docs = ROOT / "docs"
    names = {cell.name for half in ("blind", "development") for cell in report.published(half)}
    told = re.findall(
        r"^\| ([a-z]+-[a-z]+-\d+-\d+) \|", (docs / "accuracy-cells.md").read_text(), re.M
    )
    assert names <= set(told)
    assert not names & set(re.findall(r"[\w-]+", (docs / "accuracy.md").read_text()))


def test_the_page_s_predictor_is_scored(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "accuracy.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    (command,) = re.findall(r"^    (python -m .* mine:\w+)$", page, flags=re.MULTILINE)
    (tmp_path / "mine.py").write_text(example)
    done = subprocess.run(
        [sys.executable, *command.split()[1:]],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT)))},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    theirs = [line for line in done.stdout.splitlines() if line.startswith("| mine:")]
    waits, wires, cores, *chosen = theirs
    assert waits.split("|")[2].strip() == "44"
    assert wires.split("|")[2].strip() == "22"
    assert "±" in waits
    assert "±" not in cores.replace("±0.0", "")
    assert chosen


def test_the_data_says_how_to_cite_it_and_under_which_licence() -> None:
    yaml = pytest.importorskip("yaml")
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0"
    assert str(citation["version"]) == __version__
    assert {"message", "title", "authors"} <= set(citation)
    licence = (ROOT / "benchmarks" / "accuracy" / "data" / "LICENSE").read_text()
    assert "https://creativecommons.org/licenses/by/4.0/legalcode" in licence

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from nworkers.calibrate.campaigns.plan import MeasurementPlan
from nworkers.calibrate.campaigns.resume import Round
from nworkers.calibrate.campaigns.session import (
    JournalLost,
    News,
    NothingLeft,
    NothingToResume,
)
from nworkers.cli.shown import calibration_json, calibration_text, headline
from nworkers.cli.shown.row_json import plain
from nworkers.models.findings.calibration_answer import calibration_answer
from nworkers.models.findings.host_speed import HostRow
from nworkers.models.findings.weak_parameters import Remedy
from nworkers.models.fitting.fit import fit_profile
from nworkers.models.records.calibration import Cell, Neighbour, Planned
from nworkers.models.records.workload import named_workload
from nworkers.simulator.answers import answer_calibrated
from tests.support.calibrations import CELLS, burst, calibration
from tests.support.synthetic import synthetic

FILE = Path("a.json")


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (NothingToResume(FILE), "nothing to resume at a.json; beginning"),
        (
            JournalLost("a.json.journal (No space left on device)"),
            "the journal could not be written: a.json.journal (No space left on device); measuring "
            "goes on, and ends with FILE",
        ),
        (NothingLeft(FILE, True), "every cell asked for in a.json has reached its precision"),
        (
            NothingLeft(FILE, False),
            "a.json is complete; --rounds R adds rounds, --refine adds them to the cells that need "
            "them",
        ),
    ],
)
def test_what_happens_on_the_way_is_one_line(told: News, said: str) -> None:
    assert calibration_text.news(told) == said


def test_what_begins_is_counted() -> None:
    plan = MeasurementPlan(named_workload("gemm:8,4"), CELLS, 2, 0.1, 0.1, 100, 1)
    assert calibration_text.begins(plan, Path("logs")).startswith(
        "measuring 3 cells in 2 rounds (fetch 3), at most "
    )
    left = replace(plan, left=(Round(0, CELLS[:1]), Round(1, CELLS)), limit_s=90.0)
    said = calibration_text.begins(left, Path("logs"))
    assert "3 cells in 2 rounds, 4 in all (fetch 3)" in said
    assert "ending after" in said
    soak = replace(plan, left=(), soak_s=60.0)
    assert calibration_text.begins(soak, FILE).startswith("repeating a large fetch for ")


def test_few_rounds_call_for_more_and_many_for_a_refinement() -> None:
    loose = [burst(CELLS[1], number, 1.0 + number) for number in range(6)]
    few = calibration_answer(calibration(*loose[:2]), "why")
    assert few.provisional
    assert few.firmer == Remedy("resume", rounds=5)
    assert few.rest == Remedy("resume")
    text = str(calibration_text.report(few, Path("my file.json")))
    assert "more: scale calibrate --resume --rounds 5 -o 'my file.json'" in text
    assert "Incomplete; the rest: scale calibrate --resume -o 'my file.json'" in text
    assert "too few for a profile (why)" in text
    many = calibration_answer(calibration(*loose))
    assert not many.provisional
    assert many.firmer == Remedy("refine", only=("fetch",))
    text = str(calibration_text.report(many, None))
    assert "then: scale calibrate --refine --only fetch -o FILE" in text


def test_a_whole_report_begins_with_the_ratio_and_the_break_even() -> None:
    taken = synthetic(rounds=5)
    asked = Planned({"batch": "1024"}, 5, ())
    made = replace(taken, profile=fit_profile(taken, draws=20), planned=asked)
    curve = answer_calibrated(made)
    answer = calibration_answer(made)
    assert curve is not None
    ratio, found, *_, last = str(calibration_text.report(answer, FILE, curve)).splitlines()
    assert ratio.startswith("A matrix product takes ")
    assert found == headline.of_breakeven(curve.result)
    # What was calibrated is what is asked about.
    then = "scale breakeven --calibration a.json --batch 1024"
    assert last.startswith(f"Next: {then}   or")
    report = calibration_json.document(answer, curve, FILE)
    assert report["breakeven"] is not None
    assert report["breakeven"]["batch"] == 1024
    assert report["next"] == then


def test_the_report_s_two_lines_are_of_each_device() -> None:
    local = Cell("gemm", "server", features=128, batch=32, hidden=256)
    fetch = replace(local, quantity="fetch_gemm", path="ps")
    bursts = [
        burst(local, 0, 1.0),
        burst(fetch, 0, 3.0),
        burst(replace(local, device="gpu"), 0, 0.5),
        burst(replace(fetch, device="gpu"), 0, 4.0),
    ]
    text = str(calibration_text.report(calibration_answer(calibration(*bursts), "why"), None))
    lines = [line for line in text.splitlines() if line.startswith("128/32/256")]
    assert [line.endswith(", on the GPU") for line in lines] == [False, False, True, True]
    assert "3.00× the local one" in lines[1]
    assert "8.00× the local one" in lines[3]


def test_the_precision_of_products_on_a_gpu_is_said() -> None:
    made = calibration(burst(CELLS[0], 0))
    assert "products there" not in str(
        calibration_text.report(calibration_answer(made, "why"), None)
    )
    facts = replace(made.environment, facts={"tf32": "on"})
    found = calibration_answer(replace(made, gpus=2, environment=facts), "why")
    assert "2 GPUs: products there in float32 (TF32 on)" in str(
        calibration_text.report(found, None)
    )


def test_firm_cells_need_nothing() -> None:
    firm = [burst(CELLS[0], number, 1.0) for number in range(6)]
    answer = calibration_answer(replace(calibration(*firm), complete=True))
    assert answer.missed == ()
    assert answer.firmer is answer.rest is None


def test_a_slower_host_and_busy_programs_are_warned_of() -> None:
    busy = tuple(Neighbour(0, name, share) for name, share in (("a", 0.1), ("find", 0.5)))
    made = replace(calibration(burst(CELLS[0], 0)), neighbours=busy)
    cell = Cell("noop", "server")
    rows = tuple(
        HostRow((f"worker{k}",), cell, 1.0, ratio, (ratio - 0.01, ratio + 0.01))
        for k, ratio in enumerate((1.0, 1.5))
    )
    said = calibration_text.warnings(replace(calibration_answer(made), hosts=rows))
    assert said[0].startswith(
        "other programs were busy meanwhile: find (50 % of a core in round 1)"
    )
    assert len(said) == 2
    assert said[1].startswith("the host of worker1 is slower than the others: noop server takes ")


def test_rounds_far_apart_are_warned_of() -> None:
    for factor, told in ((1.1, False), (2.0, True)):
        bursts = [burst(cell, k, factor**k) for k in range(2) for cell in CELLS]
        answer = calibration_answer(calibration(*bursts))
        said = calibration_text.warnings(answer)
        assert [line.startswith("times of round 2 are 2.00 times") for line in said] == [
            True
        ] * told
        assert answer.levels is not None
        assert answer.levels.slowest_to_fastest == pytest.approx(factor)
        assert calibration_json.document(answer, None, FILE)["round_levels"] == plain(answer.levels)

"""Text, JSON and figures are functions of an answer: nothing is computed, printed or written."""

from __future__ import annotations

from typing import Any

import pytest
from matplotlib.figure import Figure

from nworkers.cli.plots import style
from nworkers.cli.plots.speedup_curve import speedup_curve
from nworkers.cli.shown import fit_json, fit_text, json_view, notes, predict_text
from nworkers.models.findings.fit_answer import FitAnswer
from nworkers.models.findings.weak_parameters import weaknesses
from nworkers.models.records.job_request import JobRequest
from nworkers.simulator.answers import answer_breakeven, answer_predict
from nworkers.simulator.engine.engines import IS_COMPILED
from nworkers.simulator.study.resolve import resolve
from tests.support.factories import profile

REQUEST = JobRequest(profile(link__kind="network"), batch=8)


def test_a_prediction(capsys: pytest.CaptureFixture[str]) -> None:
    answer = answer_predict(resolve(REQUEST, [2]))
    document: Any = json_view.predictions(answer)
    (row,) = document["rows"]
    assert row["workers"] == document["workers"] == 2
    assert document["resources"] == row["resources"]
    assert "2 workers train " in str(predict_text.predictions(answer))
    assert str(predict_text.predictions(answer)) == str(predict_text.predictions(answer))
    several = json_view.predictions(answer_predict(resolve(REQUEST, [1, 2])))
    assert list(several) == ["rows", "notes"]
    assert capsys.readouterr() == ("", "")


def test_a_curve_and_its_figure(capsys: pytest.CaptureFixture[str]) -> None:
    job = resolve(REQUEST, [3], curve=True)
    answer = answer_breakeven(job, 3)
    document = json_view.breakeven(answer)
    assert str(document["answer"]) in str(predict_text.curve(answer))
    figure = speedup_curve(answer)
    assert isinstance(figure, Figure)
    assert style.picture(figure, ".png").startswith(b"\x89PNG")
    assert len(list(notes.of_curve(job, 3))) == 1 - IS_COMPILED
    assert len(list(notes.of_curve(resolve(REQUEST, [64], curve=True), 64))) == 2 - IS_COMPILED
    assert capsys.readouterr() == ("", "")


def test_a_fit_says_what_is_weak_in_both_views() -> None:
    made = profile(rounds=2, provisional=True)
    answer = FitAnswer(made, "mine.json", weaknesses(made))
    document: Any = fit_json.fit(answer)
    first = document["weak"][0]
    assert first["remedy"] == "--resume --rounds 5"
    assert "scale calibrate --resume --rounds 5 -o mine.json" in str(fit_text.fit(answer))

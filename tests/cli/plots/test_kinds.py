"""Every other kind of picture: its finding, and that nothing of it is hidden at either size."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from nworkers.cli.plots import style
from nworkers.cli.plots.causes import KIND_OF, LOOKS, kinds
from nworkers.cli.plots.fitted_laws import fitted_laws
from nworkers.cli.plots.measured_beside import measured_beside
from nworkers.cli.plots.option_ratios import option_ratios
from nworkers.cli.plots.sensitivities import sensitivities
from nworkers.cli.plots.step_breakdown import step_breakdown
from nworkers.cli.plots.step_timeline import step_timeline
from nworkers.models.fitting.fit import fit_profile
from nworkers.models.fitting.held_out import Curve, curves
from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.measurement import Comparison, Measurement, compare
from nworkers.models.records.prediction import CAUSES, NOT_ALWAYS
from nworkers.simulator.answers import (
    PredictAnswer,
    ValidateAnswer,
    answer_explain,
    answer_predict,
)
from nworkers.simulator.decide.job_options import JobOption
from nworkers.simulator.decide.job_options import compare as compare_options
from nworkers.simulator.study.resolve import resolve
from nworkers.simulator.trace.observe import observe
from tests.support.measurements import measurement
from tests.support.pictures import faults
from tests.support.synthetic import synthetic

JOB = JobRequest(workload="resnet-50", batch=256)
LONG = "an option of a very long name, spelled out at a length that no picture has room for " * 2


@cache
def predicted(*workers: int) -> PredictAnswer:
    return answer_predict(resolve(JOB, list(workers)))


def breakdown(size: style.Size) -> Figure:
    return step_breakdown(predicted(1, 2, 4, 8).job, predicted(1, 2, 4, 8).rows, size)


def breakdown_of_many(size: style.Size) -> Figure:
    found = predicted(1, 2, 4, 8)
    return step_breakdown(found.job, found.rows * 9, size)


@cache
def _explained() -> object:
    return answer_explain(resolve(JobRequest(), [4]))


def moves(size: style.Size) -> Figure:
    return sensitivities(_explained(), size)  # type: ignore[arg-type]


def timeline(size: style.Size) -> Figure:
    job = resolve(JobRequest(), [24])
    return step_timeline(job, observe(job.profile, job.scenarios[0]), size)


def options(size: style.Size) -> Figure:
    names = ["what is asked", LONG, "x" * 300, *(f"--ps {k}" for k in range(2, 9))]
    asked = [JobOption(name, JobRequest(seed=1), workers=2) for name in names]
    return option_ratios(compare_options(asked, 2), size)


@cache
def _fitted() -> tuple[tuple[Curve, ...], object]:
    taken = synthetic(rounds=3)
    profile = fit_profile(taken, draws=20)
    return curves(taken, profile), profile


def fit(size: style.Size) -> Figure:
    return fitted_laws(*_fitted(), size)  # type: ignore[arg-type]


def fit_of_long_names(size: style.Size) -> Figure:
    found, profile = _fitted()
    named = [replace(curve, title=f"{curve.title} of {LONG}") for curve in found]
    return fitted_laws(named, profile, size)  # type: ignore[arg-type]


def _compared(tmp: Path) -> ValidateAnswer:
    from nworkers.models.files.store import read_measurement

    measured: Measurement = read_measurement(measurement(tmp / "m.json", 6.0))
    found = answer_predict(resolve(JobRequest(), [2]))
    result: Comparison = compare(measured, found.rows, 0.1, {})
    several = replace(
        result,
        rows=tuple(
            replace(
                result.rows[0],
                workers=n,
                predicted=replace(
                    result.rows[0].predicted,
                    scenario=replace(result.rows[0].predicted.scenario, workers=n),
                ),
            )
            for n in (1, 2, 4)
        ),
    )
    return ValidateAnswer(found.job, measured, several)


KINDS: dict[str, Callable[[style.Size], Figure]] = {
    made.__name__: made
    for made in (breakdown, breakdown_of_many, moves, timeline, options, fit_of_long_names)
}


@pytest.mark.parametrize("size", style.SIZES)
@pytest.mark.parametrize("kind", KINDS)
def test_no_word_is_cut_off_or_crossed(kind: str, size: str) -> None:
    assert not faults(KINDS[kind](style.SIZES[size]))


@pytest.mark.parametrize("size", style.SIZES)
def test_measured_beside_predicted(size: str, tmp_path: Path) -> None:
    figure = measured_beside(_compared(tmp_path), style.SIZES[size])
    assert not faults(figure)
    assert "Step times are off by at most" in " ".join(figure.texts[0].get_text().split())
    for axes in figure.axes:
        low, high = axes.get_ylim()
        assert sum(low <= tick <= high for tick in axes.get_yticks()) >= 2


def test_a_fit_has_labelled_axes_with_two_marks_and_no_line_between_products() -> None:
    figure = fit(style.LARGE)
    for axes in figure.axes:
        assert axes.get_ylabel()
        for ticks, (low, high) in (
            (axes.get_xticks(), axes.get_xlim()),
            (axes.get_yticks(), axes.get_ylim()),
        ):
            assert sum(low <= tick <= high for tick in ticks) >= 2
    lower = figure.axes[1::2]
    assert all(axes.get_xlabel() for axes in lower)
    (products,) = (axes for axes in figure.axes if axes.get_title(loc="left") == "local GEMM")
    fitted = next(line for line in products.lines if line.get_color() == style.INK)
    assert fitted.get_linestyle() == "None"


def test_every_cause_is_of_one_kind_and_a_stack_is_the_whole_step() -> None:
    assert set(KIND_OF) == {*CAUSES, *NOT_ALWAYS}
    assert set(KIND_OF.values()) == set(LOOKS)
    row = predicted(1, 2, 4, 8).rows[-1]
    assert sum(kinds(row.breakdown).values()) == pytest.approx(row.step_time_s)


def test_sensitivities_name_quantities_in_words() -> None:
    figure = moves(style.LARGE)
    said = " ".join(figure.texts[0].get_text().split())
    assert re.search(r"; 1 % more [a-z ]+ makes a step [0-9.]+ % (longer|shorter)$", said)
    for axes in figure.axes[1:]:
        assert not any("_s" in word.get_text() for word in axes.get_yticklabels())


def test_a_timeline_says_of_how_many_workers_it_shows_some() -> None:
    assert "of 12 of 24 workers' time" in str(timeline(style.LARGE).get_label())


def test_a_breakdown_says_from_where_on_what_takes_most() -> None:
    said = " ".join(breakdown(style.LARGE).texts[0].get_text().split())
    assert said == (
        "From 8 workers on most of a step is waiting for the shared link; with 1 it is computing"
    )

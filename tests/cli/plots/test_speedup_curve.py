"""The curve's picture: it says what was found, and nothing of it is hidden."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from nworkers.cli.plots.speedup_curve import speedup_curve
from nworkers.cli.plots.style import LARGE, SIZES, SMALL, picture
from nworkers.models.records.aim import Aim
from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.what_if import WhatIf
from nworkers.simulator.answers import BreakEvenAnswer, answer_breakeven
from nworkers.simulator.study.resolve import resolve
from tests.support.pictures import empty_quarters, faults

RESNET: dict[str, Any] = {"workload": "resnet-50", "batch": 256}


@cache
def answer(most: int, target: float = 1.0, **asked: Any) -> BreakEvenAnswer:
    job = resolve(JobRequest(**asked), [most], curve=True)
    return answer_breakeven(job, most, aim=Aim(target_speedup=target))


def heading(of: BreakEvenAnswer) -> list[str]:
    """Its finding, and the configuration below it, without their breaks."""
    return [" ".join(word.get_text().split()) for word in speedup_curve(of, LARGE).texts]


CASES: dict[str, dict[str, Any]] = {
    "wins": {"most": 32, **RESNET},
    "never": {"most": 32},
    "one count": {"most": 1, **RESNET},
    "two counts": {"most": 2, **RESNET},
    "a target": {"most": 16, "target": 2.0, **RESNET},
    "nearly ideal": {"most": 64, "link": "100gbit", "scaling": "weak", **RESNET, "batch": 64},
    "all-reduce": {"most": 12, "strategy": "allreduce", **RESNET},
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("case", CASES)
def test_no_word_is_cut_off_or_crossed_and_no_quarter_is_empty(case: str, size: str) -> None:
    figure = speedup_curve(answer(**CASES[case]), SIZES[size])
    assert not faults(figure)
    assert case == "one count" or not empty_quarters(figure.axes[0])


@pytest.mark.parametrize("size", SIZES)
def test_names_of_any_length(size: str) -> None:
    found = answer(8, **RESNET)
    endless = "a workload of my own whose name goes on and on $and_on$ " * 5
    rows = tuple(
        replace(
            row,
            scenario=replace(row.scenario, workload=replace(row.scenario.workload, name=endless)),
        )
        for row in found.result.rows
    )
    job = replace(found.job, profile=replace(found.job.profile, hardware=endless))
    assert not faults(
        speedup_curve(replace(found, job=job, result=replace(found.result, rows=rows)), SIZES[size])
    )


def test_the_heading_is_the_finding_and_names_the_what_ifs() -> None:
    changed = answer(8, what_if=WhatIf(compute_factor=2.0, said=("compute=2x",)), **RESNET)
    finding, about = heading(changed)
    assert finding.startswith(f"{changed.result.breakeven_workers} workers beat one process; ")
    assert "resnet-50, ps-async, 1 ps, global batch 256" in about
    assert "what if: compute=2x" in about
    assert heading(answer(32))[0].startswith(
        "No number of workers up to 32 beats one process; at most 0.0130×, with 1"
    )


def test_ideal_is_a_straight_line_and_break_even_a_band_on_the_axis() -> None:
    found = answer(32, **RESNET)
    axes, strip = speedup_curve(found).axes
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert axes.get_ylabel() == "times one process"
    low, high = found.result.breakeven_workers_interval
    assert low
    bands = [patch.get_extents().transformed(axes.transData.inverted()) for patch in axes.patches]
    assert any(band.x0 < low and (high or 32) < band.x1 for band in bands)
    assert any("break-even" in word.get_text() for word in axes.texts)
    # What a step waits for, all along the workers.
    waits = [patch.get_extents().transformed(strip.transData.inverted()) for patch in strip.patches]
    assert min(wait.x0 for wait in waits) < 1
    assert max(wait.x1 for wait in waits) > 32
    assert strip.texts or speedup_curve(found).legends


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_each_kind_of_file(suffix: str) -> None:
    assert picture(speedup_curve(answer(2, **RESNET), SMALL), suffix)

"""Sliders: nine values of a quantity, and how each is asked for."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.setting import Setting
from nworkers.models.records.what_if import WhatIf
from nworkers.simulator.decide.quantities import job_of
from nworkers.simulator.decide.sliders import POSITIONS, Slider, sliders
from nworkers.simulator.study.ask import predict

LATENCY = "link.fetch.latency_s"


def of(name: str, *, wins: bool = False, **job: Any) -> Slider:
    found = sliders(job_of(JobRequest(**job)), 2, wins=wins)
    return next(slider for slider in found if slider.name == name)


@pytest.mark.parametrize("name", ["batch", "latency", "bandwidth", "ps", "device"])
def test_nine_values_that_ascend_and_today_among_them(name: str) -> None:
    slider = of(name)
    values = [position.value for position in slider.positions]
    assert len(values) == POSITIONS
    assert values == sorted(set(values))
    today = slider.positions[slider.today]
    assert (today.factor, today.fields) == (1.0, ())


def test_neighbours_are_near_enough_to_interpolate_between() -> None:
    for slider in sliders(job_of(JobRequest(batch=512)), 2, wins=True):
        if not slider.whole:
            factors = [position.factor for position in slider.positions]
            assert all(b / a <= 2.0 for a, b in pairwise(factors))


def test_a_job_that_loses_is_asked_for_larger_batches_and_one_that_wins_for_smaller_too() -> None:
    assert of("batch", batch=64).today == 0
    assert of("batch", batch=64, wins=True).today == 2
    assert [p.value for p in of("batch", batch=1, wins=True).positions][:3] == [1, 2, 4]


def test_an_all_reduce_has_no_parameter_servers() -> None:
    names = [s.name for s in sliders(job_of(JobRequest(strategy="allreduce")), 2, wins=False)]
    assert names == ["batch", "latency", "bandwidth", "device"]


def test_what_was_set_is_scaled_and_not_set_twice() -> None:
    slider = of("latency", settings=(Setting(LATENCY, value=5e-5),))
    assert slider.positions[0].request.settings[0] == Setting(LATENCY, value=5e-6)
    assert dict(slider.positions[0].fields)  # each names one
    said = [text for _, text in slider.positions[0].fields]
    assert len({text.partition("=")[0] for text in said}) == len(said)


def test_faster_devices_multiply_with_those_that_were_asked_for() -> None:
    slider = of("device", what_if=WhatIf(compute_factor=2.0, said=("compute=2x", "overlap")))
    fastest = slider.positions[-1]
    assert fastest.fields == (("what_if", "compute=16x"),)
    assert fastest.request.what_if.compute_factor == 16.0
    assert fastest.request.what_if.said == ("overlap", "compute=16x")


def test_twice_the_bandwidth_is_faster_and_half_of_it_slower() -> None:
    slider = of("bandwidth", batch=4096)
    assert all(re.search("bandwidth", text) for _, text in slider.positions[0].fields)
    slow, now, fast = (
        predict(replace(p.request, seed=2), 4).speedup
        for p in (slider.positions[0], slider.positions[slider.today], slider.positions[-1])
    )
    assert slow < now < fast

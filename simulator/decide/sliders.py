"""Sliders: one quantity of a job at nine values each, and how every one of them is asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from nworkers.models.base.errors import InputError
from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.scenario import MAX_PS
from nworkers.models.records.setting import Setting
from nworkers.simulator.decide.quantities import MOST_BATCH, Job, quantity_of
from nworkers.simulator.study.settings import settables

#: Values of a slider. Neighbours lie so near that what is between them may be interpolated: queues
#: that fill bend a curve within a factor of two.
POSITIONS = 9
_FASTER = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0)
_SHORTER = (0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0, 1.4, 2.0)
#: How many times today's batch is the smallest: a job that loses is asked for larger ones alone.
_SMALLEST, _SMALLEST_OF_LOSERS = 0.25, 1.0
_LATENCIES = re.compile(
    r"(link\.(fetch|push)|collective)\..*(latency_s|per_tensor_s|several_s|after_fetch_s)"
)
_BANDWIDTHS = re.compile(r"(link|collective)\..*bandwidth_bytes_per_s")


@dataclass(frozen=True)
class Position:
    """A value of a slider, ``factor`` times today's; ``fields`` with their texts ask for it."""

    value: float
    factor: float
    fields: tuple[tuple[str, str], ...]
    request: JobRequest


@dataclass(frozen=True)
class Slider:
    """A quantity at several values, in ascending order; of ``whole`` ones none is between them."""

    name: str
    unit: str
    positions: tuple[Position, ...]
    today: int
    whole: bool = False


def sliders(job: Job, workers: int, *, wins: bool) -> tuple[Slider, ...]:
    """Those that the job has: batch, latency, bandwidth, parameter servers, speed of the devices.

    Args:
        workers: the number whose latency and bandwidth are named.
        wins: whether any number of workers wins as it is.
    """
    found = [
        _batch(job.request, wins=wins),
        _set(job, "latency", _LATENCIES, _SHORTER, workers),
        _set(job, "bandwidth", _BANDWIDTHS, _FASTER, workers),
        _ps(job.request),
        _device(job.request),
    ]
    return tuple(slider for slider in found if slider is not None)


def _batch(request: JobRequest, *, wins: bool) -> Slider:
    smallest = max(1.0, request.batch * (_SMALLEST if wins else _SMALLEST_OF_LOSERS))
    sizes = {request.batch}
    size = smallest
    while len(sizes) < POSITIONS and size <= MOST_BATCH:
        sizes.add(round(size))
        size *= 2.0
    return _slider(
        "batch",
        "samples",
        sorted(sizes),
        request.batch,
        lambda size: _position(request, size, request.batch, "batch", batch=int(size)),
    )


def _ps(request: JobRequest) -> Slider | None:
    if request.strategy == "allreduce":
        return None
    first = max(1, min(request.ps - POSITIONS // 2, MAX_PS - POSITIONS + 1))
    return _slider(
        "ps",
        "",
        range(first, first + POSITIONS),
        request.ps,
        lambda count: _position(request, count, request.ps, "ps", ps=int(count)),
        whole=True,
    )


def _device(request: JobRequest) -> Slider:
    change = request.what_if
    now = change.compute_factor or 1.0

    def at(factor: float) -> Position:
        text = f"compute={_digits(factor * now)}x"
        kept = tuple(said for said in change.said if not said.startswith("compute="))
        faster = replace(change, compute_factor=_rounded(factor * now), said=(*kept, text))
        asked = request if factor == 1.0 else replace(request, what_if=faster)
        fields = () if factor == 1.0 else (("what_if", text),)
        return Position(factor * now, factor, fields, asked)

    return _slider("device", "times", _FASTER, 1.0, at)


def _set(
    job: Job, name: str, paths: re.Pattern[str], factors: Iterable[float], workers: int
) -> Slider | None:
    """Quantities of the profile that are scaled together; None where nothing of it is known."""
    known = [
        of.path
        for of in settables(job.hardware.profile)
        if of.value is not None and paths.fullmatch(of.path)
    ]
    try:
        quantity = quantity_of(job, name, workers)
    except InputError:
        return None
    if not known or quantity.today is None:
        return None
    unit, today = quantity.unit, quantity.today

    def at(factor: float) -> Position:
        if factor == 1.0:
            return Position(today, 1.0, (), job.request)
        said = {setting.path: setting for setting in job.request.settings}
        made = {path: _times(said.get(path, Setting(path, factor=1.0)), factor) for path in known}
        fields = tuple(("settings", setting.said) for setting in made.values())
        settings = tuple((said | made).values())
        return Position(today * factor, factor, fields, replace(job.request, settings=settings))

    return _slider(name, unit, factors, 1.0, at)


def _slider(
    name: str,
    unit: str,
    values: Iterable[float],
    today: float,
    at: Callable[[float], Position],
    *,
    whole: bool = False,
) -> Slider:
    found = list(values)
    return Slider(name, unit, tuple(map(at, found)), found.index(today), whole)


def _position(
    request: JobRequest, value: float, today: float, field: str, **change: Any
) -> Position:
    fields = () if value == today else ((field, str(round(value))),)
    return Position(value, value / today, fields, replace(request, **change))


def _times(setting: Setting, factor: float) -> Setting:
    """A setting so many times as large, in as many digits as its text has."""
    if setting.value is not None:
        return replace(setting, value=_rounded(setting.value * factor))
    assert setting.factor is not None
    return replace(setting, factor=_rounded(setting.factor * factor))


def _digits(value: float) -> str:
    return f"{value:g}"


def _rounded(value: float) -> float:
    return float(_digits(value))

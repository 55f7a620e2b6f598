"""What tensors cost more on several ps, told from bursts of a machine that is known."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from nworkers.models.fitting import laws
from nworkers.models.fitting.laws import Demands
from nworkers.models.fitting.observations import FittedLaw
from nworkers.models.fitting.several_ps import apart_per_doubling_s
from nworkers.models.records.calibration import Burst, Cell, Processor
from nworkers.models.records.profile import Demand, Parameter
from tests.support.factories import parameter

FETCH: Demand[Parameter] = Demand(parameter(9e-5), parameter(3e-5), parameter(2e-10))
PUSH: Demand[Parameter] = Demand(parameter(2e-4), parameter(5e-5), parameter(6e-10))
PS: FittedLaw[Demands[Parameter]] = FittedLaw(
    laws.demand("ps"), Demands(parameter(2.5e-4), FETCH, PUSH), 9
)
FEW = Cell("fetch_push", "ps", 2**15, tensors=16, workers=4)
MANY = replace(FEW, tensors=102)
PUSHED = replace(FEW, quantity="push")


def spent_s(cell: Cell, per_doubling_s: float) -> float:
    """Processor seconds of all ps in one operation."""
    known = PS.estimates
    ways = {"fetch_push": (known.fetch, known.push), "push": (known.push,)}[cell.quantity]
    each = cell.tensors / cell.ps
    seconds = cell.ps * known.dispatch_s
    for way in ways:
        seconds += cell.ps * (way.per_request_s + way.per_tensor_s * (each - 1))
        seconds += (cell.ps - 1) * per_doubling_s * math.log2(each)
    return float(seconds)


def bursts(per_doubling_s: float, noise: float = 0.03) -> list[Burst]:
    rng = np.random.default_rng(1)
    made = []
    for of in (FEW, MANY, PUSHED):
        for cell in (of, replace(of, ps=2)):
            for round_ in range(5):
                seconds = spent_s(cell, per_doubling_s) * math.exp(noise * rng.standard_normal())
                used = Processor(100, 1.0, 100 * seconds, 1.0, 1.0)
                made.append(Burst(cell, round_, 0, 0.01, (0.01,), (0.01,), (), "window", used))
    return made


def test_what_a_doubling_of_tensors_costs_is_found() -> None:
    assert apart_per_doubling_s(bursts(1e-4), PS) == pytest.approx(1e-4, rel=0.2)


def test_what_is_within_the_noise_is_nothing() -> None:
    assert apart_per_doubling_s(bursts(0.0), PS) == 0.0
    assert apart_per_doubling_s(bursts(5e-6, noise=0.1), PS) == 0.0


def test_one_ps_tells_nothing_of_it() -> None:
    alone = [burst for burst in bursts(1e-4) if burst.cell.ps == 1]
    assert apart_per_doubling_s(alone, PS) is None
    beside = [burst for burst in bursts(1e-4) if burst.cell.ps == 2]
    assert apart_per_doubling_s(beside, PS) is None

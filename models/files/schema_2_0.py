"""Schema 2.0: what files before version 2.1 hold of a measured step, as version 2.1 has it.

Version 2.0 fitted a step and a worker's gradients apart, so that a sample cost more in one of them.
Now only their floors differ. The old gradients hold in the middle of the batches measured.
"""

from __future__ import annotations

import math
from typing import Any

#: A floor that comes out lower is that small: seconds are positive.
_LEAST_S = 1e-12


def converted(value: object) -> Any:
    """A value of a document before version 2.1, as that version has it.

    What is no record of a measured step stays as it is: whether it is right is for the reader to
    check.
    """
    if isinstance(value, list):
        # Of numbers there are a hundred thousand, and none has changed.
        return [converted(v) for v in value] if any(isinstance(v, dict) for v in value) else value
    if not isinstance(value, dict):
        return value
    if {"workload", "batches", "step", "gradient"} <= value.keys():
        try:
            return _one_law(value)
        except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError):
            return value
    return {name: converted(item) for name, item in value.items()}


def _one_law(old: dict[str, Any]) -> dict[str, Any]:
    new = {name: item for name, item in old.items() if name != "gradient"}
    step, gradient = old["step"], old["gradient"]
    middle = math.sqrt(old["batches"][0] * old["batches"][1])

    def floor_s(draw: int | None) -> float:
        varying_s = _beyond_floor_s(step, middle, draw)
        before_s = _number(gradient["floor_s"], draw) + _beyond_floor_s(gradient, middle, draw)
        return max(_LEAST_S, before_s - varying_s)

    floor = dict(gradient["floor_s"])
    floor["draws"] = [floor_s(draw) for draw in range(len(floor["draws"]))]
    place = "too_small_to_see" if "too_small_to_see" in floor else "estimate"
    floor[place] = floor_s(None)
    if place == "estimate":
        ordered = sorted(floor["draws"])
        ends = (round(0.05 * (len(ordered) - 1)), round(0.95 * (len(ordered) - 1)))
        floor["interval"] = [ordered[end] for end in ends]
    return new | {"gradient_floor_s": floor}


def _beyond_floor_s(time: dict[str, Any], batch: float, draw: int | None) -> float:
    varying_s = batch * _number(time["per_sample_s"], draw)
    plateau = time.get("plateau_s")
    return varying_s if plateau is None else max(_number(plateau, draw), varying_s)


def _number(parameter: dict[str, Any], draw: int | None) -> float:
    if draw is not None:
        return float(parameter["draws"][draw])
    return float(parameter["estimate" if "estimate" in parameter else "too_small_to_see"])

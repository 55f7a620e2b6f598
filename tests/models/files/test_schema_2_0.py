"""A step and a worker's gradients that version 2.0 fitted apart have one law in version 2.1."""

from __future__ import annotations

from typing import Any

import pytest

from nworkers.models.files.schema_2_0 import converted


def number(estimate: float, *draws: float) -> dict[str, Any]:
    ends = [min(draws), max(draws)]
    return {"estimate": estimate, "interval": ends, "unit": "s", "samples": 5, "draws": [*draws]}


def old(gradient_floor: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "workload": "w",
        "batches": [1, 100],
        "step": {"floor_s": number(2.0, 2.0, 3.0), "per_sample_s": number(1.0, 1.0, 2.0)},
        "gradient": {"floor_s": gradient_floor, "per_sample_s": number(0.5, 0.5, 2.0)},
        "processor": {},
    } | more


def test_gradients_hold_in_the_middle_of_the_batches() -> None:
    """At 10 samples 12 + 0.5 · 10 = 17, as 7 + 1 · 10; in the second draw 9 + 20 as it was."""
    (found,) = converted([old(number(12.0, 11.0, 9.0))])
    floor = found["gradient_floor_s"]
    assert "gradient" not in found
    assert floor["estimate"] == pytest.approx(7.0)
    assert floor["draws"] == pytest.approx([6.0, 9.0])
    assert floor["interval"] == pytest.approx([6.0, 9.0])


def test_a_plateau_counts() -> None:
    step = {
        "floor_s": number(2.0, 2.0),
        "per_sample_s": number(1.0, 1.0),
        "plateau_s": number(15.0, 15.0),
    }
    found = converted(old(number(12.0, 12.0), step=step))
    assert found["gradient_floor_s"]["estimate"] == pytest.approx(2.0)


def test_a_floor_stays_positive() -> None:
    assert converted(old(number(0.1, 0.1, 0.1)))["gradient_floor_s"]["estimate"] > 0.0


def test_what_is_open_stays_open() -> None:
    open_ = {"too_small_to_see": 12.0, "unit": "s", "samples": 5, "draws": [12.0]}
    assert converted(old(open_))["gradient_floor_s"]["too_small_to_see"] == pytest.approx(7.0)


@pytest.mark.parametrize("broken", [None, 3, {}, {"floor_s": 1}, {"floor_s": {"draws": "x"}}])
def test_what_is_broken_is_left_to_the_reader(broken: Any) -> None:
    document = old(number(1.0, 1.0)) | {"gradient": broken}
    assert converted(document) == document

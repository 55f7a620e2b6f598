"""Draws: a formula gives each draw what it gives that draw alone, and says where they part."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nworkers.models.base.draws import Disagreement, agreed, larger, smaller, taken
from nworkers.models.costs.phase import Phase

ONE, OTHER = np.array([1.0, 5.0]), np.array([2.0, 3.0])


def test_the_larger_and_the_smaller_are_taken_in_each_draw() -> None:
    several: Any = ONE
    assert np.array_equal(larger(several, 2.0), [2.0, 5.0])
    assert np.array_equal(smaller(2.0, several), [1.0, 2.0])
    assert (larger(1.0, 2.0), smaller(1.0, 2.0)) == (2.0, 1.0)


def test_draws_agree_or_say_which_do_not() -> None:
    assert agreed(ONE > 0.0)
    assert not agreed(ONE > 9.0)
    assert agreed(2.0 > 1.0)
    with pytest.raises(Disagreement) as apart:
        agreed(ONE > OTHER)
    assert apart.value.truth.tolist() == [False, True]


def test_records_of_some_draws_alone() -> None:
    each: Any = ONE
    phases = (Phase("compute", "compute", each, 2.0), {"of": each})
    alone, named = taken(phases, 1)
    assert alone == Phase("compute", "compute", 5.0, 2.0)
    assert named == {"of": 5.0}
    several, _ = taken(phases, slice(1, 2))
    assert isinstance(several, Phase)
    assert np.array_equal(several.wall_s, [5.0])

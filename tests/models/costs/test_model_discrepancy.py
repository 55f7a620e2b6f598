"""What the model is off by: every cause of a step's seconds has its part."""

from __future__ import annotations

import math

import pytest

from nworkers.models.costs import model_discrepancy
from nworkers.models.costs.model_discrepancy import LOG_DEVIATIONS, log_deviation, shares
from nworkers.models.records.prediction import CAUSES, NOT_ALWAYS, OUTAGE


def test_every_cause_has_a_part() -> None:
    said = [cause for causes in model_discrepancy.CAUSES.values() for cause in causes]
    assert sorted([*said, OUTAGE]) == sorted([*CAUSES, *NOT_ALWAYS])


def test_shares_are_of_the_whole_step() -> None:
    seconds = {"compute": 1.0, "dispatch": 0.5, "apply": 0.5, "link_contention": 2.0}
    found = shares(seconds, "ps-async")
    assert found == {"computing": 0.25, "processors": 0.25, "wire": 0.5, "waiting": 0.0}
    assert shares({"compute": 0.0}, "ps-async") == {}


def test_a_synchronous_step_has_accumulators() -> None:
    found = shares({"compute": 1.0, "apply": 1.0}, "ps-sync")
    assert found["accumulators"] == 0.5
    assert "processors" not in found


def test_parts_are_off_by_chance_of_their_own() -> None:
    both = log_deviation({"compute": 1.0, "fetch_transfer": 1.0}, "ps-async")
    wanted = math.hypot(0.5 * LOG_DEVIATIONS["computing"], 0.5 * LOG_DEVIATIONS["wire"])
    assert both == pytest.approx(wanted)

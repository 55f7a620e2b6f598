"""What `scale next` says of minutes is what a calibration's and a validation's estimates say."""

from __future__ import annotations

import pytest

from nworkers.calibrate.campaigns.plan import plan
from nworkers.calibrate.campaigns.scope import Scope
from nworkers.calibrate.campaigns.validation import START_UP_S, WARMUP_S
from nworkers.calibrate.training.trainer import BEYOND
from nworkers.models.findings.measuring_time import (
    CALIBRATION_S,
    FULL_CALIBRATION_S,
    STARTS,
    rounds_s,
    validation_s,
)
from nworkers.models.records.workload import named_workload

WHOLE = plan(Scope(), named_workload("mlp:784,128,10"), joined=(2, 4))


@pytest.mark.parametrize(
    "quantities", [("noop",), ("fetch",), ("push", "fetch_push"), ("gemm",), ("allreduce",)]
)
def test_rounds_of_a_quantity_take_as_long(quantities: tuple[str, ...]) -> None:
    cells = tuple(cell for cell in WHOLE.cells if cell.quantity in quantities)
    narrowed = WHOLE.narrowed(cells)
    assert rounds_s(quantities, WHOLE.rounds) == pytest.approx(narrowed.estimate_s, rel=0.25)


def test_a_calibration_and_a_validation_take_as_long() -> None:
    assert pytest.approx(WHOLE.estimate_s, rel=0.2) == CALIBRATION_S
    full = plan(Scope("full"), WHOLE.workload, joined=(2, 4))
    assert pytest.approx(full.estimate_s, rel=0.2) == FULL_CALIBRATION_S
    run_s = START_UP_S + WARMUP_S + (1 + BEYOND) * 10.0
    assert validation_s(1) == pytest.approx(2 * STARTS * run_s)

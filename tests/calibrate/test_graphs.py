"""The proof of work from partition graphs, without TensorFlow."""

from __future__ import annotations

import pytest

from scale.calibrate.graphs import missing_work
from scale.models.calibration import Cell

FETCH = Cell("fetch", "ps", 1024, tensors=2)
ORIGINAL = Cell("fetch_gemm", "ps", features=2, batch=2, hidden=2)


@pytest.mark.parametrize(
    ("cell", "partitions", "missing"),
    [
        (FETCH, [["_Send", "_Send"], ["_Recv", "_Recv"]], ""),
        (FETCH, [["_Send"], ["_Recv"]], "_Send"),
        (FETCH, [["Identity"]], "_Send"),
        (ORIGINAL, [["_Send"], ["_Recv", "_MklMatMul"]], ""),
        (ORIGINAL, [["_Send"], ["_Recv"]], "MatMul"),
        (ORIGINAL, [["MatMul"]], "_Send"),
        (Cell("push", "ps", 8), [["_Send"], ["_Recv"]], "ResourceApplyGradientDescent"),
        (Cell("noop", "ps"), [["NoOp"]], ""),
    ],
)
def test_what_is_missing_is_named(cell: Cell, partitions: list[list[str]], missing: str) -> None:
    assert missing_work(cell, partitions, product=bool(cell.hidden)) == missing

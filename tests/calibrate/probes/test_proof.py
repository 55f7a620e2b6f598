"""The proof of work from partition graphs, without TensorFlow."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nworkers.calibrate.tensorflow.proof import (
    brought_back_after,
    missing_work,
    push_waits,
)
from nworkers.models.records.calibration import Cell

FETCH = Cell("fetch", "ps", 1024, tensors=2)
ORIGINAL = Cell("fetch_gemm", "ps", features=2, batch=2, hidden=2)
EXCHANGE = Cell("exchange", "ps", 1024)
SHARDED = Cell("fetch", "ps", 1024, tensors=2, ps=2)
ADAM = Cell("apply", "ps", 1024, optimizer="adam")
COPY = Cell("copy_in", "process", 1024, device="gpu")
BOTH = ("_Send", "_Recv")
SGD = "ResourceApplyGradientDescent"


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
        (EXCHANGE, [[*BOTH], [*BOTH, SGD]], ""),
        (EXCHANGE, [["_Send", "_Send"], ["_Recv", "_Recv", SGD]], "_Send and _Recv at both ends"),
        (EXCHANGE, [["_Send"], ["_Recv", SGD]], "_Send"),
        (EXCHANGE, [[*BOTH], [*BOTH]], SGD),
        (replace(EXCHANGE, tensors=2, ps=2), [[*BOTH, *BOTH], [*BOTH, SGD], [*BOTH, SGD]], ""),
        (
            replace(EXCHANGE, tensors=2, ps=2),
            [[*BOTH, *BOTH], [*BOTH, *BOTH, SGD, SGD]],
            "_Send and _Recv at both ends",
        ),
        (SHARDED, [["_Recv"] * 2, ["_Send", "VarHandleOp"], ["_Send", "VarHandleOp"]], ""),
        (SHARDED, [["_Recv"] * 2, ["_Send", "VarHandleOp"] * 2], "variables on 2 ps"),
        (ADAM, [["NoOp"], ["ResourceApplyAdam"]], ""),
        (ADAM, [["NoOp"], [SGD]], "ResourceApplyAdam"),
        (
            ADAM,
            [["_Send"], ["_Recv", "ResourceApplyAdam"]],
            "apply of a gradient that lies on the ps already",
        ),
        (COPY, [[*BOTH], [*BOTH]], ""),
        (COPY, [["_Send"], ["_Recv"]], "_Send"),
        (COPY, [["Identity"]], "_Send"),
    ],
)
def test_what_is_missing_is_named(cell: Cell, partitions: list[list[str]], missing: str) -> None:
    assert missing_work(cell, partitions, product=bool(cell.hidden)) == missing


def test_what_is_brought_back_comes_after_the_work() -> None:
    device = {"product": ("MatMul", []), "mark": ("ReadVariableOp", ["product"])}
    after = device | {"back": ("_Send", ["mark"])}
    assert brought_back_after("MatMul", after)
    assert brought_back_after("", after)
    assert not brought_back_after("MatMul", device)
    assert not brought_back_after("MatMul", after | {"other": ("_MklMatMul", [])})
    assert not brought_back_after("ResourceApply", after)


def test_a_push_waits_only_if_every_send_comes_after_every_receive() -> None:
    chain = {
        "in_a": ("_Recv", []),
        "in_b": ("_Recv", []),
        "read": ("ReadVariableOp", ["in_a", "in_b"]),
        "out": ("_Send", ["read"]),
    }
    assert push_waits(chain)
    assert not push_waits({**chain, "read": ("ReadVariableOp", ["in_a"])})
    assert not push_waits({**chain, "other": ("_Send", [])})
    assert not push_waits({"in_a": ("_Recv", [])})
    assert not push_waits({"out": ("_Send", [])})

"""Runs a function in a process of its own that has TensorFlow, as tasks do; pytest has none."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import TypeVar

from nworkers.calibrate.cluster.start import context
from nworkers.calibrate.training.runtime import TENSORFLOW

T = TypeVar("T")


def inside(function: Callable[..., T], *arguments: object) -> T:
    """What the function returns, or the RuntimeError that it raised, by its words."""
    made = context(TENSORFLOW)
    ours, theirs = made.Pipe()
    process = made.Process(target=_run, args=(theirs, function, arguments), daemon=True)
    process.start()
    theirs.close()
    try:
        assert ours.poll(60), f"{function.__name__} took longer than a minute"
        done, value = ours.recv()
    finally:
        process.kill()
        process.join(5)
        ours.close()
    if not done:
        raise RuntimeError(value)
    result: T = value
    return result


def _run(connection: Connection, function: Callable[..., T], arguments: tuple[object, ...]) -> None:
    try:
        connection.send((True, function(*arguments)))
    except Exception as error:
        traceback.print_exc(file=sys.__stderr__)
        connection.send((False, str(error)))

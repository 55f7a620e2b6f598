"""Input: seconds that a user's input pipeline takes for one batch.

``--input module:function`` names a function without arguments that returns a tf.data.Dataset of
single samples. What the tool adds is ``repeat().batch(b)``; maps, shuffles and prefetching are the
user's, and belong in the function. Batches are asked for one after the other, as fast as they come:
batch / seconds is the rate that the pipeline can deliver to one consumer.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from importlib import import_module
from typing import Any

from scale.calibrate.probe import Context, Probe
from scale.models.calibration import Cell
from scale.models.errors import HardwareError, InputError

OPTION = "--input"
_ALLOWED = "module:function, a function without arguments that returns a tf.data.Dataset of samples"
_NAMED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")


def check_pipeline(text: str) -> str:
    """Raises: InputError unless the text can name a function; nothing is imported."""
    if not _NAMED.fullmatch(text):
        raise InputError(OPTION, repr(text), _ALLOWED)
    return text


def build(cells: Sequence[Cell], context: Context) -> list[Probe]:
    """A fresh iterator for each batch; nothing of it is run until the first call."""
    import tensorflow as tf

    if context.threads is not None:
        # A pipeline runs in the eager runtime, whose pools are its own.
        tf.config.threading.set_intra_op_parallelism_threads(context.threads)
        tf.config.threading.set_inter_op_parallelism_threads(context.threads)
    made: list[Probe] = []
    for cell in cells:
        # Placed on the processor: with a GPU in sight, iterators would copy batches there.
        with tf.device("/cpu:0"):
            batches = iter(dataset(context.pipeline).repeat().batch(cell.batch))
        made.append(Probe(cell, partial(_next, batches, context.pipeline)))
    return made


def _next(batches: Iterator[Any], name: str) -> Any:
    try:
        return next(batches)
    except StopIteration:
        # An endless repetition ends only if there is nothing to repeat.
        raise HardwareError(f"{OPTION} {name}: the dataset holds no sample") from None
    except Exception as error:
        raise HardwareError(f"{OPTION} {name}: reading a batch failed: {_cause(error)}") from error


def _cause(error: Exception) -> str:
    """What went wrong in the user's code, out of the names of TensorFlow's nodes around it."""
    text = re.sub(r"\{\{.*?\}\}|\[Op:.*", "", str(error)).strip()
    raised = [
        t for t in text.partition("Traceback")[2].splitlines()[1:] if t and not t[0].isspace()
    ]
    # Python's own words end the traceback that TensorFlow passes on.
    return raised[-1].strip() if raised else f"{type(error).__name__}: {text[:200]}"


def dataset(name: str) -> Any:
    """The dataset that ``module:function`` gives; the current directory is searched too.

    Raises:
        HardwareError: it cannot be had, in one line.
    """
    import tensorflow as tf

    module_name, _, function_name = name.partition(":")
    # First, as for a script that is run from there; left there for imports inside the function.
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        raise HardwareError(
            f"{OPTION} {name}: no module named '{error.name}', here or installed"
        ) from None
    except Exception as error:
        raise HardwareError(f"{OPTION} {name}: importing it failed: {_line(error)}") from error
    function = getattr(module, function_name, None)
    if not callable(function):
        raise HardwareError(f"{OPTION} {name}: module '{module_name}' has no such function")
    try:
        made = function()
    except Exception as error:
        raise HardwareError(f"{OPTION} {name}: calling it failed: {_line(error)}") from error
    if not isinstance(made, tf.data.Dataset):
        raise HardwareError(
            f"{OPTION} {name}: it returned {type(made).__name__}; wanted: a tf.data.Dataset"
        )
    return made


def _line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__

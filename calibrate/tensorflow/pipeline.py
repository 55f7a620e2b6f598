"""Pipeline: seconds that a user's input pipeline takes for one batch.

``--input module:function`` names a function without arguments that returns a tf.data.Dataset of
single samples. What the tool adds is ``repeat().batch(b)``; maps, shuffles and prefetching are the
user's, and belong in the function. Batches are asked for one after the other, as fast as they come:
batch / seconds is the rate that the pipeline can deliver to one consumer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from nworkers.calibrate.probes.probe import Context, Probe, UserCodeError
from nworkers.calibrate.training.user_function import call, check_name
from nworkers.models.records.calibration import Cell

OPTION = "--input"
_ALLOWED = "module:function, a function without arguments that returns a tf.data.Dataset of samples"


def check_pipeline(text: str) -> str:
    """Raises: InputError unless the text can name a function; nothing is imported."""
    return check_name(OPTION, text, _ALLOWED)


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
        raise UserCodeError(f"{OPTION} {name}: the dataset holds no sample") from None
    except Exception as error:
        raise UserCodeError(f"{OPTION} {name}: reading a batch failed: {_cause(error)}") from error


def _cause(error: Exception) -> str:
    """What went wrong in the user's code, out of the names of TensorFlow's nodes around it."""
    text = re.sub(r"\{\{.*?\}\}|\[Op:.*", "", str(error)).strip()
    raised = [
        t for t in text.partition("Traceback")[2].splitlines()[1:] if t and not t[0].isspace()
    ]
    # Python's own words end the traceback that TensorFlow passes on.
    return raised[-1].strip() if raised else f"{type(error).__name__}: {text[:200]}"


def dataset(name: str) -> Any:
    """The dataset that ``module:function`` gives.

    Raises:
        UserCodeError: it cannot be had, in one line.
    """
    import tensorflow as tf

    made = call(OPTION, name)
    if not isinstance(made, tf.data.Dataset):
        raise UserCodeError(
            f"{OPTION} {name}: it returned {type(made).__name__}; wanted: a tf.data.Dataset"
        )
    return made

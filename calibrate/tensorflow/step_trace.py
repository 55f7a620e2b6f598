"""Step trace: what parts a step had, from TensorFlow's own trace of it.

``FULL_TRACE`` records when each tensor came from another task and when its sender had it, each time
by the clock of one host: `tf.compat.v1.RunMetadata.step_stats`, as TensorFlow's timeline shows it.
"""

from __future__ import annotations

import time
from typing import Any

#: What moves a tensor between tasks is recorded under this name.
_MOVED = "RecvTensor"
_VARIABLE = "ReadVariableOp"
_MICRO = 1e-6


def traced_run(session: Any, step: Any, index: int) -> list[float]:
    """Run a step of this worker, and trace it.

    Returns:
        Seconds from its begin until the last variable was here, until the last gradient was there
        to be pushed, and until its end; none where the trace has no transfers.
    """
    import tensorflow as tf

    metadata = tf.compat.v1.RunMetadata()
    options = tf.compat.v1.RunOptions(trace_level=tf.compat.v1.RunOptions.FULL_TRACE)
    began_s = time.time()
    session.run(step, options=options, run_metadata=metadata)
    ended_s = time.time()
    here = f"/job:worker/replica:0/task:{index}/"
    fetched: list[float] = []
    pushed: list[float] = []
    for device in metadata.step_stats.dev_stats:
        for node in device.node_stats:
            if node.node_name != _MOVED:
                continue
            start_s = _MICRO * node.all_start_micros
            if device.device.startswith(here) and _VARIABLE in node.timeline_label:
                fetched.append(start_s + _MICRO * node.all_end_rel_micros)
            elif f" from {here}" in node.timeline_label:
                # A transfer's begin is its sender's, who has the tensor by then: by our clock.
                pushed.append(start_s)
    if not fetched or not pushed:
        return []
    first, second = max(fetched) - began_s, max(pushed) - began_s
    whole = ended_s - began_s
    # The trace is cut to microseconds.
    first = min(max(first, 0.0), whole)
    return [first, min(max(second, first), whole), whole]

"""Preload: imported once by the fork server, so that a task starts in milliseconds.

A process that has imported TensorFlow but run no op can fork; importing takes about 5 s, so fresh
processes for every round would otherwise cost more than the measuring.
"""

from __future__ import annotations

import os

from nworkers.calibrate.host.parent import die_with_parent

# The fork server ends once nobody can ask it for tasks, but its tasks can: each end waits for the
# other when the command is killed. And it would first import TensorFlow to the end.
die_with_parent()
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# A fork must find no CUDA context; tasks on GPUs are spawned and do not come through here.
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

# TensorFlow greets on stderr from C++ before any log setting holds; what matters it raises.
_stderr = os.dup(2)
_null = os.open(os.devnull, os.O_WRONLY)
os.dup2(_null, 2)
try:
    import tensorflow  # noqa: F401
finally:
    os.dup2(_stderr, 2)
    os.close(_stderr)
    os.close(_null)

import nworkers.calibrate.tensorflow.graphs  # noqa: E402, F401

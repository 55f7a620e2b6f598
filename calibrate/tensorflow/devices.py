"""Devices: the GPUs of this host, and what a worker's own ops are placed on.

Run on an H100 (docs/gpu.md). Tests use a session's second processor device in the GPU's place
(``STAND_IN``), which has partitions, sends and receives of its own.
"""

from __future__ import annotations

from typing import Any

from nworkers.calibrate.host.gpus import framework_words
from nworkers.models.base.errors import HardwareError

HOST = "/cpu:0"
GPU = "/gpu:0"
#: For tests alone: a second processor device, in place of a GPU that the machine lacks.
STAND_IN = "/cpu:1"
NO_GPU = "no GPU"

_in_place: list[str] = []


def gpus() -> list[str]:
    """The GPUs that TensorFlow can use in this process: none in a task that was forked."""
    import tensorflow as tf

    if _in_place:
        return list(_in_place)
    return [f"/gpu:{k}" for k in range(len(tf.config.list_physical_devices("GPU")))]


def no_gpu() -> str:
    """Why cells of a GPU are skipped in this task, in TensorFlow's own words where it had any."""
    words = framework_words()
    return f"{NO_GPU}: {words}" if words else NO_GPU


def gpu(index: int = 0) -> str:
    """The device of a GPU of this host; beyond the last one they are counted from the first again.

    Raises:
        HardwareError: it has none.
    """
    found = gpus()
    if not found:
        raise HardwareError(f"this task is to compute on a GPU and sees none: {no_gpu()}")
    return found[index % len(found)]


def gpu_number(index: int) -> int:
    """The number of that device among those that TensorFlow sees.

    Raises:
        HardwareError: there is none.
    """
    return int(gpu(index).rpartition(":")[2])


def only_gpu() -> str:
    """The device of the GPU of a task elsewhere that sees just one."""
    return _in_place[0] if _in_place else GPU


def stand_in() -> None:
    """For tests alone: from now on a second processor device is this process's GPU."""
    _in_place[:] = [STAND_IN]


def with_stand_in(config: Any) -> None:
    """Make a session's or server's configuration one with the stand-in, where there is one."""
    if _in_place:
        config.device_count["CPU"] = 2


def see_only(config: Any, index: int) -> None:
    """Make it the configuration of a process that sees one of its host's GPUs, as its first.

    Raises:
        HardwareError: it has none.
    """
    number = gpu_number(index)
    if not _in_place:
        config.gpu_options.visible_device_list = str(number)

"""Memory: the largest per-worker batch of a workload that fits its device.

A few small batches are run and a line is drawn through the peaks of the memory that they hold: of
the process on a processor, of TensorFlow's allocator on a GPU. The answer is marked extrapolated.
Running out instead would bring the kernel's out-of-memory killer upon somebody; on an H100 it took
more than four minutes.
"""

from __future__ import annotations

import contextlib
import time
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from nworkers.calibrate.host.gpus import memory_held
from nworkers.calibrate.probes.error_line import error_line
from nworkers.models.base.errors import HardwareError
from nworkers.models.records.calibration import Memory
from nworkers.models.records.workload import MAX_BATCH, Workload

#: Of the memory that is available, this much is used at most for measuring on a processor.
SAFE_SHARE = 0.25
CAP_S = 2.0
#: Peaks below this are the allocator's habits rather than the batch's.
TELLING_BYTES = 2**26
GROWTH = 4
#: A GPU's first step of a size includes the choice of its kernels.
GPU_CAP_S = 20.0


def measure(workload: Workload, threads: int | None = None) -> Memory | None:
    """Memory of the workload's training step on this process's device; None if it cannot train.

    A workload that waits in place of computing has no activations to measure.
    """
    from nworkers.calibrate.tensorflow.devices import GPU, gpus

    if not workload.widths:
        return None
    if gpus():
        return _on_gpu(partial(_train, workload, device=GPU, threads=threads))
    return _on_processor(lambda batch: _train(workload, batch, "/cpu:0", threads))


def _train(workload: Workload, batch: int, device: str, threads: int | None) -> int:
    """Set up, train two steps, take everything down; bytes that the device can hold, 0 unknown."""
    import tensorflow as tf

    from nworkers.calibrate.tensorflow.graphs import session_config
    from nworkers.calibrate.tensorflow.replica import training_graph

    graph = tf.Graph()
    with graph.as_default():
        training = training_graph(workload, batch, worker=device, ps=(device,), seed=1)
    config = session_config(grappler=True, threads=threads)
    with tf.compat.v1.Session(graph=graph, config=config) as session:
        session.run(training.initializer)
        for _ in range(2):
            session.run(training.step)
        limits = [
            d.memory_limit_bytes
            for d in session.list_devices()
            if d.name.lower().endswith(device.replace("/", "device:"))
        ]
    return int(limits[0]) if limits else 0


def _on_processor(train: Callable[[int], int]) -> Memory:
    train(1)  # TensorFlow's own pools and kernels, which every batch shares.
    before = resident_bytes()

    def peak(batch: int) -> float:
        _reset_peak()
        train(batch)
        return float(peak_bytes() - before)

    return _extrapolated(peak, available_bytes(), CAP_S)


def _on_gpu(
    train: Callable[[int], int], peak: Callable[[Callable[[int], int], int], float] | None = None
) -> Memory:
    """Memory of training on the first GPU.

    Args:
        train: trains a batch; bytes that the device can hold, 0 where they are unknown.
        peak: the most bytes of the GPU that training a batch takes; by default TensorFlow says.

    Raises:
        HardwareError: not even one sample can be trained.
    """
    import tensorflow as tf

    try:
        available = train(1)
    except tf.errors.OpError as error:
        raise _failed(error) from error
    return _extrapolated(partial(peak or gpu_peak, train), max(1, available), GPU_CAP_S)


def _extrapolated(peak: Callable[[int], float], available: int, cap_s: float) -> Memory:
    """What a line through the peaks of growing batches says, of which none takes long or much.

    A batch that fails ends it: others may hold by now what was free.
    """
    points: list[tuple[int, float]] = []
    batch, began = 1, time.monotonic()
    while True:
        taken = time.monotonic()
        try:
            points.append((batch, max(0.0, peak(batch))))
        except Exception:
            if not points:
                raise
            traceback.print_exc()
            break
        now = time.monotonic()
        told = sum(growth > TELLING_BYTES for _, growth in points)
        over_time = now - began + GROWTH * (now - taken) > cap_s
        if told >= 3 or over_time or GROWTH * points[-1][1] > SAFE_SHARE * available:
            break
        batch *= GROWTH
    floor, per_sample = line(points)
    return Memory(floor, per_sample, available, largest_batch(floor, per_sample, available), True)


def line(points: Sequence[tuple[int, float]]) -> tuple[float, float]:
    """(floor, per sample) of bytes over batches; neither is negative.

    The largest batches tell the slope, so each deviation counts as it is, not in proportion.
    """
    batches = np.array([b for b, _ in points], dtype=float)
    grown = np.array([g for _, g in points])
    if len(points) < 2:
        return 0.0, float(grown[0] / batches[0])
    slope, floor = np.polyfit(batches, grown, 1)
    if floor < 0:
        slope, floor = float(batches @ grown / (batches @ batches)), 0.0
    return max(0.0, float(floor)), max(0.0, float(slope))


def largest_batch(floor: float, per_sample: float, available: int) -> int:
    """The largest batch within the available bytes; what needs no memory is bounded elsewhere."""
    if per_sample <= 0:
        return MAX_BATCH
    return int(min(MAX_BATCH, max(0.0, (available - floor) / per_sample)))


def _failed(error: Exception) -> HardwareError:
    """What to say where one sample cannot be trained: who else holds memory, if that ran out."""
    said = error_line(error)
    if not any(words in said.lower() for words in ("oom", "memory", "exhausted", "alloc")):
        return HardwareError(said)
    return HardwareError(f"{said}; {memory_held()}")


def gpu_peak(train: Callable[[int], int], batch: int) -> float:
    """Bytes of the first GPU that training a batch takes at most."""
    import tensorflow as tf

    tf.config.experimental.reset_memory_stats("GPU:0")
    train(batch)
    return float(tf.config.experimental.get_memory_info("GPU:0")["peak"])


def available_bytes() -> int:
    """Memory that can still be had: the system's, and what cgroups leave of their limits."""
    known = [_field("/proc/meminfo", "MemAvailable"), *_cgroup_rooms()]
    return max(1, min((k for k in known if k is not None), default=1))


def resident_bytes() -> int:
    """Memory of this process now."""
    return _field("/proc/self/status", "VmRSS") or 0


def peak_bytes() -> int:
    """The most that this process has held since ``_reset_peak``, or since it started."""
    return _field("/proc/self/status", "VmHWM") or 0


def _reset_peak() -> None:
    # Where that is forbidden the peak since the start stands: batches grow, so it is the last's.
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _field(path: str, key: str) -> int | None:
    """A line such as ``VmRSS:   512 kB``, in bytes."""
    try:
        for text in Path(path).read_text().splitlines():
            name, _, value = text.partition(":")
            if name == key:
                return int(value.split()[0]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None


def _cgroup_rooms(
    root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")
) -> list[int]:
    """Limit less use of every memory cgroup above this process, versions 1 and 2.

    Cached files count as used, but the kernel gives them up before it kills: they are taken off.
    """
    try:
        entries = [text.split(":", 2) for text in own.read_text().splitlines()]
    except OSError:
        return []
    rooms: list[int] = []
    for _, controllers, path in entries:
        if controllers == "":
            base, names = root, ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            base = root / "memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        # Inside a container the path may be the host's; its parents then end at the root of ours.
        folder = base / path.lstrip("/")
        for place in (folder, *folder.parents):
            rooms += _room(place, *names)
            if place == base:
                break
    return rooms


def _room(place: Path, limit: str, usage: str, cached: str) -> list[int]:
    try:
        allowed = int((place / limit).read_text())
        used = int((place / usage).read_text())
        stat = dict(t.split() for t in (place / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):  # no such cgroup, or the limit is "max"
        return []
    return [max(0, allowed - used + int(stat.get(cached, 0)))]

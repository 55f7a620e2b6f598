"""The largest batch that fits: the arithmetic on made-up devices, and one real training step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from nworkers.calibrate.cluster.start import running
from nworkers.calibrate.tensorflow import memory
from nworkers.calibrate.training.runtime import single
from nworkers.models.records.calibration import Memory
from nworkers.models.records.workload import MAX_BATCH, Cost, Variable, Workload, named_workload
from tests.support.inside import inside


def test_a_line_through_peaks_is_never_negative() -> None:
    floor, slope = memory.line([(1, 1e6), (64, 1e6 + 63e3), (4096, 1e6 + 4095e3)])
    assert floor == pytest.approx(999e3)
    assert slope == pytest.approx(1e3)
    assert memory.line([(1, 0.0), (4, 0.0), (16, 160.0)])[0] == 0
    assert memory.line([(8, 80.0)]) == (0.0, 10.0)


def test_the_largest_batch_is_what_is_left_above_the_floor() -> None:
    assert memory.largest_batch(100.0, 10.0, 1100) == 100
    assert memory.largest_batch(2000.0, 10.0, 1100) == 0


def test_measuring_stops_within_a_safe_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """A made-up process of 100 kB a sample on a machine with 1 GB: a quarter is never passed."""
    held = [0]

    def train(batch: int) -> int:
        held[0] = 50_000 + 100_000 * batch
        return 0

    monkeypatch.setattr(memory, "available_bytes", lambda: 10**9)
    monkeypatch.setattr(memory, "resident_bytes", lambda: 0)
    monkeypatch.setattr(memory, "peak_bytes", lambda: held[0])
    found = memory._on_processor(train)
    assert held[0] <= memory.SAFE_SHARE * 10**9
    assert found.per_sample_bytes == pytest.approx(100_000)
    assert found.floor_bytes == pytest.approx(50_000, rel=0.01)
    assert found.largest_batch == pytest.approx(10_000, rel=0.01)
    assert found.extrapolated


@pytest.mark.parametrize(
    ("version", "line", "limit", "usage", "cached"),
    [
        ("2", "0::/job", "memory.max", "memory.current", "inactive_file"),
        (
            "1",
            "4:memory:/job",
            "memory/job/memory.limit_in_bytes",
            "memory/job/memory.usage_in_bytes",
            "total_inactive_file",
        ),
    ],
)
def test_a_cgroup_s_limit_is_kept_less_what_is_used_but_not_cached(
    version: str, line: str, limit: str, usage: str, cached: str, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    own.write_text(f"9:cpu:/\n{line}\n")
    root = tmp_path / "fs"
    folder = root / ("memory/job" if version == "1" else "job")
    folder.mkdir(parents=True)
    (folder / Path(limit).name).write_text("1000\n")
    (folder / Path(usage).name).write_text("700\n")
    (folder / "memory.stat").write_text(f"anon 1\n{cached} 200\n")
    assert memory._cgroup_rooms(root, own) == [500]
    (folder / Path(limit).name).write_text("max\n")
    assert memory._cgroup_rooms(root, own) == []


@pytest.mark.tensorflow
@pytest.mark.timed  # measuring takes no batch for which there is no time
def test_a_real_step_s_memory_is_in_proportion_to_its_activations(tmp_path: Path) -> None:
    with running([single()], logs=tmp_path) as cluster:
        (found,) = cluster.call(
            ["single0"], "memory", named_workload("mlp:256,1024,10"), timeout_s=60
        )
    assert isinstance(found, Memory)
    # Input, its product before and after the rectifier, and their gradients: some floats a width.
    assert 256 * 4 < found.per_sample_bytes < 12 * (256 + 1024) * 4
    assert found.largest_batch > 10_000
    assert found.extrapolated


@pytest.mark.tensorflow
def test_a_workload_that_only_waits_has_no_memory_to_measure(tmp_path: Path) -> None:
    wait = Workload("wait", (Variable("w", (8,)),), cost=Cost(0.001, 0.0))
    with running([single()], logs=tmp_path) as cluster:
        assert cluster.call(["single0"], "memory", wait, timeout_s=60) == [None]


def a_device_of(samples: int) -> Memory:
    """Measured on a device that trains so many samples: beyond, TensorFlow itself fails.

    It does by a shape, since it looks for memory for 10 s before it says that there is none.
    """
    import tensorflow as tf

    def train(batch: int) -> int:
        graph = tf.Graph()
        with graph.as_default():
            shape = [batch if batch <= samples else -batch]
            held = tf.fill(tf.compat.v1.placeholder_with_default(shape, [1]), 1.0)
        with tf.compat.v1.Session(graph=graph) as session:
            session.run(held.op)
        return 2**30

    def peak(train: Callable[[int], int], batch: int) -> float:
        train(batch)
        return 100.0 + 10.0 * batch

    return memory._on_gpu(train, peak)


@pytest.mark.tensorflow
def test_an_error_in_the_middle_leaves_the_line_through_what_ran() -> None:
    found = inside(a_device_of, 40)
    assert (found.floor_bytes, found.per_sample_bytes) == pytest.approx((100, 10))
    assert (found.available_bytes, found.extrapolated) == (2**30, True)
    assert found.largest_batch == min(MAX_BATCH, (2**30 - 100) // 10)


@pytest.mark.tensorflow
def test_what_fails_with_one_sample_says_why() -> None:
    with pytest.raises(RuntimeError, match=r"^Dimension -1 must be >= 0$"):
        inside(a_device_of, 0)


def test_without_room_for_one_sample_it_is_said_what_is_held() -> None:
    error = RuntimeError(
        "Graph execution error:\n\nDetected at node 'w' defined at (most recent call last):\n"
        "Node: 'w'\nOOM when allocating tensor with shape[784,512]"
    )
    assert str(memory._failed(error)) == (
        "OOM when allocating tensor with shape[784,512]; "
        "what others hold of the GPU's memory is not known"
    )
    assert str(memory._failed(RuntimeError("no kernel"))) == "no kernel"

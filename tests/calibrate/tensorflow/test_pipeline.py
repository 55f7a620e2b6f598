"""Input pipelines that users might name, good and bad."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

from nworkers.calibrate.cluster.cluster import Cluster
from nworkers.calibrate.cluster.start import running
from nworkers.calibrate.probes.sampling import Limits
from nworkers.calibrate.tensorflow.pipeline import check_pipeline
from nworkers.calibrate.training.runtime import single
from nworkers.models.base.errors import HardwareError, InputError
from nworkers.models.records.calibration import Cell
from nworkers.models.records.workload import named_workload

GEMM = named_workload("gemm:8,8")

SOURCE = """
import time
import tensorflow as tf

def good():
    return tf.data.Dataset.range(10).map(lambda k: (tf.fill([4], k), k))

def slow():
    def wait(k):
        time.sleep(0.002)
        return k
    return good().map(lambda x, k: tf.numpy_function(wait, [k], tf.int64))

def empty():
    return tf.data.Dataset.range(0)

def breaks():
    def fail(k):
        raise OSError("disk on fire")
    return good().map(lambda x, k: tf.numpy_function(fail, [k], tf.int64))

def wrong():
    return [1, 2, 3]

def raises():
    raise FileNotFoundError("no data folder")

def wants(batch):
    return good().batch(batch)

value = 3
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A process whose current directory holds the user's modules."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "userdata.py").write_text(SOURCE)
    (folder / "spoilt.py").write_text("import a_module_that_is_missing\n")
    (folder / "half.py").write_text("def f(:\n")
    before = Path.cwd()
    os.chdir(folder)
    try:
        with running([single()], logs=folder / "logs") as made:
            yield made
    finally:
        os.chdir(before)


def build(cluster: Cluster, name: str, *batches: int) -> list[tuple[float, str]]:
    cells = [Cell("input", "process", batch=batch) for batch in batches]
    (results,) = cluster.call(["single0"], "build", cells, GEMM, name, timeout_s=60)
    return list(results)


@pytest.mark.tensorflow
def test_a_dataset_is_repeated_beyond_its_end_and_batched(cluster: Cluster) -> None:
    assert [reason for _, reason in build(cluster, "userdata:good", 4, 64)] == ["", ""]
    ((taken, _),) = cluster.call(["single0"], "burst", 1, Limits(0.0, 30, 2.0))
    assert len(taken.samples_s) == 30


@pytest.mark.tensorflow
def test_a_batch_costs_its_samples(cluster: Cluster) -> None:
    build(cluster, "userdata:slow", 10)
    ((taken, _),) = cluster.call(["single0"], "burst", 0, Limits(0.0, 5, 2.0))
    # The next batch is made while a busy machine does other things than to take this one.
    assert median(taken.samples_s) >= 0.02


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nowhere:f", "no module named 'nowhere'"),
        ("spoilt:f", "no module named 'a_module_that_is_missing'"),
        ("half:f", "importing it failed: SyntaxError"),
        ("userdata:absent", "module 'userdata' has no such function"),
        ("userdata:value", "module 'userdata' has no such function"),
        ("userdata:wrong", "it returned list; wanted: a tf.data.Dataset"),
        ("userdata:raises", "calling it failed: FileNotFoundError: no data folder"),
        ("userdata:wants", "calling it failed: TypeError"),
        ("userdata:empty", "the dataset holds no sample"),
        ("userdata:breaks", "reading a batch failed: .*disk on fire"),
    ],
)
def test_a_bad_pipeline_is_one_line_that_names_the_option(
    cluster: Cluster, name: str, words: str
) -> None:
    with pytest.raises(HardwareError, match=f"--input {name}: {words}") as caught:
        build(cluster, name, 4)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["data.load:train", "m:f"])
def test_a_name_of_a_function_is_kept(text: str) -> None:
    assert check_pipeline(text) == text


@pytest.mark.parametrize("text", ["", "m", "m:", ":f", "m:f()", "m/f.py:f", "m:f:g", "m.:f"])
def test_a_name_that_can_be_no_function_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="--input: got"):
        check_pipeline(text)

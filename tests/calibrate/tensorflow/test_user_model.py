"""A user's Keras model under each runtime, and what is said of one that cannot be trained."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nworkers.calibrate.campaigns.validation import train_once
from nworkers.calibrate.cluster.cluster import Cluster
from nworkers.calibrate.cluster.start import running
from nworkers.calibrate.tensorflow.user_model import check_model
from nworkers.calibrate.training.runtime import single
from nworkers.calibrate.training.trainer import TrainingJob
from nworkers.models.base.errors import HardwareError, InputError
from nworkers.models.records.runtimes import Runtime, Strategy
from nworkers.models.records.workload import Variable, Workload, named_workload

MODELS = "tests.support.user_models"
STATEFUL = Workload(
    "stateful",
    tuple(
        Variable(name, shape)
        for name, shape in (
            ("kernel", (3, 3, 1, 4)),
            ("bias", (4,)),
            ("gamma", (4,)),
            ("beta", (4,)),
            ("dense", (144, 3)),
            ("dense_bias", (3,)),
        )
    ),
    flops_per_sample=1e5,
)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    logs = tmp_path_factory.mktemp("logs")
    with running([single()], logs=logs) as made:
        yield made


@pytest.mark.tensorflow
def test_the_trainable_variables_are_the_workload_s(cluster: Cluster) -> None:
    call = ("described_model", f"{MODELS}:stateful")
    (found,) = cluster.call(["single0"], *call, timeout_s=60)
    assert [(v.shape, v.dtype) for v in found.variables] == [
        (v.shape, v.dtype) for v in STATEFUL.variables
    ]
    assert found.variables[0].name.endswith("conv2d/kernel")
    assert found.optimizer == "adam"


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("unbuilt", "the model is not built; give it a keras.Input"),
        ("exotic", "optimizer Lion is none that scale trains with"),
        ("alone", "it returned Sequential; wanted: module:function"),
        ("empty", "its dataset holds no sample"),
        ("missing", "has no such function"),
    ],
)
def test_what_is_wrong_with_a_model_is_said_in_a_line(
    cluster: Cluster, function: str, words: str
) -> None:
    with pytest.raises(HardwareError) as caught:
        cluster.call(["single0"], "described_model", f"{MODELS}:{function}", timeout_s=60)
    assert f"--model {MODELS}:{function}: " in str(caught.value)
    assert words in str(caught.value)


@pytest.mark.tensorflow
def test_a_model_of_other_variables_than_the_workload_s_is_refused(cluster: Cluster) -> None:
    job = TrainingJob(
        named_workload("mlp:8,4"), "ps-async", "session", 8, 0, 0, f"{MODELS}:stateful"
    )
    with pytest.raises(HardwareError, match="its 6 variables are not the 2 of workload mlp:8,4"):
        cluster.call(["single0"], "train", job, timeout_s=60)


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("strategy", "runtime"), [("ps-async", "coordinator"), ("allreduce", "mirrored")]
)
def test_a_user_s_model_trains(strategy: Strategy, runtime: Runtime, tmp_path: Path) -> None:
    """Under sessions the command's test has one."""
    job = TrainingJob(STATEFUL, strategy, runtime, 8, workers=2, ps=2, model=f"{MODELS}:stateful")
    run = train_once(job, 0, 2.0, tmp_path)
    assert len(run.steps_s) == 2
    assert 0 < run.loss[1] < run.loss[0]


@pytest.mark.parametrize("text", ["model", "a b:f", ":f", "a:", "a:f()"])
def test_a_model_s_name_is_checked_before_anything_runs(text: str) -> None:
    with pytest.raises(InputError, match="--model"):
        check_model(text)

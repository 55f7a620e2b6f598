"""Trained model: what every runtime needs of it: values to start from, inputs, gradients."""

from __future__ import annotations

from typing import Any, Protocol

from nworkers.calibrate.tensorflow.devices import HOST, gpu
from nworkers.calibrate.tensorflow.update_rule import MOMENTUM, UpdateRule
from nworkers.calibrate.tensorflow.user_model import UserModel
from nworkers.calibrate.tensorflow.workload_graph import (
    check_trainable,
    differentiate,
    initial_value,
    inputs_of,
)
from nworkers.calibrate.training.trainer import Place, TrainingJob
from nworkers.models.records.workload import Workload


def trained_model(job: TrainingJob, index: int) -> TrainedModel:
    """What the worker of this index trains, with its own batch."""
    if job.model:
        made = UserModel(job.model, job.batch, index + 1)
        made.require(job.workload)
        return made
    return Synthetic(job.workload, job.batch, index + 1)


def compute_device(job: TrainingJob, place: Place) -> str:
    """The device of its process that a worker computes on.

    Raises:
        HardwareError: it is to be a GPU, and there is none.
    """
    return gpu(place.gpu) if job.device == "gpu" else HOST


class TrainedModel(Protocol):
    """What is trained. Its variables are made by the runtime, where that places them."""

    rule: UpdateRule
    #: Names of the variables.
    names: list[str]

    def initial(self, k: int) -> Any:
        """What variable ``k`` starts from, the same in every task."""
        ...

    def inputs(self) -> list[Any]:
        """A worker's batch, as tensors."""
        ...

    def differentiate(self, values: list[Any], inputs: list[Any]) -> tuple[Any, list[Any]]:
        """The loss, and its gradients by the values of the variables."""
        ...


class Synthetic:
    """A workload by name, or one whose compute is a wait."""

    def __init__(self, workload: Workload, batch: int, seed: int) -> None:
        check_trainable(workload)
        self._workload = workload
        self._batch = batch
        self._seed = seed
        self.rule = UpdateRule(workload.optimizer, momentum=MOMENTUM)
        self.names = [spec.name for spec in workload.variables]

    def initial(self, k: int) -> Any:
        return initial_value(self._workload, k)

    def inputs(self) -> list[Any]:
        return inputs_of(self._workload, self._batch, self._seed)

    def differentiate(self, values: list[Any], inputs: list[Any]) -> tuple[Any, list[Any]]:
        return differentiate(self._workload, values, inputs, self._batch)

"""What TensorFlow's tasks take of memory at their peak, over the tensors that are counted.

python -m benchmarks.resident [MEGABYTES]    # a variable of so many, by default 200; three minutes

Real tasks train one variable on a ps; peaks are of resident memory, less what a task held before.
"""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from nworkers.calibrate.cluster.start import free_ports
from nworkers.calibrate.tensorflow.memory import peak_bytes, resident_bytes
from nworkers.models.costs.task_memory import task_memory
from nworkers.models.files.shipped import shipped_profile
from nworkers.models.records.runtimes import Strategy
from nworkers.models.records.scenario import Scenario
from nworkers.models.records.workload import Cost, Variable, Workload

STEPS = 8
CASES: tuple[tuple[int, Strategy], ...] = (
    (1, "ps-async"),
    (2, "ps-async"),
    (3, "ps-async"),
    (2, "ps-sync"),
)
LIMIT_S = 120.0


@dataclass(frozen=True)
class Task:
    """What a task is told: who it is, whom it trains with, and what."""

    job: str
    index: int
    cluster: dict[str, list[str]]
    strategy: Strategy
    elements: int


def main() -> None:
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    variable = Variable("table", (megabytes * 250_000,))
    workload = Workload("table", (variable,), cost=Cost(0.0, 1e-3))
    for workers, strategy in CASES:
        scenario = Scenario(workload, workers, strategy)
        counted = task_memory(shipped_profile("emulated-1gbit"), scenario)
        ps, *others = peaks(workers, strategy, variable.elements)
        print(
            f"{strategy}, {workers} workers: ps {ps / 1e6:.0f} MB, "
            f"{ps / counted.ps_bytes[0]:.2f} times the tensors; workers "
            + ", ".join(f"{peak / counted.worker_bytes:.2f}" for peak in others)
            + " times",
            flush=True,
        )


def peaks(workers: int, strategy: Strategy, elements: int) -> list[float]:
    """Peaks of the ps and of every worker while they train, in bytes."""
    first, *ports = free_ports(workers + 1)
    cluster = {
        "ps": [f"localhost:{first}"],
        "worker": [f"localhost:{port}" for port in ports],
    }
    context = get_context("spawn")
    started = []
    for job, index in (("ps", 0), *(("worker", k) for k in range(workers))):
        ours, theirs = context.Pipe()
        task = Task(job, index, cluster, strategy, elements)
        process = context.Process(target=run, args=(task, theirs), daemon=True)
        process.start()
        started.append((process, ours))
    try:
        ps, *others = [pipe for _, pipe in started]
        for pipe in (ps, *others):
            told(pipe)
        for pipe in (ps, *others):
            pipe.send("go")
        found = [told(pipe) for pipe in others]
        ps.send("end")
        return [told(ps), *found]
    finally:
        for process, _ in started:
            process.kill()


def told(pipe: Connection) -> float:
    """What a task says, if it says anything."""
    if not pipe.poll(LIMIT_S):
        raise TimeoutError("a task does not answer")
    return float(pipe.recv())


def run(task: Task, pipe: Connection) -> None:
    """One task: ready, then training or serving, then its peak."""
    import tensorflow as tf

    spec = tf.train.ClusterSpec(task.cluster)
    server = tf.distribute.Server(spec, job_name=task.job, task_index=task.index)
    before = resident_bytes()
    trainer = None if task.job == "ps" else Trainer(task, server.target)
    pipe.send(0.0)
    pipe.recv()
    Path("/proc/self/clear_refs").write_text("5")
    if trainer is None:
        pipe.recv()
    else:
        trainer.train()
    pipe.send(float(peak_bytes() - before))
    pipe.recv()


class Trainer:
    """A worker's steps of one variable, whose gradient is computed from it."""

    def __init__(self, task: Task, target: str) -> None:
        import tensorflow as tf

        v1 = tf.compat.v1
        v1.disable_eager_execution()
        workers = len(task.cluster["worker"])
        rule: Any = v1.train.GradientDescentOptimizer(0.1)
        if task.strategy == "ps-sync":
            rule = v1.train.SyncReplicasOptimizer(rule, workers, workers)
        with tf.device("/job:ps/task:0"):
            zeros = v1.zeros_initializer()
            table = v1.get_variable("table", (task.elements,), initializer=zeros, use_resource=True)
            rounds = v1.train.get_or_create_global_step()
        with tf.device(f"/job:worker/task:{task.index}"):
            gradient = 0.5 * tf.identity(table.read_value()) + 1.0
            self._step = tf.group(rule.apply_gradients([(gradient, table)], global_step=rounds))
        chief = [v1.global_variables_initializer()]
        self._own: list[Any] = []
        self._rounds: list[Any] = []
        if task.strategy == "ps-sync":
            chief.append(rule.chief_init_op)
            self._own = [rule.local_step_init_op]
            self._rounds = rule.get_chief_queue_runner().enqueue_ops if task.index == 0 else []
        self._session = v1.Session(target)
        if task.index == 0:
            for made in chief:
                self._session.run(made)

    def train(self) -> None:
        """All steps; the first worker also ends the rounds."""
        self._session.run(self._own)
        threading.Thread(target=self._end_rounds, daemon=True).start()
        for _ in range(STEPS):
            self._session.run(self._step)

    def _end_rounds(self) -> None:
        for _ in range(STEPS):
            self._session.run(self._rounds)


if __name__ == "__main__":
    main()

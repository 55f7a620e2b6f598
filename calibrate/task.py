"""What runs inside a task process: a TensorFlow server and a loop that answers calls."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any

from scale.calibrate.probe import Context, Probe
from scale.calibrate.processor import host_busy_s, process_s
from scale.calibrate.sampling import Limits, Samples, sample
from scale.models.calibration import Cell
from scale.models.workload import Workload

PR_SET_PDEATHSIG = 1
#: A single transfer that takes longer is skipped, with the reason on record.
MAX_TRANSFER_S = 0.5


class TaskMethods:
    """The calls that a task answers; state is the probes and the training it has built."""

    def __init__(self, job: str, index: int, target: str, cluster: dict[str, list[str]]) -> None:
        self._job = job
        self._index = index
        self._target = target
        self._cluster = cluster
        self._probes: list[Probe] = []
        self._training: Any = None
        self._session: Any = None

    def processor(self) -> tuple[float, float]:
        """(processor seconds of this task, busy seconds of its host)."""
        return process_s(), host_busy_s()

    def build(self, cells: Sequence[Cell], workload: Workload) -> list[tuple[float, str]]:
        """Build the cells and run each once; (seconds of that cold run, why it is skipped)."""
        from scale.calibrate.probes import build

        self._probes = build(
            cells, Context(self._job, self._index, self._target, self._cluster, workload)
        )
        results: list[tuple[float, str]] = []
        for probe in self._probes:
            begin = time.perf_counter()
            probe.step()
            cold_s = time.perf_counter() - begin
            reason = ""
            if cold_s > MAX_TRANSFER_S and probe.cell.size_bytes > 2**20:
                # The cold run also set the step up; a second run tells what a transfer takes.
                begin = time.perf_counter()
                probe.step()
                taken_s = time.perf_counter() - begin
                if taken_s > MAX_TRANSFER_S:
                    reason = f"a transfer took {taken_s:.2f} s, more than {MAX_TRANSFER_S:g} s"
            if not reason:
                probe.verify()
            results.append((cold_s, reason))
        return results

    def burst(self, index: int, limits: Limits) -> tuple[Samples, float]:
        """Sample one built cell; also the processor seconds that it took of this task."""
        before = process_s()
        probe = self._probes[index]
        samples = sample(probe.step, limits, before=probe.before, after=probe.after)
        return samples, process_s() - before

    def train(self, workload: Workload, batch: int, ps: int) -> None:
        """Build the training step of this replica; the chief (index 0) initialises the ps too."""
        import tensorflow as tf

        from scale.calibrate.graphs import session_config
        from scale.calibrate.training import training_graph

        alone = self._job == "single"
        here = "/cpu:0" if alone else f"/job:worker/task:{self._index}"
        there = (here,) if alone else tuple(f"/job:ps/task:{k}" for k in range(ps))
        graph = tf.Graph()
        with graph.as_default():
            self._training = training_graph(
                workload, batch, worker=here, ps=there, seed=self._index + 1
            )
        self._session = tf.compat.v1.Session(
            self._target,
            graph=graph,
            config=session_config(grappler=True, worker=None if alone else self._index),
        )
        self._session.run(self._training.initializer)

    def loss(self) -> float:
        """The training loss now, on this worker's batch."""
        return float(self._session.run(self._training.loss))

    def steps(self, start_at: float, warmup_s: float, window_s: float) -> list[float]:
        """Train from a common start; seconds of each step that lies whole within the window.

        Every worker goes on training for a while after the window, so that in the window all run.
        """
        step = self._session.make_callable(self._training.step)
        clock = time.perf_counter
        while clock() < start_at:
            time.sleep(0.001)
        opens, closes = start_at + warmup_s, start_at + warmup_s + window_s
        seconds: list[float] = []
        last = clock()
        while last < closes + 0.1 * window_s:
            step()
            now = clock()
            if last >= opens and now <= closes:
                seconds.append(now - last)
            last = now
        return seconds


def serve(
    job: str,
    index: int,
    spec: dict[str, list[str]],
    connection: Connection,
    log: str,
    prepare: Callable[[], None] | None,
) -> None:
    """Entry point of a task process: log to a file, start the server, answer until killed."""
    die_with_parent()
    # Ctrl-C reaches the whole process group; the coordinator decides what becomes of the tasks.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(output, 1)
    os.dup2(output, 2)
    try:
        if prepare is not None:
            prepare()
        methods = TaskMethods(job, index, _start_server(job, index, spec), spec)
    except Exception as error:
        traceback.print_exc()
        connection.send(("error", f"could not start: {_first_line(error)}"))
        return
    connection.send(("ok", os.getpid()))
    while True:
        try:
            method, arguments = connection.recv()
        except (EOFError, OSError):
            # Not sys.exit: TensorFlow's server threads would keep the process.
            os._exit(0)
        try:
            answer = ("ok", getattr(methods, method)(*arguments))
        except Exception as error:
            traceback.print_exc()
            sys.stderr.flush()
            answer = ("error", f"failed in '{method}': {_first_line(error)}")
        try:
            connection.send(answer)
        except OSError:
            os._exit(0)  # the command was killed meanwhile; as above


_servers: list[Any] = []


def _start_server(job: str, index: int, spec: dict[str, list[str]]) -> str:
    """Start this task's server and return its target; "" for the process without a cluster."""
    import tensorflow as tf

    if job == "single":
        return ""
    server = tf.distribute.Server(spec, job_name=job, task_index=index)
    # The server ends with its last reference, so the module keeps one.
    _servers.append(server)
    return str(server.target)


def die_with_parent() -> None:
    """Ask Linux to kill this process when its parent goes, however that ended.

    A task's parent is the fork server, whose own is the command.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _first_line(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:300]

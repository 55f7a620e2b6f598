"""Task: what runs in its process, a server of its runtime and a loop that answers calls."""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any, Protocol

import nworkers
from nworkers.calibrate.host.environment import environment
from nworkers.calibrate.host.parent import die_with_parent
from nworkers.calibrate.host.processor import (
    host_busy_s,
    machine,
    process_s,
    stolen_s,
    usable_cores,
)
from nworkers.calibrate.probes.error_line import error_line
from nworkers.calibrate.probes.flow_sockets import Sink, Source
from nworkers.calibrate.probes.probe import Context, Probe, UserCodeError
from nworkers.calibrate.probes.registry import build
from nworkers.calibrate.probes.sampling import Limits, Samples, sample
from nworkers.calibrate.training.runtime import RUNTIMES, Framework, load, probe_module, runner_of
from nworkers.calibrate.training.tasks import Role
from nworkers.calibrate.training.trainer import (
    Place,
    Stalled,
    Trainer,
    TrainingJob,
    Window,
    watched,
)
from nworkers.models.base.errors import HardwareError
from nworkers.models.records.calibration import Cell, Environment, Memory
from nworkers.models.records.workload import Workload

#: A single transfer that takes longer is skipped, with the reason on record.
MAX_TRANSFER_S = 0.5


class Calls(Protocol):
    """Where calls come from and answers go to: a pipe, or a `ServerChannel`."""

    def recv(self) -> Any: ...

    def send(self, answer: Any, /) -> None: ...


class TaskMethods:
    """The calls that a task answers; state is the probes and the training it has built.

    Parameters and results are typed: the types say how they travel between machines.
    """

    def __init__(self, role: Role, target: str) -> None:
        self._role = role
        self._target = target
        self._framework = RUNTIMES[role.runtime].framework
        self._probes: list[Probe] = []
        self._trainer: Trainer | None = None
        self._source: Source | None = None
        self._sink: Sink | None = None

    def clock(self) -> float:
        """This host's ``time.perf_counter``, which differs from other hosts'."""
        return time.perf_counter()

    def identity(self) -> tuple[str, int]:
        """(what names this machine, the number of this process on it)."""
        return machine(), os.getpid()

    def environment(self) -> Environment:
        """Facts about this task's host."""
        return environment()

    def cores(self) -> float:
        """Cores that this task may use."""
        return usable_cores()

    def gpus(self) -> int:
        """GPUs that this task sees."""
        return len(load(self._framework.devices).gpus())

    def processor(self) -> tuple[float, float]:
        """(processor seconds of this task, busy seconds of its host)."""
        return process_s(), host_busy_s()

    def stolen(self) -> float:
        """Processor seconds of this host that a hypervisor gave to others."""
        return stolen_s()

    def build(
        self, cells: Sequence[Cell], workload: Workload, pipeline: str = ""
    ) -> list[tuple[float, str]]:
        """Build the cells and run each once; (seconds of that cold run, why it is skipped).

        Raises:
            UserCodeError: a function of the user's own is at fault.
        """
        context = Context(
            self._role.job,
            self._role.index,
            self._target,
            self._role.cluster,
            workload,
            self._role.threads,
            pipeline,
            self._role.gpu or 0,
        )
        self._probes = build(cells, context, probe_module, lambda cell: runner_of(cell).lock_step)
        results: list[tuple[float, str]] = []
        failed = ""
        for probe in self._probes:
            together = runner_of(probe.cell).lock_step
            if probe.unavailable or (together and failed):
                results.append((0.0, probe.unavailable or f"not run after '{failed}' failed"))
                continue
            begin = time.perf_counter()
            try:
                results.append(_tried(probe, together=together))
            except UserCodeError:
                raise
            except Exception as error:
                traceback.print_exc()
                results.append((time.perf_counter() - begin, error_line(error)))
                # The others of a group wait in vain then, and their next collective fails as well.
                failed = failed or (probe.cell.name if together else "")
        return results

    def burst(self, index: int, limits: Limits) -> tuple[Samples, float]:
        """Sample one built cell; also the processor seconds that it took of this task."""
        before = process_s()
        probe = self._probes[index]
        samples = sample(probe.step, limits, before=probe.before, after=probe.after)
        return samples, process_s() - before

    def offer(self) -> int:
        """A port of this host at which transfers begin as they are asked for."""
        if self._source is None:
            self._source = Source()
        return self._source.port

    def take(self, port: int, flows: int, size_bytes: int, start_at: float) -> list[float]:
        """Transfers from a port of the first ps; seconds to each end, none if it is not reached."""
        if self._sink is None:
            self._sink = Sink(self._role.cluster["ps"][0].rpartition(":")[0], port)
        try:
            return self._sink.take(flows, size_bytes, start_at)
        except OSError:
            traceback.print_exc()
            return []

    def described_model(self, model: str) -> Workload:
        """The trainable variables of the user's model, and its optimizer."""
        found: Workload = load(self._framework.user_model).described(model)
        return found

    def train(self, job: TrainingJob) -> None:
        """Build and initialise this task's part of the training."""
        place = Place(
            self._role.index,
            self._target,
            self._role.cluster,
            self._role.threads,
            self._role.gpu or 0,
        )
        self._trainer = load(RUNTIMES[job.runtime].trainer).build(job, place)

    def memory(self, workload: Workload) -> Memory | None:
        """What the workload's training takes of this device's memory; None where it is unknown."""
        found: Memory | None = load(self._framework.memory).measure(workload, self._role.threads)
        return found

    def loss(self) -> float:
        """The training loss now."""
        return self._built().loss()

    def steps(
        self, start_at: float, warmup_s: float, window_s: float, traced: bool = False
    ) -> list[list[float]]:
        """Train from a common start; seconds of each step that lies whole within the window.

        One list for each worker that this task drives: itself, or those of a coordinator. Where
        steps are ``traced``, a list of the times of its parts for each.
        """
        return watched(self._built(), Window(start_at, warmup_s, window_s, traced))

    def _built(self) -> Trainer:
        if self._trainer is None:
            raise HardwareError("nothing was built to train")
        return self._trainer


def _tried(probe: Probe, *, together: bool) -> tuple[float, str]:
    """Run a probe for the first time; (seconds of that, why it is too slow to be measured).

    Args:
        together: whether others run it in lock-step, so that all must call it equally often.
    """
    begin = time.perf_counter()
    probe.step()
    cold_s = time.perf_counter() - begin
    reason = ""
    if (cold_s > MAX_TRANSFER_S or together) and probe.cell.size_bytes > 2**20:
        # The cold run also set the step up; a second run tells what a transfer takes. In lock-step
        # all do it, whatever the first took.
        begin = time.perf_counter()
        probe.step()
        taken_s = time.perf_counter() - begin
        if taken_s > MAX_TRANSFER_S:
            reason = f"a transfer took {taken_s:.2f} s, more than {MAX_TRANSFER_S:g} s"
    if together or not reason:
        probe.verify()
    return cold_s, reason


def serve(role: Role, connection: Connection, log: str, prepare: Callable[[], None] | None) -> None:
    """Entry point of a task of the coordinator's own: start the server, answer until killed."""
    set_up(log)
    try:
        if prepare is not None:
            prepare()
        methods = TaskMethods(role, start_server(role))
    except Exception as error:
        traceback.print_exc()
        connection.send(("error", f"could not start: {error_line(error)}"))
        return
    connection.send(("ok", os.getpid()))
    answer_calls(connection, methods)


def set_up(log: str) -> None:
    """Make a fork a task: its own log, its own end, no part in the terminal's signals."""
    die_with_parent()
    # Ctrl-C reaches the whole process group; the coordinator decides what becomes of the tasks.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # Where a framework begins without a session of ours, it would take all memory of a GPU as well.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(output, 1)
    os.dup2(output, 2)


def answer_calls(channel: Calls, methods: TaskMethods) -> None:
    """Answer one call after the other until the channel closes."""
    while True:
        try:
            method, arguments = channel.recv()
        except (EOFError, OSError):
            # Not sys.exit: threads of the framework's server would keep the process.
            os._exit(0)
        try:
            answer: tuple[str, Any] = ("ok", getattr(methods, method)(*arguments))
        except Stalled as stalled:
            answer = ("stalled", str(stalled))
        except Exception as error:
            traceback.print_exc()
            sys.stderr.flush()
            answer = ("error", f"failed in '{method}': {error_line(error)}")
        try:
            channel.send(answer)
        except OSError:
            os._exit(0)  # the command was killed meanwhile; as above


def versions(framework: Framework) -> dict[str, str]:
    """What must be the same on every task."""
    return {framework.name: framework.version(), "scale": nworkers.__version__}


def start_server(role: Role) -> str:
    """Start this task's server and return its target; "" where it needs none of ours."""
    target: str = load(RUNTIMES[role.runtime].server)(role)
    return target

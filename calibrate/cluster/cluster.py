"""Cluster: tasks that are called and watched together, and who of them is at fault."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess, SpawnProcess
from pathlib import Path
from typing import Any, NoReturn

from nworkers.models.base.errors import HardwareError

#: Tasks agree on a common start so long ahead.
LEAD_S = 0.02
#: A task that has not answered for this long is taken for hung.
ANSWER_S = 15.0
#: An error waits for so long to be explained by a death.
DEATH_SHOWS_S = 0.5
#: The same of a task elsewhere, which a beat and a connection tell.
GONE_SHOWS_S = 6.0
#: Tasks that wait for one that hangs notice it at about the same time.
STALL_SHOWS_S = 2.0
#: What a task that is in no call answers within, beats of one elsewhere included.
ANSWERS_AT_ONCE_S = 1.0
#: A task that waits for one that failed gives up by itself within this: a collective after 30 s.
GIVES_UP_S = 40.0
CLOCK_TRIPS = 9


@dataclass
class Task:
    """A running task, or the process without a cluster (job ``single``).

    The process of a remote task is the relay that stands for it; ``last_word`` is why it ended.
    """

    name: str
    process: ForkServerProcess | SpawnProcess
    connection: Connection
    log: Path
    host: str
    remote: bool = False
    last_word: str = ""


class TaskFailed(HardwareError):
    """A task answered a call with an error, and lives; ``reason`` is the error's own line."""

    def __init__(self, line: str, reason: str) -> None:
        self.reason = reason
        super().__init__(line)


class Cluster:
    """Tasks that answer calls. A call fails as soon as any task of the cluster has died.

    ``again`` says whether those on other machines are needed once more when this cluster ends.
    """

    def __init__(self, tasks: Sequence[Task], *, again: bool = False) -> None:
        self.again = again
        self._tasks = {task.name: task for task in tasks}
        self._offsets_s: dict[str, tuple[float, float]] = {}

    def names(self, job: str) -> list[str]:
        """Names of the tasks of a job, in order: ``worker0``, ``worker1``, …"""
        return [name for name in self._tasks if name.rstrip("0123456789") == job]

    def remote_names(self) -> list[str]:
        """Names of the tasks that were not started here."""
        return [name for name, task in self._tasks.items() if task.remote]

    def pid(self, name: str) -> int:
        return self._tasks[name].process.pid or 0

    def hosts(self, job: str) -> dict[str, str]:
        """The address of each task's host, without its port."""
        return {name: self._tasks[name].host for name in self.names(job)}

    def start_together(self, names: Sequence[str]) -> dict[str, float]:
        """A moment when all named tasks can start at once, on the clock of each.

        Clocks of hosts differ. The offset is taken from the quickest of some round trips, half of
        which is its error (Cristian, *Distributed Computing* 3, 1989).
        """
        for name in names:
            if self._tasks[name].remote and name not in self._offsets_s:
                self._offsets_s[name] = self._offset(name)
        offsets = {name: self._offsets_s.get(name, (0.0, 0.0)) for name in names}
        moment = time.perf_counter() + LEAD_S + 4 * max(trip for _, trip in offsets.values())
        return {name: moment + offset for name, (offset, _) in offsets.items()}

    def _offset(self, name: str) -> tuple[float, float]:
        """(the task's clock less ours, seconds of the round trip that told so)."""
        trips: list[tuple[float, float]] = []
        for _ in range(CLOCK_TRIPS):
            asked = time.perf_counter()
            (theirs,) = self.call([name], "clock")
            answered = time.perf_counter()
            trips.append((answered - asked, theirs - (asked + answered) / 2))
        trip_s, offset_s = min(trips)
        return offset_s, trip_s

    def call(
        self,
        names: Sequence[str],
        method: str,
        *arguments: Any,
        timeout_s: float = ANSWER_S,
    ) -> list[Any]:
        """Have the named tasks run a method of theirs, all at once, and gather the answers.

        Raises:
            HardwareError: a task died, hung, or answered with an error; it is named, with its log.
        """
        for name in names:
            self._send(name, (method, arguments))
        return self.gather(names, method, timeout_s=timeout_s)

    def call_each(
        self,
        calls: dict[str, tuple[Any, ...]],
        method: str,
        *,
        timeout_s: float = ANSWER_S,
        to_the_end: bool = False,
    ) -> list[Any]:
        """As ``call``, with arguments of its own for each task."""
        for name, arguments in calls.items():
            self._send(name, (method, arguments))
        return self.gather(list(calls), method, timeout_s=timeout_s, to_the_end=to_the_end)

    def _send(self, name: str, message: object) -> None:
        try:
            self._tasks[name].connection.send(message)
        except OSError:
            self._raise_dead()
            raise HardwareError(self._describe(name, "does not listen any more")) from None

    def gather(
        self, names: Sequence[str], method: str, *, timeout_s: float, to_the_end: bool = False
    ) -> list[Any]:
        """Wait for one answer of each named task.

        Args:
            to_the_end: also where one of them answers with an error, so that all can be called
                again afterwards.

        Raises:
            TaskFailed: a task answered with an error.
            HardwareError: a task died or hung.
        """
        answers: dict[str, Any] = {}
        failed: list[TaskFailed] = []
        deadline = time.monotonic() + timeout_s
        sentinels = [task.process.sentinel for task in self._tasks.values()]
        while len(answers) < len(names):
            pending = {self._tasks[name].connection: name for name in names if name not in answers}
            ready = wait([*pending, *sentinels], timeout=max(0.0, deadline - time.monotonic()))
            if not ready:
                late = self._silent(names)[:1] or [next(iter(pending.values()))]
                raise HardwareError(
                    self._describe(late[0], f"gave no answer to '{method}' for {timeout_s:.0f} s")
                )
            for item in ready:
                if isinstance(item, Connection) and item in pending:
                    try:
                        verdict, value = item.recv()
                    except (EOFError, ConnectionError):
                        self._raise_dead(wait_s=5.0)
                        raise HardwareError(
                            self._describe(pending[item], "closed its connection")
                        ) from None
                    if verdict == "stalled":
                        others = [name for name in pending.values() if name != pending[item]]
                        self._raise_stalled(pending[item], value, others)
                    if verdict != "ok":
                        failed.append(self._failed(pending[item], method, verdict, value))
                        if not to_the_end:
                            raise failed[0]
                        deadline = max(deadline, time.monotonic() + GIVES_UP_S)
                    answers[pending[item]] = value
            self._raise_dead()
        if failed:
            raise failed[0]
        return [answers[name] for name in names]

    def _failed(self, name: str, method: str, verdict: str, words: str) -> TaskFailed:
        """What to raise for a task's error.

        Raises:
            HardwareError: a task died, or is gone, as its relay says.
        """
        task = self._tasks[name]
        if verdict == "gone":
            task.last_word = words
            raise HardwareError(self._describe(name, words))
        # A worker whose peer has died may be the first to answer.
        self.require_alive()
        return TaskFailed(
            self._describe(name, words), words.removeprefix(f"failed in '{method}': ")
        )

    def require_alive(self) -> None:
        """Raise HardwareError where a task has died, which may be why another one failed."""
        self._raise_dead(self._death_shows_s())

    def _death_shows_s(self) -> float:
        return GONE_SHOWS_S if self.remote_names() else DEATH_SHOWS_S

    def _raise_stalled(self, name: str, words: str, others: Sequence[str]) -> NoReturn:
        """Raise for a task that waits in vain; who hangs does not even say that.

        Args:
            others: tasks that are in the same call and have not answered yet.
        """
        self._raise_dead(self._death_shows_s())
        silent = [*self._mute(others, STALL_SHOWS_S), *self._silent([name, *others])]
        if silent:
            raise HardwareError(
                self._describe(silent[0], f"does not answer, and {name} waits for it")
            )
        raise HardwareError(self._describe(name, words))

    def _silent(self, busy: Sequence[str]) -> list[str]:
        """Tasks outside of any call that do not answer one: they hang."""
        idle = [name for name in self._tasks if name not in busy]
        for name in idle:
            self._send(name, ("clock", ()))
        return self._mute(idle, ANSWERS_AT_ONCE_S)

    def _mute(self, names: Sequence[str], wait_s: float) -> list[str]:
        """Which of the tasks give no answer within so long."""
        deadline = time.monotonic() + wait_s
        return [
            name
            for name in names
            if not self._tasks[name].connection.poll(max(0.0, deadline - time.monotonic()))
        ]

    def _raise_dead(self, wait_s: float = 0.0) -> None:
        wait([task.process.sentinel for task in self._tasks.values()], timeout=wait_s)
        for task in self._tasks.values():
            code = task.process.exitcode
            if code is not None:
                if task.remote and not task.last_word:
                    task.last_word = _last_word(task.connection)
                words = task.last_word if task.remote else ""
                raise HardwareError(self._describe(task.name, words or _exit_words(code)))

    def _describe(self, name: str, what: str) -> str:
        task = self._tasks[name]
        where = f"{task.host}, its log there" if task.remote else f"its log: {task.log}"
        return f"task {name} {what}; {where}"

    def await_all(self, timeout_s: float) -> None:
        """Wait until every task has come up.

        Raises:
            HardwareError: names every task that did not, each with its reason.
        """
        failed: list[str] = []
        deadline = time.monotonic() + timeout_s
        for task in self._tasks.values():
            if not task.connection.poll(max(0.1, deadline - time.monotonic())):
                failed.append(self._describe(task.name, f"did not start in {timeout_s:.0f} s"))
                continue
            try:
                verdict, words = task.connection.recv()
            except (EOFError, OSError):
                task.process.join(5.0)
                verdict, words = "error", _exit_words(task.process.exitcode or 0)
            if verdict != "ok":
                failed.append(self._describe(task.name, words))
        if failed:
            raise HardwareError("; ".join(failed))

    def close(self, *, again: bool) -> None:
        """End every task; those on other machines then wait for another round, or leave.

        A framework's servers know no clean end, so tasks are killed.
        """
        for task in self._tasks.values():
            if task.remote:
                try:
                    task.connection.send(("end", ("again" if again else "leave",)))
                except OSError:
                    continue  # its relay has ended, and the task notices the silence
            else:
                task.process.kill()
        for task in self._tasks.values():
            task.process.join(5.0)
            task.process.kill()
            task.connection.close()


def _last_word(connection: Connection) -> str:
    """The error that a relay left in its pipe; "" without one."""
    try:
        while connection.poll(0):
            verdict, value = connection.recv()
            if verdict == "gone":
                return str(value)
    except (EOFError, OSError):
        pass
    return ""


def _exit_words(code: int) -> str:
    if code < 0:
        return f"was ended by signal {-code} ({signal.Signals(-code).name})"
    return f"ended with exit status {code}"

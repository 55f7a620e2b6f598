"""Executors: what carries a sweep's tasks out, on this machine or where Dask has workers."""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import re
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nworkers.cli.sweeping.handing_over import SweepPool
from nworkers.models.base.errors import HardwareError, InputError
from nworkers.models.files.input_file import read_bytes
from nworkers.models.files.json_document import parsed

#: A scheduler that does not answer within this is not there.
CONNECT_S = 10.0
#: So long the number of Dask's cores is taken to stay.
CORES_S = 2.0
_ADDRESS = re.compile(r"((tcp|tls|ws|wss|ucx)://)?[^/\s]+:[0-9]{1,5}")
_SCHEDULER = "the address of a Dask scheduler, such as tcp://HOST:8786"
_SCHEDULER_FILE = "a file that a Dask scheduler has written, with its address"


@contextmanager
def on_this_machine(jobs: int) -> Iterator[SweepPool]:
    """So many processes here; one is this process itself."""
    if jobs == 1:
        yield SweepPool(_Here(), "this process", lambda: 1, str)
        return
    others = set(multiprocessing.active_children())
    executor = _Processes(jobs, mp_context=multiprocessing.get_context("spawn"), initializer=_begin)
    try:
        yield SweepPool(executor, "a process of this sweep", lambda: jobs, _died)
        executor.shutdown()
    finally:
        # After an interrupt or a failure nobody waits for what they still do.
        executor.shutdown(wait=False, cancel_futures=True)
        for process in set(multiprocessing.active_children()) - others:
            process.kill()


def _died(error: BaseException) -> str:
    return f"a process of this sweep was ended (short of memory?): {error}"


class _Here(Executor):
    """Carries a task out when it is handed over."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class _Processes(ProcessPoolExecutor):
    """Processes that a Ctrl-C of the terminal does not reach: the command alone decides."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        # A process that is started has the mask from this one, from its very first moment on.
        if not hasattr(signal, "pthread_sigmask"):
            return super().submit(fn, *args, **kwargs)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return super().submit(fn, *args, **kwargs)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin() -> None:
    """What each process does first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.set_threshold(50_000)  # as in `nworkers.cli.app`
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A process that waits for tasks would not see that nobody is left to give any."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def on_dask(address: str) -> Iterator[SweepPool]:
    """The workers of a Dask scheduler.

    Raises:
        InputError: the address is none.
        HardwareError: Dask is not installed here, or no scheduler answers.
    """
    if _ADDRESS.fullmatch(address) is None:
        raise InputError("dask", address or "nothing", _SCHEDULER)
    try:
        from distributed import Client
    except ImportError:
        raise HardwareError(
            "Dask is not installed; install it with: pip install 'nworkers[dask]'"
        ) from None
    # It says in tables and tracebacks what the sweep says in a line.
    for name in ("distributed", "distributed.client", "tornado.application"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            client = Client(address, timeout=CONNECT_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise HardwareError(f"no Dask scheduler answers at {address}: {error}") from None
    name = f"a worker of Dask at {address}"
    # Not pure: Dask would look through all that a task is given, for a task like it.
    executor = client.get_executor(pure=False)
    try:
        yield SweepPool(
            executor, name, _Cores(client), lambda error: f"{name} gave up a task: {_said(error)}"
        )
    finally:
        executor.shutdown(wait=False)
        client.close(timeout=CONNECT_S)


class _Cores:
    """How many threads of Dask's workers there are, asked now and then."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._known = 0
        self._until_s = 0.0

    def __call__(self) -> int:
        if time.monotonic() > self._until_s:
            try:
                self._known = sum(self._client.nthreads().values())
            except OSError:  # it may be back in a moment
                self._known = 0
            self._until_s = time.monotonic() + CORES_S
        return self._known


def _said(error: BaseException) -> str:
    return ": ".join(filter(None, (type(error).__name__, str(error))))


def scheduler_in(file: Path) -> str:
    """The address in a scheduler's file.

    Raises:
        InputError: there is no such file, or no address in it.
    """
    document = parsed(read_bytes(file, _SCHEDULER_FILE), file, _SCHEDULER_FILE)
    address = document.get("address") if isinstance(document, dict) else None
    if not isinstance(address, str):
        raise InputError(f"{file}: address", "nothing", _SCHEDULER_FILE)
    return address

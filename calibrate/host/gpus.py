"""GPUs of this host: what NVIDIA's driver tells of them, and why none can be used.

Nothing here imports a framework: ``nvidia-smi`` comes with the driver and is asked, where it is.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from nworkers.models.base.errors import HardwareError, InputError

HIDING = "CUDA_VISIBLE_DEVICES"
#: A driver that hangs is not waited for.
TIMEOUT_S = 10.0
FIELDS = (
    "index",
    "uuid",
    "name",
    "driver_version",
    "memory.total",
    "memory.used",
    "clocks.max.sm",
    "clocks.sm",
    "power.limit",
)
NAME = FIELDS.index("name")
_ENTRY = re.compile(r"\d+|(GPU|MIG)-.+")


@dataclass(frozen=True)
class Gpu:
    """One GPU as the driver tells of it; None where it does not tell."""

    index: int
    uuid: str
    name: str
    driver: str
    memory_mib: float | None = None
    used_mib: float | None = None
    clock_max_mhz: float | None = None
    clock_mhz: float | None = None
    power_limit_w: float | None = None


@dataclass(frozen=True)
class DriverAnswer:
    """The GPUs of this host; or, in the driver's words, why it tells of none."""

    gpus: tuple[Gpu, ...] = ()
    error: str = ""


def require_gpu() -> None:
    """Raise where no GPU can be used here, and say why.

    Raises:
        InputError: CUDA_VISIBLE_DEVICES hides all GPUs, or names one that is not here.
        HardwareError: there is none, its driver does not work, or TensorFlow is one without CUDA.
    """
    without_cuda = installed("tensorflow-cpu") and not installed("tensorflow")
    visible = os.environ.get(HIDING)
    check_gpu(device_present(), visible, driver_answer(), without_cuda=without_cuda)


def check_gpu(
    present: bool,
    visible: str | None,
    answer: DriverAnswer | None,
    *,
    without_cuda: bool = False,
) -> None:
    """`require_gpu`, of what was read.

    Args:
        present: whether the system has a device file of a GPU.
        visible: CUDA_VISIBLE_DEVICES; None where it is not set.
        answer: the driver's; None where there is no nvidia-smi.
        without_cuda: whether TensorFlow is installed as the package for processors alone.
    """
    if not present:
        raise HardwareError("no NVIDIA GPU on this machine: /dev has no nvidia0")
    if answer is not None and answer.error:
        raise HardwareError(f"the NVIDIA driver does not work: {answer.error}")
    known = answer.gpus if answer else ()
    allowed = f"{_numbers(known)}, or unset" if known else "numbers of GPUs, or unset"
    if visible is not None and not _entries(visible):
        raise InputError(HIDING, f"'{visible}', which hides every GPU", allowed)
    if visible is not None and known and not visible_gpus(known, visible):
        raise InputError(HIDING, f"'{visible}', which is no GPU of this machine", allowed)
    if without_cuda:
        raise HardwareError(
            "TensorFlow is installed without CUDA (tensorflow-cpu), so it uses no GPU: uninstall "
            "it, then pip install 'nworkers[gpu]'"
        )


def device_present(devices: Path = Path("/dev")) -> bool:
    """Whether the system has a device file of a GPU."""
    return any(devices.glob("nvidia[0-9]*"))


def gpu_count(devices: Path = Path("/dev")) -> int:
    """How many GPUs are here and not hidden, by their device files, without asking the driver."""
    here = sum(1 for _ in devices.glob("nvidia[0-9]*"))
    visible = os.environ.get(HIDING)
    return here if visible is None else min(here, len(_entries(visible)))


def check_enough(needed: int, here: int) -> None:
    """Raises: InputError where workers would have to share GPUs that they are not to share."""
    if needed > here:
        raise InputError(
            "workers_per_gpu",
            f"a job that needs {needed} GPUs on one host",
            f"so many workers on each that the {here} of this host are enough",
        )


def _entries(visible: str) -> list[str]:
    """What a CUDA_VISIBLE_DEVICES names: CUDA looks at no more than what precedes a bad entry."""
    entries = (entry.strip() for entry in visible.split(","))
    return list(takewhile(_ENTRY.fullmatch, entries))


def visible_gpus(gpus: Sequence[Gpu], visible: str | None) -> tuple[Gpu, ...]:
    """The GPUs that CUDA_VISIBLE_DEVICES leaves: as in CUDA, up to the first that is not here."""
    if visible is None:
        return tuple(gpus)
    found: list[Gpu] = []
    for asked in _entries(visible):
        # A slice of a GPU (MIG) has a name of its own, which the driver tells nowhere briefly.
        match = [g for g in gpus if _names(asked, g)] or (
            list(gpus[:1]) if asked.startswith("MIG-") else []
        )
        if not match:
            break
        found.append(match[0])
    return tuple(found)


def _names(asked: str, gpu: Gpu) -> bool:
    """CUDA takes a number, or as much of the name as tells it from the others."""
    if asked.isdecimal():
        return int(asked) == gpu.index
    return len(asked) > len("GPU-") and gpu.uuid.startswith(asked)


def _numbers(gpus: Sequence[Gpu]) -> str:
    indices = [gpu.index for gpu in gpus]
    return str(indices[0]) if len(indices) == 1 else f"{min(indices)} to {max(indices)}"


def driver_answer() -> DriverAnswer | None:
    """What nvidia-smi says of the GPUs; None where there is no nvidia-smi."""
    if shutil.which("nvidia-smi") is None:
        return None
    asked = ["nvidia-smi", f"--query-gpu={','.join(FIELDS)}", "--format=csv,noheader,nounits"]
    return read_answer(_said(asked))


def gpus_here() -> tuple[Gpu, ...]:
    """The GPUs that a task sees, as far as the driver tells."""
    answer = driver_answer()
    return visible_gpus(answer.gpus, os.environ.get(HIDING)) if answer else ()


def memory_held() -> str:
    """How much of the first GPU's memory is in use, and by whom, in words."""
    (gpu, *_) = (*gpus_here(), None)
    if gpu is None or gpu.used_mib is None or gpu.memory_mib is None:
        return "what others hold of the GPU's memory is not known"
    used = f"{gpu.used_mib:.0f} of {gpu.memory_mib:.0f} MiB of the GPU's memory are in use"
    users = gpu_users()
    return f"{used}, by {', '.join(map(str, users))}" if users else used


@dataclass(frozen=True)
class GpuUser:
    """A process on a GPU: the last part of its program's path, no arguments; and its memory."""

    pid: int
    name: str
    memory_mib: float | None

    def __str__(self) -> str:
        return self.name if self.memory_mib is None else f"{self.name} ({self.memory_mib:.0f} MiB)"


def gpu_users() -> tuple[GpuUser, ...]:
    """Processes that compute on GPUs of this host, as far as the driver tells; not this one."""
    if shutil.which("nvidia-smi") is None:
        return ()
    fields = "pid,process_name,used_memory"
    asked = ["nvidia-smi", f"--query-compute-apps={fields}", "--format=csv,noheader,nounits"]
    return tuple(user for user in read_users(_said(asked)) if user.pid != os.getpid())


def read_users(said: str) -> tuple[GpuUser, ...]:
    """The answer of ``nvidia-smi --query-compute-apps``; lines of another form are left out."""
    found: list[GpuUser] = []
    for line in said.splitlines():
        pid, _, rest = line.partition(",")
        path, comma, memory = rest.rpartition(",")
        if comma and pid.strip().isdecimal():
            # Some processes have their arguments in their name.
            program = (path.split() or [""])[0].rsplit("/", 1)[-1]
            told = "" if program.startswith("[") else program
            found.append(GpuUser(int(pid), told or "unknown", _number(memory)))
    return tuple(found)


def read_answer(said: str) -> DriverAnswer:
    """The answer of ``nvidia-smi --query-gpu``, with its own words where it names no GPU."""
    gpus = tuple(gpu for line in said.splitlines() if (gpu := read_gpu(line)) is not None)
    if gpus:
        return DriverAnswer(gpus)
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return DriverAnswer(error=lines[0][:200] if lines else "nvidia-smi says nothing")


def read_gpu(line: str) -> Gpu | None:
    """One line of `FIELDS`; None for one that is of no GPU."""
    parts = [part.strip() for part in line.split(",")]
    after = len(FIELDS) - NAME - 1
    if len(parts) < len(FIELDS) or not parts[0].isdecimal():
        return None
    name = ", ".join(parts[NAME : len(parts) - after])
    driver, *numbers = parts[len(parts) - after :]
    memory, used, clock_max, clock, power = map(_number, numbers)
    return Gpu(int(parts[0]), parts[1], name, driver, memory, used, clock_max, clock, power)


def _number(text: str) -> float | None:
    """A number; None for ``[N/A]``, ``[Not Supported]`` and the like."""
    try:
        return float(text)
    except ValueError:
        return None


def _said(command: Sequence[str]) -> str:
    """What a command prints, to either end; a line that says so where it does not end."""
    try:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**os.environ, "LC_ALL": "C"},
        )
    except OSError as error:
        return f"{command[0]} cannot be run: {error.strerror}"
    try:
        return process.communicate(timeout=TIMEOUT_S)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        # One that hangs within the driver does not end even so.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=1.0)
        return f"{command[0]} did not answer within {TIMEOUT_S:g} s"


#: What TensorFlow writes where it finds no GPU, after the place in its source.
_WORDS = re.compile(
    r"^[IWE]\d{4} .*\] (failed call to cuInit.*|Cannot dlopen some GPU libraries.*?\.|"
    r"Could not find cuda drivers.*|.*does not match DSO version.*)$",
    re.MULTILINE,
)
_LOG_BYTES = 2**16


def framework_words(log: Path = Path("/proc/self/fd/2")) -> str:
    """Why TensorFlow sees no GPU in this task, as it wrote last into the task's log; "" if not."""
    try:
        if not log.is_file():
            return ""
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _LOG_BYTES))
            found = _WORDS.findall(file.read().decode(errors="replace"))
    except OSError:
        return ""
    return str(found[-1]) if found else ""


def installed(package: str) -> bool:
    """Whether a package of that name is installed."""
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True

"""Environment: facts about the machine from an allow-list, without names and addresses."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import nworkers
from nworkers.calibrate.host.gpus import Gpu, gpus_here
from nworkers.calibrate.host.processor import usable_cores
from nworkers.models.records.calibration import Environment
from nworkers.models.records.environment_facts import fact_text


def _first_value(path: str, key: str) -> str:
    """The value of the first ``key : value`` line of a /proc file, or ``unknown``."""
    try:
        for line in Path(path).read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == key:
                return value.strip()
    except OSError:
        pass
    return "unknown"


def l2_cache_kib(folder: Path = Path("/sys/devices/system/cpu/cpu0/cache")) -> float | None:
    """Of one core; TensorFlow decides by it whether a product is worth a second thread."""
    try:
        for of in sorted(folder.glob("index*")):
            size = (of / "size").read_text().strip()
            if (of / "level").read_text().strip() == "2" and size.endswith("K"):
                return float(size[:-1])
    except (OSError, ValueError):
        pass
    return None


def congestion_control(
    file: Path = Path("/proc/sys/net/ipv4/tcp_congestion_control"),
) -> str | None:
    """By which TCP decides how much of a link a transfer takes; None where nothing tells."""
    try:
        return file.read_text().strip() or None
    except OSError:
        return None


def _version(package: str) -> str | None:
    """Of an installed package; None where it is not."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _virtual() -> str:
    return "yes" if "hypervisor" in _first_value("/proc/cpuinfo", "flags") else "no"


def _built_with(name: str) -> str | None:
    """Of TensorFlow's build, in a process that has imported it; None without CUDA."""
    tensorflow = sys.modules.get("tensorflow")
    return tensorflow.sysconfig.get_build_info().get(name) if tensorflow else None


def _tf32() -> str:
    """Whether float32 is multiplied in TF32 where a GPU can: TensorFlow does unless forbidden."""
    return "off" if os.environ.get("NVIDIA_TF32_OVERRIDE") == "0" else "on"


#: How each fact of `FACTS` that does not change meanwhile is read; None where there is none.
READERS: dict[str, Callable[[], float | str | None]] = {
    "scale": lambda: nworkers.__version__,
    "python": platform.python_version,
    "system": lambda: f"{platform.system()} {platform.release()}",
    "machine": platform.machine,
    "cpu_model": partial(_first_value, "/proc/cpuinfo", "model name"),
    "cores_usable": usable_cores,
    "cores_present": lambda: os.cpu_count() or 1,
    "l2_cache": l2_cache_kib,
    "congestion_control": congestion_control,
    "memory_total": partial(_first_value, "/proc/meminfo", "MemTotal"),
    "hypervisor": _virtual,
    "tensorflow": partial(_version, "tensorflow"),
    "tensorflow-cpu": partial(_version, "tensorflow-cpu"),
    "cuda": partial(_built_with, "cuda_version"),
    "cudnn": partial(_built_with, "cudnn_version"),
    "numpy": partial(_version, "numpy"),
    "scipy": partial(_version, "scipy"),
    "simpy": partial(_version, "simpy"),
}


def _models(gpus: Sequence[Gpu]) -> str:
    return " and ".join(dict.fromkeys(gpu.name for gpu in gpus))


#: The same of the GPUs that are here and not hidden, one at least; numbers are of the first.
OF_GPUS: dict[str, Callable[[Sequence[Gpu]], float | str | None]] = {
    "gpu": _models,
    "gpus": len,
    "gpu_memory": lambda gpus: gpus[0].memory_mib,
    "gpu_clock_max": lambda gpus: gpus[0].clock_max_mhz,
    "gpu_power_limit": lambda gpus: gpus[0].power_limit_w,
    "gpu_driver": lambda gpus: gpus[0].driver,
    "tf32": lambda _: _tf32(),
}


def environment() -> Environment:
    """What a reader must know to judge the samples."""
    read = {name: reader() for name, reader in READERS.items()}
    gpus = gpus_here()
    if gpus:
        read |= {name: reader(gpus) for name, reader in OF_GPUS.items()}
    facts = {name: fact_text(name, value) for name, value in read.items() if value is not None}
    beside = f", {facts['gpus']} × {facts['gpu']}" if gpus else ""
    return Environment(
        measured_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        hardware=f"{facts['cores_usable']} cores of {facts['cpu_model']}{beside}",
        facts=facts,
    )

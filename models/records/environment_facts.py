"""Environment facts: what a file tells of a machine, each kind with its unit, text and check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

#: What makes two machines one: the same text, the same minor version, nearly the same number.
Check = Literal["", "same", "minor version", "nearly"]


@dataclass(frozen=True)
class Fact:
    """One kind of fact; in a file it is text, as ``text`` makes it of the value that was read.

    Attributes:
        called: how a user is told of it.
        unit: of a number; empty for words.
        check: what of it two runs must share, so that their samples are of one thing.
        contributed: whether a contribution tells it.
        text: the value as a file has it.
    """

    called: str
    unit: str = ""
    check: Check = ""
    contributed: bool = False
    text: Callable[[float], str] = "{:g}".format


#: By their names in a file; those that two runs must share come first.
FACTS: dict[str, Fact] = {
    "cpu_model": Fact("processor", check="same", contributed=True),
    "cores_usable": Fact("cores", "cores", "same", contributed=True),
    "machine": Fact("machine", check="same", contributed=True),
    "gpu": Fact("GPU", check="same", contributed=True),
    "gpus": Fact("GPUs", "GPUs", "same", contributed=True),
    "gpu_memory": Fact("GPU memory", "MiB", "nearly", contributed=True),
    "gpu_clock_max": Fact("GPU clock at most", "MHz", "nearly", contributed=True),
    "gpu_power_limit": Fact("GPU power limit", "W", "nearly", contributed=True),
    "cuda": Fact("CUDA", check="same", contributed=True),
    "cudnn": Fact("cuDNN", check="same", contributed=True),
    "tensorflow": Fact("tensorflow", check="same", contributed=True),
    "tensorflow-cpu": Fact("tensorflow-cpu", check="same", contributed=True),
    "python": Fact("python", check="minor version", contributed=True),
    "memory_total": Fact("memory", "kB", "nearly", contributed=True),
    "scale": Fact("scale", contributed=True),
    "l2_cache": Fact("L2 cache", "KiB", "same"),
    "congestion_control": Fact("TCP congestion control", check="same", contributed=True),
    "system": Fact("system"),
    "gpu_driver": Fact("GPU driver", contributed=True),
    "cores_present": Fact("cores present", "cores", contributed=True),
    "hypervisor": Fact("hypervisor", contributed=True),
    "tf32": Fact("TF32", check="same", contributed=True),
    "numpy": Fact("numpy"),
    "scipy": Fact("scipy"),
    "simpy": Fact("simpy"),
    "load_1min": Fact("load", "processes", text="{:.2f}".format),
    "clock_mhz": Fact("clock", "MHz", text="{:.0f}".format),
    "temperature_c": Fact("temperature", "°C", text="{:.0f}".format),
    "gpu_clock_mhz": Fact("GPU clock", "MHz", text="{:.0f}".format),
    "gpu_memory_used": Fact("GPU memory in use", "MiB", text="{:.0f}".format),
    "gpu_processes": Fact("processes on the GPU"),
    "stolen_share": Fact("steal", "of 1", contributed=True, text="{:.3f}".format),
}


def fact_text(name: str, value: float | str) -> str:
    """A value that was read, as a file has it; words are as they are."""
    return value if isinstance(value, str) else FACTS[name].text(value)


def fact_value(facts: Mapping[str, str], name: str) -> float | None:
    """The number of a fact, in its unit; None where it was not told, or is no number."""
    words = facts.get(name, "").split()
    try:
        return float(words[0]) if words else None
    except ValueError:
        return None

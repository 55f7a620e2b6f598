"""Scope: the choices that decide which cells a calibration has, and their texts in its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from nworkers.calibrate.campaigns.presets import PresetName
from nworkers.models.base.defaults import DEFAULT_BATCH, DEFAULT_WORKLOAD
from nworkers.models.base.errors import InputError

#: Beyond this a matrix or a batch is a slip: the largest product would not fit a machine.
MAX_WIDTH = 2**16
#: Beyond this many tasks on one machine, what is measured is their scheduling.
MAX_LOCAL = 64
#: What workers compute on. Beside a GPU the host's processors are measured too.
ScopeDevice = Literal["cpu", "gpu"]
#: What each number may be, from and to.
RANGES: dict[str, tuple[float, float]] = {
    "features": (1, MAX_WIDTH),
    "hidden": (1, MAX_WIDTH),
    "batch": (1, MAX_WIDTH),
    "threads": (1, 4096),
    "soak_minutes": (0.05, 1440),
}


@dataclass(frozen=True)
class Scope:
    """Choices on record: another run that goes on with the file has to have the same.

    Attributes:
        preset: how finely to look.
        workload: name or file of the workload whose step is measured.
        model: ``module:function`` of a model that is described in its place; empty for none.
        features, hidden: of a matrix product to add, with ``batch``; both or neither.
        batch: what the workload's step is measured around.
        threads: of TensorFlow's pools; None for its default.
        input: ``module:function`` of the input pipeline to be measured; empty for none.
        soak_minutes: for how long a large fetch is repeated at the end; None for not at all.
        ps, workers: numbers of tasks.
        device: whether a GPU is measured beside the processors.
    """

    preset: PresetName = "default"
    workload: str = DEFAULT_WORKLOAD
    model: str = ""
    features: int | None = None
    hidden: int | None = None
    batch: int = DEFAULT_BATCH
    threads: int | None = None
    input: str = ""
    soak_minutes: float | None = None
    ps: int = 1
    workers: int = 2
    device: ScopeDevice = "cpu"

    @property
    def shapes(self) -> tuple[tuple[int, int, int], ...]:
        """The matrix product to add: (features, batch, hidden)."""
        if self.features is None or self.hidden is None:
            return ()
        return ((self.features, self.batch, self.hidden),)


FIELDS = tuple(field.name for field in fields(Scope))


def check_scope(scope: Scope) -> None:
    """Raises: InputError where a number is out of its range, or a product has but one side."""
    for name, (low, high) in RANGES.items():
        value = getattr(scope, name)
        if value is not None and not low <= value <= high:
            raise InputError(name, value, f"a number from {low:g} to {high:g}")
    if (scope.features is None) != (scope.hidden is None):
        missing = "features" if scope.features is None else "hidden"
        raise InputError(missing, "nothing", "both <features> K and <hidden> N, or neither")


def changes(was: Scope, now: Scope) -> list[str]:
    """What is otherwise, by the file's names of it, each as ``<batch> was 32, is 64``."""
    before, after = scope_texts(was), scope_texts(now)
    return [
        f"<{name}> was {before[name] or 'not given'}, is {after[name] or 'not given'}"
        for name in before
        if before[name] != after[name]
    ]


def scope_texts(scope: Scope) -> dict[str, str]:
    """The scope as the file's ``planned.options`` has it: names and texts of the command."""
    return {
        "quick": "yes" if scope.preset == "quick" else "no",
        "workload": scope.workload,
        "model": scope.model,
        "features": _text(scope.features),
        "hidden": _text(scope.hidden),
        "batch": _text(scope.batch),
        "full": "yes" if scope.preset == "full" else "no",
        "threads": _text(scope.threads),
        "input": scope.input,
        "ps": _text(scope.ps),
        "worker": _text(scope.workers),
        "soak": _text(scope.soak_minutes),
        "device": scope.device,
    }


def scope_of(texts: Mapping[str, str]) -> Scope:
    """The scope of a file's ``planned.options``; what an older file lacks has its default.

    Raises:
        InputError: a text is no number, or no device.
    """
    preset: PresetName = "default"
    if texts.get("quick") == "yes":
        preset = "quick"
    elif texts.get("full") == "yes":
        preset = "full"
    found: dict[str, Any] = {
        name: _number(key, texts[key], float if name == "soak_minutes" else int)
        for name, key in _NUMBERS.items()
        if texts.get(key)
    }
    if texts.get("device", "cpu") not in get_args(ScopeDevice):
        raise InputError("planned.options.device", texts["device"], "cpu or gpu")
    for name in ("workload", "model", "input", "device"):
        if texts.get(name):
            found[name] = texts[name]
    scope = Scope(preset=preset, **found)
    check_scope(scope)
    return scope


#: A number of the scope, and the file's name of it.
_NUMBERS = {
    "features": "features",
    "hidden": "hidden",
    "batch": "batch",
    "threads": "threads",
    "soak_minutes": "soak",
    "ps": "ps",
    "workers": "worker",
}


def _number(key: str, text: str, kind: type[int] | type[float]) -> float:
    try:
        return kind(text)
    except ValueError:
        raise InputError(f"planned.options.{key}", text, "a number") from None


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.12g}"

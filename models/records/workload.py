"""Workload: what one training step moves and computes, for prediction and real training alike."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Literal

from nworkers.models.base.allowed import Ge, Gt
from nworkers.models.base.errors import InputError

DType = Literal["float16", "bfloat16", "float32", "float64", "int32", "int64"]
BYTES_PER_ELEMENT: dict[str, int] = {
    "float16": 2,
    "bfloat16": 2,
    "float32": 4,
    "float64": 8,
    "int32": 4,
    "int64": 8,
}
#: No variable of a training job has more elements; a larger one is a slip of the unit.
MAX_ELEMENTS = 2**40
#: The largest networks have two thousand.
MAX_VARIABLES = 10_000
MAX_BATCH = 2**31
#: A step that takes less, or more, is a slip of the unit.
MIN_STEP_S, MAX_STEP_S = 1e-9, 1e6
Optimizer = Literal["sgd", "momentum", "adam"]
#: How often the size of a variable an optimizer keeps beside it.
SLOTS: dict[Optimizer, int] = {"sgd": 0, "momentum": 1, "adam": 2}


@dataclass(frozen=True)
class Variable:
    """A trainable variable: it is fetched once and its gradient pushed once a step."""

    name: str
    shape: tuple[Annotated[int, Gt(0)], ...]
    dtype: DType = "float32"

    @cached_property
    def elements(self) -> int:
        return math.prod(self.shape)

    @cached_property
    def size_bytes(self) -> int:
        return self.elements * BYTES_PER_ELEMENT[self.dtype]


@dataclass(frozen=True)
class StepSeconds:
    """A row of a measured table: the whole training step of one process at one batch.

    ``processor_s`` is the processor time of it over all threads; 0 where it is not known.
    """

    batch: Annotated[int, Gt(0)]
    seconds: Annotated[float, Gt(0)]
    processor_s: Annotated[float, Ge(0)] = 0.0


@dataclass(frozen=True)
class Cost:
    """Compute of a step as the file states it: floor_s + per_sample_s · batch, in seconds.

    Real training of such a workload waits for that long in place of computing, so that it stands
    for an accelerator and many workers fit on few cores.
    """

    floor_s: Annotated[float, Ge(0)]
    per_sample_s: Annotated[float, Ge(0)]


@dataclass(frozen=True)
class Workload:
    """One description of a model, for prediction and for real training.

    ``flops_per_sample`` counts forward and backward; None where nothing is known of the
    arithmetic, and then a cost or a table must be given. ``optimizer`` updates variables.
    ``origin`` says who published the model, and for which input a sample's operations are.
    ``stated_step`` is what a step is said to take, whatever else is known of it.
    """

    name: str
    variables: tuple[Variable, ...]
    flops_per_sample: Annotated[float, Gt(0)] | None = None
    cost: Cost | None = None
    step: tuple[StepSeconds, ...] = ()
    optimizer: Optimizer = "sgd"
    origin: str = ""
    stated_step: tuple[StepSeconds, ...] = ()

    @cached_property
    def parameters(self) -> int:
        return sum(v.elements for v in self.variables)

    @cached_property
    def size_bytes(self) -> int:
        return sum(v.size_bytes for v in self.variables)

    @property
    def tensors(self) -> int:
        return len(self.variables)

    @property
    def precision(self) -> DType:
        """What the model computes in: the type of most of its bytes, float32 if they are whole."""
        moved: dict[DType, int] = {}
        for v in self.variables:
            moved[v.dtype] = moved.get(v.dtype, 0) + v.size_bytes
        floats: dict[DType, int] = {d: n for d, n in moved.items() if "float" in d}
        return max(floats, key=lambda d: floats[d]) if floats else "float32"

    @property
    def widths(self) -> tuple[int, ...]:
        """Layer widths of a built-in workload (``gemm:128,256`` gives (128, 256)); else ()."""
        match = _NAMED.fullmatch(self.name)
        return tuple(int(w) for w in match[2].split(",")) if match else ()

    @property
    def trainable(self) -> bool:
        """Whether it can be trained from this record: by its layers, or by a wait for its cost."""
        return bool(self.widths) or self.cost is not None


@dataclass(frozen=True)
class Form:
    """A way of writing a name that stands for many workloads."""

    written: str
    meaning: str
    example: str


FORMS = (
    Form(
        "gemm:FEATURES,HIDDEN",
        "one matrix product, trained by least squares",
        "gemm:128,256",
    ),
    Form(
        "mlp:INPUT,HIDDEN,…,CLASSES",
        "dense layers with a weight matrix and a bias each",
        "mlp:784,512,10",
    ),
)
#: How ``flops_per_sample`` of named and shipped workloads is counted.
OPERATIONS = (
    "forward and backward, two for each product of convolutions, dense layers and attention"
)
_NAMED = re.compile(r"(gemm|mlp):(\d+(?:,\d+)+)")
_ALLOWED = f"{', '.join(form.written for form in FORMS)}, or a TOML file"


def named_workload(name: str) -> Workload:
    """The workload that a name such as ``gemm:128,256`` or ``mlp:784,512,10`` stands for.

    ``gemm`` is the one matrix product of the report of 2017, trained by least squares. FLOPs: a
    forward product of [b, m]·[m, n] is 2·b·m·n, the weights' gradient as much again, and the
    inputs' gradient as much for every layer but the first.
    """
    match = _NAMED.fullmatch(name)
    if match is None:
        near = get_close_matches(name.split(":")[0], ["gemm", "mlp"], n=1)
        hint = f" (did you mean {near[0]}:…?)" if near else ""
        raise InputError("workload", repr(name), _ALLOWED + hint)
    kind, widths = match[1], [int(w) for w in match[2].split(",")]
    if min(widths) < 1 or math.prod(sorted(widths)[-2:]) > MAX_ELEMENTS:
        raise InputError("workload", repr(name), "widths from 1, at most 2^40 weights in a layer")
    if kind == "gemm" and len(widths) != 2:
        raise InputError("workload", repr(name), "gemm takes two widths: gemm:FEATURES,HIDDEN")
    variables: list[Variable] = []
    flops = 0.0
    for layer, (inputs, outputs) in enumerate(pairwise(widths)):
        variables.append(Variable(f"weights_{layer}", (inputs, outputs)))
        if kind == "mlp":
            variables.append(Variable(f"bias_{layer}", (outputs,)))
        flops += 2.0 * inputs * outputs * (2 if layer == 0 else 3)
    return Workload(name, tuple(variables), flops_per_sample=flops)


def check_workload(workload: Workload) -> Workload:
    """Refuse what no job can train.

    Raises:
        InputError: no variables, an absurd size, or no way to tell the compute time.
    """
    if not workload.variables:
        raise InputError("variables", "none", "at least one [[variables]] table")
    if len(workload.variables) > MAX_VARIABLES:
        raise InputError("variables", len(workload.variables), f"at most {MAX_VARIABLES:,}")
    for k, variable in enumerate(workload.variables):
        if variable.elements > MAX_ELEMENTS:
            raise InputError(
                f"variables[{k}].shape", list(variable.shape), "at most 2^40 elements in all"
            )
    known = workload.cost or workload.step or workload.flops_per_sample
    if not known:
        raise InputError(
            "cost", "none", "one of [cost], [[step]] or flops_per_sample, for the compute time"
        )
    check_steps("step", workload.step)
    return workload


def check_steps(field: str, rows: tuple[StepSeconds, ...]) -> tuple[StepSeconds, ...]:
    """Refuse a table of steps that no device could have taken.

    Raises:
        InputError
    """
    for row in rows:
        if not 1 <= row.batch <= MAX_BATCH:
            raise InputError(field, f"a batch of {row.batch}", f"a batch from 1 to {MAX_BATCH}")
        for seconds, least in ((row.seconds, MIN_STEP_S), (row.processor_s, 0.0)):
            if not least <= seconds <= MAX_STEP_S:
                allowed = f"a time of a step from 1 ns to {MAX_STEP_S:.0e} s"
                raise InputError(field, f"{seconds:g} s", allowed)
    batches = [row.batch for row in rows]
    if batches != sorted(set(batches)):
        raise InputError(field, batches, "batches in ascending order, each once")
    return rows

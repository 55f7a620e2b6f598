"""Workload file: a model without a built-in name, described in TOML; some ship along."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated

from nworkers.models.base.allowed import MinLen
from nworkers.models.base.choices import hint
from nworkers.models.base.errors import InputError
from nworkers.models.files.input_file import is_input
from nworkers.models.files.toml_document import check_keys, read_toml
from nworkers.models.files.validate_json import record_from_json
from nworkers.models.records.workload import (
    Cost,
    StepSeconds,
    Variable,
    Workload,
    check_steps,
    check_workload,
    named_workload,
)

WORKLOADS = Path(__file__).with_name("workloads")
_WANTED = "a TOML file with name, [[variables]] and a cost; see `scale predict <help>`"
_TABLES: dict[str, type[Variable | Cost | StepSeconds]] = {
    "variables": Variable,
    "cost": Cost,
    "step": StepSeconds,
}


def read_workload(name_or_path: str) -> Workload:
    """A workload by its built-in name, by that of a shipped file, or from a file.

    Raises:
        InputError
    """
    if name_or_path in shipped_workloads():
        return _read(WORKLOADS / f"{name_or_path}.toml")
    if not name_or_path:
        raise InputError("workload", "an empty path", "the name of a workload or of a file")
    path = Path(name_or_path)
    if path.suffix != ".toml" and not is_input(name_or_path):
        try:
            return named_workload(name_or_path)
        except InputError as error:
            if ":" in name_or_path:
                raise
            near = hint(name_or_path, shipped_workloads())
            allowed = f"{', '.join(shipped_workloads())}, {error.allowed}{near}"
            raise InputError(error.field, error.got, allowed) from None
    return _read(path)


def shipped_workloads() -> tuple[str, ...]:
    """Names of the models whose variables the package brings along."""
    return tuple(sorted(file.stem for file in WORKLOADS.glob("*.toml")))


def workload_text(workload: Workload) -> str:
    """A workload as its TOML file holds it; what is read from that equals it."""
    lines = [f"name = {json.dumps(workload.name)}"]
    if workload.origin:
        lines.append(f"origin = {json.dumps(workload.origin)}")
    if workload.flops_per_sample is not None:
        lines.append(f"flops_per_sample = {float(workload.flops_per_sample)!r}")
    if workload.optimizer != "sgd":
        lines.append(f"optimizer = {json.dumps(workload.optimizer)}")
    for variable in workload.variables:
        lines += [
            "",
            "[[variables]]",
            f"name = {json.dumps(variable.name)}",
            f"shape = {list(variable.shape)}",
            f"dtype = {json.dumps(variable.dtype)}",
        ]
    if workload.cost is not None:
        cost = workload.cost
        lines += ["", "[cost]", f"floor_s = {float(cost.floor_s)!r}"]
        lines.append(f"per_sample_s = {float(cost.per_sample_s)!r}")
    for row in workload.step:
        lines += ["", "[[step]]", f"batch = {row.batch}", f"seconds = {float(row.seconds)!r}"]
        if row.processor_s:
            lines.append(f"processor_s = {float(row.processor_s)!r}")
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class StepTable:
    """A file of steps alone, for a workload that is named elsewhere."""

    step: Annotated[tuple[StepSeconds, ...], MinLen(1)]


def read_steps(path: Path) -> tuple[StepSeconds, ...]:
    """The ``[[step]]`` tables of a file that has nothing else.

    Raises:
        InputError
    """
    document = read_toml(path, "a TOML file with [[step]] alone: batch and seconds of each")
    check_keys(document, ["step"], f"{path}: ")
    _check_keys(document, path)
    table = record_from_json(StepTable, json.dumps(document, default=str), path)
    return check_steps(f"{path}: step", table.step)


def _read(path: Path) -> Workload:
    document = read_toml(path, _WANTED)
    _check_keys(document, path)
    workload = record_from_json(Workload, json.dumps(document, default=str), path)
    if workload.widths or not workload.name.strip():
        # A measured step is looked up by name, so that a file must not pass for a built-in model.
        raise InputError(
            f"{path}: name", repr(workload.name), "a name of its own, unlike gemm:… and mlp:…"
        )
    sources = {
        "[cost]": workload.cost,
        "[[step]]": workload.step,
        "flops_per_sample": workload.flops_per_sample,
    }
    given = [name for name, value in sources.items() if value]
    if len(given) > 1:
        raise InputError(
            str(path), f"{' and '.join(given)}", "one of them, for the compute time: keep one"
        )
    try:
        return check_workload(workload)
    except InputError as error:
        raise InputError(f"{path}: {error.field}", error.got, error.allowed) from None


def _check_keys(document: dict[str, object], path: Path) -> None:
    """Refuse unknown keys: in a file written by hand they are slips, and would be left out unseen.

    Raises:
        InputError
    """
    _check_table(document, Workload, f"{path}: ")
    for key, record in _TABLES.items():
        tables = document.get(key, [])
        if isinstance(tables, dict):
            _check_table(tables, record, f"{path}: {key}.")
        elif isinstance(tables, list):
            for k, table in enumerate(tables):
                if isinstance(table, dict):
                    _check_table(table, record, f"{path}: {key}[{k}].")


def _check_table(table: dict[str, object], record: type[object], prefix: str) -> None:
    names = [entry.name for entry in fields(record)]  # type: ignore[arg-type]
    # What is stated beside a file is no part of it.
    check_keys(table, [name for name in names if name != "stated_step"], prefix)

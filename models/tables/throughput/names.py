"""Names: which workload each model of a scaling table is."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from nworkers.models.base.errors import InputError
from nworkers.models.files.workload_toml import read_workload, shipped_workloads
from nworkers.models.records.workload import Workload
from nworkers.models.tables.formats.csv_throughput import ScalingRow, plain, renamed


def unknown_models(rows: Sequence[ScalingRow]) -> tuple[str, ...]:
    """Models that no shipped workload is."""
    shipped = {plain(name) for name in shipped_workloads()}
    return tuple(dict.fromkeys(row.model for row in rows if plain(row.model) not in shipped))


def workloads_of(
    rows: Sequence[ScalingRow], given: Workload | None, source: str
) -> tuple[tuple[ScalingRow, ...], dict[str, Workload]]:
    """The rows under their workloads' names, and the workloads by name.

    A model is the shipped workload of its name, whatever case and punctuation it is spelt with;
    ``given`` is the model of its own name, or the one that does not ship.

    Raises:
        InputError: nothing is known of a model's variables.
    """
    shipped = {plain(name): name for name in shipped_workloads()}
    models = tuple(dict.fromkeys(row.model for row in rows))
    found: dict[str, Workload] = {}
    if given is not None:
        named = [model for model in models if plain(model) == plain(given.name)]
        unknown = [model for model in models if plain(model) not in shipped]
        if not named and len(unknown) != 1:
            got = f"{given.name}, with models {', '.join(models)}"
            allowed = (
                "variables of one model that does not ship; several go one table at a time"
                if unknown
                else "no <workload>, since the variables of all models ship"
            )
            raise InputError("workload", got, allowed)
        found = dict.fromkeys(named or unknown, given)
    for model in models:
        if model in found:
            continue
        name = shipped.get(plain(model))
        if name is None:
            near = get_close_matches(plain(model), shipped, n=1)
            hint = f" (did you mean {shipped[near[0]]}?)" if near else ""
            raise InputError(
                f"{source}: model",
                model[:60],
                f"{', '.join(shipped.values())}, or <workload> with its variables{hint}",
            )
        found[model] = read_workload(name)
    names = {model: workload.name for model, workload in found.items()}
    return renamed(rows, names), {workload.name: workload for workload in found.values()}

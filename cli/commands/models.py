"""The command ``scale models``."""

from __future__ import annotations

from nworkers.cli.asked.options import Json


def models(json: Json = False) -> None:
    from nworkers.cli.shown import console
    from nworkers.models.files.workload_toml import read_workload, shipped_workloads

    shipped = [read_workload(name) for name in shipped_workloads()]
    if json:
        from nworkers.cli.shown import json_view, models_json

        json_view.emit(models_json.models(shipped))
    else:
        from nworkers.cli.shown import models_text

        console.show(models_text.models(shipped))

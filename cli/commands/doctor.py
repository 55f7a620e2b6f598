"""The command ``scale doctor``."""

from __future__ import annotations

import typer

from nworkers.cli.asked.options import Json

#: A check that did not hold.
NOT_HELD = 1


def doctor(json: Json = False) -> None:
    from pathlib import Path

    from nworkers.calibrate.campaigns.examination import examine
    from nworkers.cli.shown import console, doctor_text

    found = examine(Path())
    if json:
        from nworkers.cli.shown import doctor_json, json_view

        json_view.emit(doctor_json.document(found))
    else:
        console.show(doctor_text.report(found))
    if not found.can_calibrate:
        raise typer.Exit(NOT_HELD)

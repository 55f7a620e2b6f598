"""``scale fit`` of a table that another tool measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nworkers.cli.asked.options import option_of
from nworkers.cli.shown import console, import_text, json_view, table_json
from nworkers.models.base.defaults import DEFAULT_PROFILE
from nworkers.models.files.atomic_write import check_output
from nworkers.models.files.store import find_profile, write_record
from nworkers.models.tables.components.import_answer import import_answer


def fit(
    files: Sequence[Path],
    output: Path | None,
    base: str | None,
    workers: int | None,
    series: str | None,
    *,
    force: bool,
    as_json: bool,
) -> None:
    """Put what the tables determine into the base, and show both.

    Raises:
        InputError
    """
    if output is not None:
        check_output(output, force=force)
    profile, _ = find_profile("base", base or DEFAULT_PROFILE)
    answer = import_answer(files, profile, workers, series)
    if output is not None:
        write_record(output, answer.fit.profile, force=force)
        console.note(f"wrote {output}")
    if as_json:
        json_view.emit(table_json.imported(answer, option_of))
    else:
        console.show(import_text.imported(answer, output, option_of))

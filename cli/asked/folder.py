"""Folder: what of scale's own files is where the user is, by the first bytes of each."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

#: A folder may hold anything; of so many files the first bytes are read, the latest first.
MOST_FILES = 200
HEAD_BYTES = 400
_KIND = re.compile(rb'"kind":\s*"(calibration|profile)"')
JOURNAL = ".journal"


@dataclass(frozen=True)
class FolderContents:
    """Names of files, the latest first.

    Attributes:
        hardware: calibrations and profiles.
        unfinished: outputs of calibrations of which only the journal is there.
    """

    hardware: tuple[str, ...] = ()
    unfinished: tuple[str, ...] = ()


def found_in(folder: Path) -> FolderContents:
    """What is there; a folder that cannot be read has nothing."""
    ages: list[tuple[float, Path]] = []
    with suppress(OSError):
        for path in folder.iterdir():
            if path.suffix in (".json", JOURNAL):
                with suppress(OSError):
                    ages.append((path.stat().st_mtime, path))
    latest = [path for _, path in sorted(ages, reverse=True)[:MOST_FILES]]
    names = {path.name for path in latest}
    begun = (path.name.removesuffix(JOURNAL) for path in latest if path.suffix == JOURNAL)
    return FolderContents(
        hardware=tuple(path.name for path in latest if path.suffix == ".json" and _is_ours(path)),
        unfinished=tuple(name for name in begun if name not in names),
    )


def _is_ours(path: Path) -> bool:
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return _KIND.search(file.read(HEAD_BYTES)) is not None
    except OSError:
        return False

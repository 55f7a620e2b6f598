"""Sweeps: files that state small ones, and the rows that they leave."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nworkers.models.files.json_lines import read_rows

#: Twelve scenarios, of which two cannot be: one worker has nobody to reduce with.
SMALL = """
calibration = "network.json"
strategy = ["ps-async", "allreduce"]
batch = [8, 16]
workers = [1, 2, 3]
"""


def stated(folder: Path, text: str = SMALL) -> Path:
    path = folder / "sweep.toml"
    path.write_text(text)
    return path


def by_key(*paths: Path) -> dict[str, dict[str, Any]]:
    """Every row, of which none may be there twice."""
    found: dict[str, dict[str, Any]] = {}
    for path in paths:
        for row in read_rows(path):
            assert row["key"] not in found
            found[row["key"]] = row
    return found

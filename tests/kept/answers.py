"""Kept answers: what a command printed when it was recorded, and how far it has moved since."""

from __future__ import annotations

import contextlib
import io
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nworkers.cli import app
from tests.kept.commands import ROOT, arguments

FOLDER = Path(__file__).with_name("answers")
#: Numbers are kept to this share of themselves; integers and texts exactly.
TOLERANCE = 1e-6


def file_of(name: str) -> Path:
    return FOLDER / f"{name.replace(' ', '-')}.json"


def answer(name: str) -> dict[str, Any]:
    """Exit code, what is on stdout as JSON, and the notes on stderr."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = app.run(arguments(name))
    # Paths of this machine are no part of an answer, and neither is progress, which takes time.
    lines = err.getvalue().replace(f"{ROOT}/", "").splitlines()
    notes = [line for line in lines if line.startswith(("note: ", "scale: "))]
    text = out.getvalue().replace(f"{ROOT}/", "")
    found = json.loads(text) if text else None
    if name.startswith("doctor "):
        # All else is this machine's.
        code, found = 0, _looked_at(found)
    return {"code": code, "notes": notes, "answer": found}


def _looked_at(examined: Any) -> dict[str, Any]:
    """What the doctor looks at, as if all of it was good."""
    findings = [
        {"what": one["what"], "state": "", "health": "good", "next": None}
        for one in examined["findings"]
    ]
    return {"can_calibrate": True, "quick_s": None, "default_s": None, "findings": findings}


def recorded(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file_of(name).read_text())
    return found


def record(name: str, found: dict[str, Any]) -> None:
    FOLDER.mkdir(exist_ok=True)
    file_of(name).write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


def moved(kept: Any, now: Any, where: str = "") -> Iterator[tuple[str, float]]:
    """Where an answer differs from the kept one, and by what share; infinite if not a number's.

    Names that are new in an object are no difference: they are added over time.
    """
    if isinstance(kept, dict) and isinstance(now, dict):
        for key, value in kept.items():
            if key in now:
                yield from moved(value, now[key], f"{where}.{key}")
            else:
                yield f"{where}.{key}", math.inf
    elif isinstance(kept, list) and isinstance(now, list) and len(kept) == len(now):
        for place, (one, other) in enumerate(zip(kept, now, strict=True)):
            yield from moved(one, other, f"{where}[{place}]")
    elif isinstance(kept, float) and isinstance(now, float):
        share = abs(now - kept) / max(abs(kept), abs(now)) if now != kept else 0.0
        if share > TOLERANCE:
            yield where, share
    elif kept != now or type(kept) is not type(now):
        yield where, math.inf

"""docs/calibration.md and its data: every part replaces its own section of both."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "calibration.md"
DATA = ROOT / "docs" / "data" / "calibration.json"
END = "<!-- end -->"

INTRODUCTION = """# How good a calibration is

The figures of this page are measured by `make calibration`, as root, on a quiet machine; each
table stands between markers that the command writes, and its raw data is in
[data/calibration.json](data/calibration.json).
"""


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def publish(part: str, title: str, text: str, data: dict[str, Any]) -> None:
    """Replace a part's section, or add it, and its data."""
    page = PAGE.read_text() if PAGE.exists() else INTRODUCTION
    PAGE.write_text(with_section(page, part, title, text))
    DATA.parent.mkdir(parents=True, exist_ok=True)
    kept = json.loads(DATA.read_text()) if DATA.exists() else {}
    DATA.write_text(json.dumps(kept | {part: data}, indent=1) + "\n")


def with_section(page: str, part: str, title: str, text: str) -> str:
    """The page with what stands between a part's markers replaced; a new part goes to its end."""
    begin = f"<!-- figures: {part} -->"
    section = f"{begin}\n\n{text.strip()}\n\n{END}"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(END)}", re.DOTALL)
    if pattern.search(page):
        return pattern.sub(lambda _: section, page, count=1)
    return f"{page.rstrip()}\n\n## {title}\n\n{section}\n"

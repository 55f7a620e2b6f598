"""Pages of docs/ that commands write: every part replaces its own section, and its figures."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
END = "<!-- end -->"


@dataclass(frozen=True)
class Page:
    """``docs/NAME.md`` and ``benchmarks/data/NAME.json``; ``introduction`` begins a new page."""

    name: str
    introduction: str

    def publish(self, part: str, title: str, text: str, data: dict[str, Any]) -> None:
        """Replace a part's section, or add it, and its figures."""
        self.write(part, title, text)
        raw = ROOT / "benchmarks" / "data" / f"{self.name}.json"
        raw.parent.mkdir(parents=True, exist_ok=True)
        kept = json.loads(raw.read_text()) if raw.exists() else {}
        raw.write_text(json.dumps(kept | {part: data}, indent=1) + "\n")

    def write(self, part: str, title: str, text: str) -> None:
        """Replace a part's section, or add it; its figures lie elsewhere."""
        page = ROOT / "docs" / f"{self.name}.md"
        before = page.read_text() if page.exists() else self.introduction
        page.write_text(with_section(before, part, title, text))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def with_section(page: str, part: str, title: str, text: str) -> str:
    """The page with what stands between a part's markers replaced; a new part goes to its end."""
    begin = f"<!-- figures: {part} -->"
    section = f"{begin}\n\n{text.strip()}\n\n{END}"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(END)}", re.DOTALL)
    if pattern.search(page):
        return pattern.sub(lambda _: section, page, count=1)
    return f"{page.rstrip()}\n\n## {title}\n\n{section}\n"

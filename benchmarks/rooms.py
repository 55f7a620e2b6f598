"""Rooms: the tables of docs/modules.md, from each module's first line of documentation.

python -m benchmarks.rooms
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from benchmarks.page import ROOT, table, with_section

PAGE = ROOT / "docs" / "modules.md"
FOLDERS = ("models", "simulator", "calibrate", "cli")


def modules(folder: str) -> Iterator[tuple[str, str]]:
    """Each module's path, and what it says of itself."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        said = ast.get_docstring(ast.parse(path.read_text()))
        if path.name != "__init__.py":
            yield str(path.relative_to(ROOT)), first_sentence(said or "")


def first_sentence(text: str) -> str:
    """Up to the end of the first sentence or paragraph, on one line."""
    paragraph = " ".join(text.partition("\n\n")[0].split())
    return paragraph.partition(". ")[0].rstrip(".:").replace("|", "\\|").replace("``", "`")


def with_tables(page: str) -> str:
    """The page with the table of each folder made anew."""
    for folder in FOLDERS:
        rows = [[f"`{path}`", said] for path, said in modules(folder)]
        page = with_section(page, folder, f"`{folder}/`", table(["module", "what it is"], rows))
    return page


def main(page: Path = PAGE) -> None:
    page.write_text(with_tables(page.read_text()))


if __name__ == "__main__":
    main()

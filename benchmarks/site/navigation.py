"""Navigation: the groups of docs/index.md, which is a plain page, as trees that Sphinx reads.

A group is a section whose list has a link to each of its pages. The link's text is the page's name
in the navigation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

#: Where a group ends that also has pages which are made from the code.
REFERENCE = "Reference"
_LINK = re.compile(r"^- \[([^\]]+)\]\(([\w./-]+)\.md\)", re.MULTILINE)


def groups(index: str) -> dict[str, list[tuple[str, str]]]:
    """Each group's pages, by name and by path without its suffix."""
    _, *sections = re.split(r"^## ", index, flags=re.MULTILINE)
    found = {section.partition("\n")[0]: _LINK.findall(section) for section in sections}
    return {title: pages for title, pages in found.items() if pages}


def with_trees(index: str, made: Mapping[str, tuple[str, str]]) -> str:
    """The index as Sphinx reads it; ``made`` are the pages from the code.

    Each has its name, and what it is, by its path.
    """
    lines = "\n".join(f"- [{name}]({path}.md): {said}." for path, (name, said) in made.items())
    head, *sections = re.split(r"^(?=## )", index, flags=re.MULTILINE)
    shown = "".join(
        f"{section.rstrip()}\n{lines}\n\n" if section.startswith(f"## {REFERENCE}\n") else section
        for section in sections
    )
    trees = "\n".join(_tree(title, pages) for title, pages in groups(shown).items())
    return f"{head}{shown.rstrip()}\n\n{trees}"


def _tree(title: str, pages: list[tuple[str, str]]) -> str:
    entries = "\n".join(f"{name} <{path}>" for name, path in pages)
    return f"```{{toctree}}\n:hidden:\n:caption: {title}\n\n{entries}\n```\n"

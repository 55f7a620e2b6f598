"""Markdown: text of the code's own, such that none of it is taken for markup."""

from __future__ import annotations

import re


def escaped(text: str) -> str:
    """The text, with a backslash before whatever has a meaning in Markdown."""
    return re.sub(r"([\\`*_{}\[\]<>#|$~])", r"\\\1", text)


def fence(text: str) -> str:
    """The text as it is, in lines of its own."""
    return f"```text\n{text}\n```"


def code(text: str) -> str:
    """The text as code within a table's cell."""
    return f"`{text}`".replace("|", "\\|")

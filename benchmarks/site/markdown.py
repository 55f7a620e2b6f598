"""Markdown: text of the code's own, such that none of it is taken for markup."""

from __future__ import annotations

import re


def escaped(text: str) -> str:
    """The text, with a backslash before whatever has a meaning in Markdown."""
    return re.sub(r"([\\`*_{}\[\]<>#|$~])", r"\\\1", text)


def described(docstring: str) -> str:
    """A docstring's text: its paragraphs as they are, its double backticks as code."""
    parts = re.split(r"``(.*?)``", docstring)
    return "".join(code(one) if at % 2 else escaped(one) for at, one in enumerate(parts))


def fence(text: str) -> str:
    """The text as it is, in lines of its own."""
    return f"```text\n{text}\n```"


def shell(command: str) -> str:
    """A command as a page shows it, whole on any screen."""
    return f"```console\n$ {command}\n```"


def code(text: str) -> str:
    """The text as code within a table's cell."""
    return f"`{text}`".replace("|", "\\|")

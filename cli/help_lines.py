"""Help lines: what ``--help`` prints, no wider than a terminal from 40 columns on."""

from __future__ import annotations

import re
import shutil
from typing import Any

from typer.core import TyperCommand

#: As all else that is printed (`shown.terminal`), which no module on this floor may import.
NARROWEST = 40
#: Longer lines are read badly.
WIDEST = 80
#: Below this a column of options leaves too little beside it.
BESIDE = 72
#: No line is broken at it.
_UNBROKEN = "\N{NON-BREAKING HYPHEN}"
#: typer has click's classes under one name or another, by its version.
_Context: Any = TyperCommand.context_class


class _HelpLines(_Context.formatter_class):  # type: ignore[misc]
    def __init__(self, *_: Any, **__: Any) -> None:
        columns = min(shutil.get_terminal_size().columns, WIDEST)
        # click leaves two columns free, and writes for 50 at the least.
        super().__init__(width=max(columns, NARROWEST + 2) - 2)

    @property
    def _narrow(self) -> bool:
        return bool(self.width + 2 < BESIDE)

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """In one paragraph on a narrow terminal: in two columns there is no room for the second."""
        # They put braces around an argument, too.
        args = re.sub(r"\{([^{}|]+)\}(?:\.{3})?", r"\1", args)
        if self._narrow:
            self.write_text(f"{prefix or 'Usage: '}{prog} {args}")
        else:
            super().write_usage(prog, args, prefix)

    def write_text(self, text: str) -> None:
        """Names and paths are not broken at their hyphens, so that they can be copied."""
        super().write_text(_unbroken(text))

    def getvalue(self) -> str:
        return str(super().getvalue()).replace(_UNBROKEN, "-")

    def write_dl(self, rows: Any, *layout: Any, **more: Any) -> None:
        """Options beside what is said of them; below each other on a narrow terminal."""
        # Some versions of typer say of which class an argument becomes.
        rows = [(re.sub(r" <[\w\[\]]+>$", "", name), _unbroken(said)) for name, said in rows]
        if not self._narrow:
            super().write_dl(rows, *layout, **more)
            return
        for name, said in rows:
            self.write(f"{'':>{self.current_indent}}{name}\n")
            self.indent()
            self.indent()
            self.write_text(said)
            self.dedent()
            self.dedent()


def _unbroken(text: str) -> str:
    return re.sub(r"(?<=\w)-(?=\w)", _UNBROKEN, text)


class HelpContext(_Context):  # type: ignore[misc]
    """A command's call, whose help is written by `_HelpLines`."""

    formatter_class = _HelpLines

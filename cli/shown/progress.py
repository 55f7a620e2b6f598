"""Progress line: how far long work is, on stderr; a bar for people, rare lines for a log."""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from nworkers.cli import interrupt, loudness
from nworkers.cli.shown.format import clock
from nworkers.cli.shown.visible import one_line

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from nworkers.calibrate.campaigns.campaign import CampaignProgress

#: Work that ends before this shows nothing.
QUIET_S = 2.0
#: A log gets a line so often, and ever more rarely: when so much longer was worked.
LINE_EVERY_S = 15.0
LINE_SHARE = 0.25
#: Of what is known when an interrupt comes, so much is told.
MOST_KNOWN = 8
#: To a terminal: begin the line anew, without the bar, and show the cursor that the bar hides.
SHOW_CURSOR = "\r\x1b[2K\x1b[?25h"


class ProgressLine:
    """Shows what it is told by `update`, once the work has lasted a while."""

    def __init__(self, title: str, *, quiet_s: float = QUIET_S) -> None:
        self._title = title
        self._bar: Bar | None = None
        self._task: TaskID | None = None
        self._known: list[str] = []
        self._began_s = time.monotonic()
        self._next_s = self._began_s + quiet_s

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        interrupt.say_first("")

    def know(self, text: str, *, alone: bool = False) -> None:
        """What an interrupt tells of the answer so far; the last few of them, or this alone."""
        self._known = [text] if alone else [*self._known, text][-MOST_KNOWN:]
        self._say_first()

    def _say_first(self) -> None:
        known = f"so far: {'; '.join(self._known)}\n" if self._known else ""
        interrupt.say_first((SHOW_CURSOR if self._bar else "") + known)

    def tell(self, told: CampaignProgress) -> None:
        """`update`, for those who tell all of it in one value."""
        self.update(told.done, told.total, told.cell, told.left_s)

    def update(self, done: int, total: int, current: str = "", left_s: float | None = None) -> None:
        """Tell how much is done, what runs now, and how long the rest takes.

        Where the last is not known, it takes as long as what is done did.
        """
        if left_s is None and done:
            left_s = (time.monotonic() - self._began_s) / done * (total - done)
        if loudness.is_quiet() or time.monotonic() < self._next_s:
            return
        left = "" if left_s is None else f"{clock(left_s)} left"
        if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
            now_s = time.monotonic()
            self._next_s = now_s + max(LINE_EVERY_S, LINE_SHARE * (now_s - self._began_s))
            parts = (f"{self._title}: {done} of {total}", current, left)
            print(one_line(", ".join(p for p in parts if p)), file=sys.stderr, flush=True)
            return
        if self._bar is None:
            self._bar = _bar()
            self._say_first()
            self._bar.start()
            self._task = self._bar.add_task(self._title, total=total, left="")
        if self._task is not None:
            self._bar.update(
                self._task,
                completed=done,
                total=total,
                description=one_line(f"{self._title} {current}".rstrip()),
                left=left,
            )


def _bar() -> Bar:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as RichProgress

    return RichProgress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[left]}"),
        console=Console(stderr=True),
        transient=True,
    )

"""Progress line: how far long work is, on stderr; a bar for people, rare lines for a log."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from nworkers.cli.shown.format import clock

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from nworkers.calibrate.campaigns.campaign import CampaignProgress

#: Work that ends before this shows nothing.
QUIET_S = 2.0
LINE_EVERY_S = 15.0


class ProgressLine:
    """Shows what it is told by `update`, once the work has lasted a while."""

    def __init__(self, title: str, *, quiet_s: float = QUIET_S) -> None:
        self._title = title
        self._bar: Bar | None = None
        self._task: TaskID | None = None
        self._next_s = time.monotonic() + quiet_s

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

    def tell(self, told: CampaignProgress) -> None:
        """`update`, for those who tell all of it in one value."""
        self.update(told.done, told.total, told.cell, told.left_s)

    def update(self, done: int, total: int, current: str = "", left_s: float | None = None) -> None:
        """Tell how much is done, what runs now and, where it is known, how long the rest takes."""
        if time.monotonic() < self._next_s:
            return
        left = "" if left_s is None else f"{clock(left_s)} left"
        if not sys.stderr.isatty():
            self._next_s = time.monotonic() + LINE_EVERY_S
            parts = (f"{self._title}: {done} of {total}", current, left)
            print(", ".join(p for p in parts if p), file=sys.stderr, flush=True)
            return
        if self._bar is None:
            self._bar = _bar()
            self._bar.start()
            self._task = self._bar.add_task(self._title, total=total, left="")
        if self._task is not None:
            self._bar.update(
                self._task,
                completed=done,
                total=total,
                description=f"{self._title} {current}".rstrip(),
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

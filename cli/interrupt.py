"""Interrupt: what SIGINT and SIGTERM do to a command, at each of its moments.

A command that only asks and draws ends at once: an exception that falls into an import, a callback
or the end of the interpreter is lost there, or shown. A command with tasks and samples calls
`tidy_first`. From then on both raise KeyboardInterrupt, so that tasks are ended and samples kept.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress

# For checkers alone: importing typing takes as long as all else until signals are watched.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

INTERRUPTED = 130
WORD = "interrupted"
SIGNALS = (signal.SIGINT, signal.SIGTERM)
#: A KeyboardInterrupt that was lost is raised again after this time.
AGAIN_S = 0.05


class _State:
    """Of this process, as its signals are."""

    watching = False
    came = False
    #: What a terminal must get before all else, such as its cursor back.
    first = b""


def watch() -> None:
    """From now on, end at once. What this process was started to ignore, it goes on ignoring."""
    _State.watching = True
    _handle(_end)


def tidy_first() -> None:
    """From now on, raise KeyboardInterrupt."""
    if _State.watching:
        sys.unraisablehook = _lost
        _handle(_raise)


def ignore() -> None:
    """From now on, take no notice."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def came() -> bool:
    """Whether a KeyboardInterrupt was raised, wherever it went."""
    return _State.came


def say_first(text: str) -> None:
    """What an end at once writes to stderr before anything else; "" for nothing."""
    _State.first = text.encode()


def _handle(handler: object) -> None:
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)  # type: ignore[arg-type]


def _end(_number: int, _frame: FrameType | None) -> None:
    # Not through sys.stderr, which may be in the middle of a line.
    with suppress(OSError):
        os.write(2, _State.first + f"scale: error: {WORD}\n".encode())
    os._exit(INTERRUPTED)


def _raise(_number: int, _frame: FrameType | None) -> None:
    _State.came = True
    raise KeyboardInterrupt


def _lost(found: sys.UnraisableHookArgs) -> None:
    """An exception that nobody could catch: as always, but for an interrupt, which comes again."""
    if found.exc_type is not KeyboardInterrupt:
        sys.__unraisablehook__(found)
        return
    import threading

    again = threading.Timer(AGAIN_S, signal.raise_signal, (signal.SIGINT,))
    again.daemon = True
    again.start()

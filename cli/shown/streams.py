"""Streams: stdout and stderr that take any text, whatever becomes of those who read them."""

from __future__ import annotations

import codecs
import errno
import io
import os
import select
import sys

#: A character that an encoding has, for one that it may lack.
PLAIN = {
    "×": "x", "·": ".", "…": "...", "–": "-", "—": "-", "−": "-", "µ": "u", "μ": "u", "±": "+/-",
    "√": "sqrt", "≤": "<=", "≥": ">=", "≈": "~", "→": "->", "½": "1/2", "°": " deg", "‖": "||",
    "⌈": "ceil(", "⌉": ")", "⌊": "floor(", "⌋": ")", "₂": "2", "²": "2", "α": "alpha", "β": "beta",
    "θ": "theta", "κ": "kappa", "λ": "lambda", "π": "pi", "ρ": "rho", "σ": "sigma", "Σ": "sum",
    "Φ": "Phi", "█": "#", "─": "-", "━": "-", "╸": "-", "╺": "-",
    "‘": "'", "’": "'", "“": '"', "”": '"', "\u00a0": " ", "\u202f": " ",
}  # fmt: skip
#: Names under which `codecs` knows what to do about a character that an encoding lacks.
PLAINLY, IN_JSON = "scale-plain", "scale-json"


def open_all() -> None:
    """Have all text of this process go through streams that never raise."""
    _take_descriptors()
    sys.stdout = Stream(sys.stdout)
    sys.stderr = Stream(sys.stderr, lines=True)


def unwritten() -> str:
    """Why a part of the answer could not be written; "" if it was, or if its reader had enough."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    problem = sys.stdout.problem if isinstance(sys.stdout, Stream) else None
    if problem is None or problem.errno == errno.EPIPE:
        return ""
    why = "it is closed" if problem.errno == errno.EBADF else problem.strerror
    return f"stdout: cannot be written ({why}); allowed: a file with room, a pipe or a terminal"


class Stream(io.TextIOBase):
    """Text to where a stream of Python's goes.

    After the first ``problem`` it takes what comes and drops it. So an answer that nobody can read
    keeps no command from its files, and is told of at its end. There is no ``buffer`` beneath, to
    which others could write in an encoding of their own.
    """

    def __init__(self, own: object, *, lines: bool = False) -> None:
        self.problem: OSError | None = None
        self._own = own if isinstance(own, io.TextIOWrapper) else None  # None where it is closed
        # Not the buffer, which keeps what was refused for another try; `python -u` has none.
        self._raw: io.RawIOBase | None = None
        if self._own is not None:
            self._raw = getattr(self._own.buffer, "raw", self._own.buffer)
        self._lines = lines or self.isatty()
        self._waiting: list[str] = []

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._own.encoding if self._own else "utf-8"

    @property
    def errors(self) -> str:  # type: ignore[override]
        return PLAINLY

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self._own is not None and self._own.isatty()

    def fileno(self) -> int:
        if self._own is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return self._own.fileno()

    def write(self, text: str, /) -> int:
        ends = "\n" in text
        self._waiting.append(text)
        if self._lines and ends:
            self.flush()
        return len(text)

    def flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        left = memoryview("".join(waiting).encode(self.encoding, PLAINLY))
        while left and self.problem is None:
            try:
                left = left[self._put(left) :]
            except OSError as problem:
                self.problem = problem

    def _put(self, data: memoryview) -> int:
        """How many bytes were taken."""
        if self._raw is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        written = self._raw.write(data)
        if written is None:  # a pipe that another process has set not to wait
            select.select([], [self.fileno()], [])
        return written or 0


def _take_descriptors() -> None:
    """Open what is closed of the first three, or the next file would be taken for a stream."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def _plainly(error: UnicodeError) -> tuple[str, int]:
    """Characters that an encoding lacks, by some that it has; a name's odd bytes as they are."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_plain, error.object[error.start : error.end])), error.end


def _plain(character: str) -> str:
    import unicodedata

    if character in PLAIN:
        return PLAIN[character]
    # An accent can go; what has no letter beneath is named by its number.
    letter = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return letter or character.encode("ascii", "backslashreplace").decode()


def _in_json(error: UnicodeError) -> tuple[str, int]:
    """The same within JSON, where such a character stands in a text and has an escape."""
    import json

    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


codecs.register_error(PLAINLY, _plainly)
codecs.register_error(IN_JSON, _in_json)

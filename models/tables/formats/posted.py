"""Posted text: a tool's lines as people post them, among prompts, prefixes and other output.

Launchers, log collectors and mail put something before every line: ``[1,0]<stdout>:``, a pod's
name, a time, ``> ``. What stands before a table's header stands before its rows too, and is cut
off.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")
_BLANK = str.maketrans(dict.fromkeys("\xa0\u2007\u202f\ufeff\x00", " "))
_MONTH = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
#: What is another from line to line of one prefix: a time. All else in it stays as it is.
_TIME = re.compile(
    r"\d{4}[-/]\d\d[-/]\d\d(?:[T _]\d\d:\d\d:\d\d(?:[.,]\d+)?)?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?"
    rf"|(?:{_MONTH})\s+\d{{1,2}}(?:\s\d{{4}})?\s\d\d:\d\d:\d\d(?:\.\d+)?"
    r"|\d{1,2}:\d\d:\d\d(?:[.,]\d+)?"
    r"|\d{9,}(?:\.\d+)?"
    r"|\d+\.\d{3,}"
)
#: No command that is looked at is longer.
LONGEST = 4000
#: No prefix is longer, and no file has more of them.
_LONGEST_PREFIX, _MOST_PREFIXES = 200, 20
#: So many lines at least share what is a prefix, and no word of a header.
_SHARED = 3
#: How far the end of a value may be from the end of its column's name.
_SLACK = 5
_LAUNCHER = re.compile(r"(?:^|[\s/;&|\"'(])(?:mpirun|mpiexec(?:\.hydra)?|srun|prun|jsrun|aprun)\s")
_PROCESSES = re.compile(r"\s-{1,2}(?:np?|ntasks)(?:[= ]\s*|(?=\d))(\d{1,7})\b")


@dataclass(frozen=True, slots=True)
class Line:
    """A line with its number in the file.

    ``own`` if it has the prefix of its table, cut off; ``ended`` unless the file stops within it.
    """

    number: int
    text: str
    own: bool = True
    ended: bool = True


Lines = Sequence[Line]


def lines_of(text: str) -> list[Line]:
    """The lines of a text, without colours and other commands to a terminal.

    A command that goes on behind a backslash is one line, with the last one's number.
    """
    plain = _ANSI.sub("", text) if "\x1b" in text else text
    plain = plain.translate(_BLANK).replace("\r\n", "\n").replace("\r", "\n")
    found, begun = [], ""
    for index, line in enumerate(plain.split("\n"), 1):
        whole = begun + line.expandtabs()
        goes_on = whole.endswith("\\") and len(whole) < LONGEST
        begun = whole[:-1] if goes_on else ""
        found.append(Line(index, "" if goes_on else whole))
    found[-1] = replace(found[-1], ended=False)  # after a line feed that is an empty one
    return found


def streams(lines: Lines, mark: re.Pattern[str]) -> Iterator[Lines]:
    """The lines once for each prefix that stands before a mark, which begins a tool's own line.

    Lines that lack the prefix stay, as others' lines: prompts stand among a launcher's output.
    """
    patterns: dict[str, None] = {}
    for line in lines:
        found = mark.search(line.text)
        short = found is not None and found.start() <= _LONGEST_PREFIX
        if found is not None and short and len(patterns) < _MOST_PREFIXES:
            patterns[_pattern(line.text[: found.start()])] = None
    bare = False
    for pattern in patterns:
        prefix = re.compile(pattern)
        cut = [prefix.match(line.text) for line in lines]
        if pattern and sum(found is not None for found in cut) >= _SHARED:
            yield [
                replace(line, own=False)
                if found is None
                else Line(line.number, line.text[found.end() :], ended=line.ended)
                for line, found in zip(lines, cut, strict=True)
            ]
        elif not bare:
            bare = True
            yield lines


def _pattern(literal: str) -> str:
    """What matches a prefix whatever time is in it."""
    edges = [0, *(edge for found in _TIME.finditer(literal) for edge in found.span()), len(literal)]
    parts = [literal[begin:end] for begin, end in pairwise(edges)]
    times = f"(?:{_TIME.pattern})"
    return "".join(times if index % 2 else re.escape(part) for index, part in enumerate(parts))


@dataclass(frozen=True)
class Header:
    """Names of columns, and where each ends."""

    names: tuple[str, ...]
    ends: tuple[int, ...]

    @staticmethod
    def of(text: str) -> Header:
        words = list(re.finditer(r"\S+", text))
        return Header(tuple(word[0] for word in words), tuple(word.end() for word in words))

    def cells(self, text: str) -> tuple[str | None, ...] | None:
        """A row's values, None where one is blank; None where they fit no columns.

        Of fewer values than names each belongs to the name above it: both end at one place.
        """
        values = text.split()
        if len(values) == len(self.names):
            return tuple(values)
        if not values or len(values) > len(self.names):
            return None
        found = list(re.finditer(r"\S+", text))
        places = _nearest([value.end() for value in found], self.ends)
        if any(abs(self.ends[k] - v.end()) > _SLACK for k, v in zip(places, found, strict=True)):
            return None
        cells: list[str | None] = [None] * len(self.names)
        for place, value in zip(places, values, strict=True):
            cells[place] = value
        return tuple(cells)


def _nearest(ends: Sequence[int], columns: Sequence[int]) -> list[int]:
    """To each end a column, in order, so that together they are as near as they can be."""
    far = float("inf")
    # Of the first so many ends within the first so many columns: the least sum of distances.
    least = [[0.0] * (len(columns) + 1)]
    for end in ends:
        row = [far]
        for k, column in enumerate(columns):
            row.append(min(row[k], least[-1][k] + abs(column - end)))
        least.append(row)
    places, k = [], len(columns)
    for j in range(len(ends), 0, -1):
        while least[j][k] == least[j][k - 1]:
            k -= 1
        k -= 1
        places.append(k)
    return places[::-1]


def cut_short(line: Line, value: str, before: Sequence[str]) -> bool:
    """Whether a file may stop within a value: it has other digits than those before it."""
    if line.ended or not before or not line.text.rstrip().endswith(value):
        return False
    return len(value.partition(".")[2]) != len(before[-1].partition(".")[2])


def processes(text: str) -> int | None:
    """How many processes a launcher's command starts, where it says so."""
    found = _PROCESSES.search(text) if len(text) < LONGEST else None
    return int(found[1]) if found and _LAUNCHER.search(text) else None


def half_unit(text: str) -> float:
    """Half a unit of the last digit of a printed number: what rounding may have changed."""
    mantissa, _, exponent = text.lower().partition("e")
    return 0.5 * 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))

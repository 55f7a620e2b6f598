"""JSON texts: the objects in a text, whatever stands before, between and after them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from nworkers.models.files.json_document import check_bounds
from nworkers.models.tables.formats.posted import lines_of, streams

#: Where an object begins: a brace, then a name or the line's end.
_BEGIN = re.compile(r"\{[ \t]*(?:\"|$)")
#: Braces that begin no object, before the rest of a text is given up.
_MOST_FAILURES = 100


def objects(text: str, source: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Every object that is in no other, with the number of its first line.

    Raises:
        InputError: the text is too large.
    """
    check_bounds(text.encode(), source)
    lines = lines_of(text)
    for stream in streams(lines, _BEGIN):
        own = [line for line in stream if line.own]
        yield from _objects("\n".join(line.text for line in own), [line.number for line in own])


def _objects(text: str, numbers: list[int]) -> Iterator[tuple[int, dict[str, Any]]]:
    decoder = json.JSONDecoder()
    place, failures, counted, line = 0, 0, 0, 0
    begins = re.compile(_BEGIN.pattern, re.MULTILINE)
    while failures < _MOST_FAILURES and (found := begins.search(text, place)):
        try:
            value, place = decoder.raw_decode(text, found.start())
        except (ValueError, RecursionError):
            failures += 1
            # What an object that is cut off holds is no object of its own.
            place = text.find("\n", found.start())
            if place < 0:
                return
            continue
        line += text.count("\n", counted, found.start())
        counted = found.start()
        yield numbers[line], value

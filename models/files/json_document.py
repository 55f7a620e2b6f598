"""JSON document: an object whose members are found in its bytes and made into a record by parts.

All values of a document at once take several times its bytes; those of one part after another do
not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import MISSING, dataclass, fields, is_dataclass
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from nworkers.models.base.errors import InputError
from nworkers.models.files.validate_json import Step, refusal, shown, value_of

Record = TypeVar("Record")
Convert = Callable[[Any], Any]
#: What is longer is made into values by parts of about this size.
PART_BYTES = 2**22
#: Bounds of one document. In a calibration a value takes some 20 bytes, a name hundreds.
MOST_LISTS, MOST_NAMES, MOST_VALUES, DEEPEST = 2_000_000, 5_000_000, 14_000_000, 64
#: A text or a bracket, after all that is neither; the last is empty. A text may lack its end.
_TOKEN = re.compile(rb'[^"\[\]{}]*("[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]|\Z)', re.DOTALL)
_COLON = re.compile(rb"\s*:\s*")
_COMMA = re.compile(rb"\s*,\s*")


@dataclass(frozen=True)
class _Span:
    """Where a value stands; a long list may be cut at its ``commas``."""

    begin: int
    end: int
    commas: tuple[tuple[int, int], ...] = ()

    @property
    def size_bytes(self) -> int:
        return self.end - self.begin


class JsonDocument:
    """The object that a text holds.

    Args:
        source: what to call the text in a message, such as its file.
        wanted: what may be there, for the message.

    Raises:
        InputError: the text holds no object, or more than is read.
    """

    def __init__(self, content: bytes, source: object, wanted: str) -> None:
        check_bounds(content, source)
        if len(content) <= PART_BYTES:
            # Python's own parser tells best where a text is wrong.
            found = parsed(content, source, wanted)
            if not isinstance(found, dict):
                raise InputError(str(source), shown(found), wanted)
        self._content = content
        self._source = source
        self._wanted = wanted
        self._members = self._found(_Span(0, len(content)))

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._members)

    def value(self, name: str) -> Any:
        """A small member's value; None where there is none.

        Raises:
            InputError: it is no JSON, or large.
        """
        span = self._members.get(name)
        if span is None:
            return None
        if span.size_bytes > PART_BYTES:
            raise InputError(f"{self._source}: {name}", f"{span.size_bytes:,} bytes", "one word")
        return parsed(self._text(span), f"{self._source}: {name}", self._wanted)

    def record(self, kind: type[Record], converted: Convert | None = None) -> Record:
        """The record that the document is; fields that it does not know are ignored.

        Args:
            converted: a value of the document as this version has it.

        Raises:
            InputError: names the path in the document, what stood there, what is allowed.
        """
        whole = _Span(0, len(self._content))
        return cast(Record, self._made(kind, whole, converted, (), self._members))

    def _made(
        self,
        kind: Any,
        span: _Span,
        converted: Convert | None,
        path: tuple[Step, ...],
        members: dict[str, _Span] | None = None,
    ) -> Any:
        """A value of a type, by parts where it is long."""
        if span.size_bytes > PART_BYTES:
            if span.commas and get_origin(kind) is tuple:
                return tuple(self._elements(kind, span, converted, path))
            record = _record_type(kind)
            if record is not None:
                found = self._found(span) if members is None else members
                return self._of_members(record, found, converted, path)
        text = self._text(span)
        if converted is not None:
            found = converted(parsed(text, self._source, self._wanted))
            text = json.dumps(found).encode()
        return value_of(kind, text, self._source, path)

    def _of_members(
        self,
        kind: type[Any],
        members: dict[str, _Span],
        converted: Convert | None,
        path: tuple[Step, ...],
    ) -> Any:
        hints = get_type_hints(kind, include_extras=True)
        values = {}
        for entry in fields(kind):
            span = members.get(entry.name)
            if span is not None:
                at = (*path, entry.name)
                values[entry.name] = self._made(hints[entry.name], span, converted, at)
            elif entry.default is MISSING and entry.default_factory is MISSING:
                raise refusal(self._source, (*path, entry.name), "missing", None)
        return kind(**values)

    def _elements(
        self, kind: Any, span: _Span, converted: Convert | None, path: tuple[Step, ...]
    ) -> Iterator[Any]:
        begin, ends = span.begin + 1, [*span.commas, (span.end - 1, span.end)]
        first = 0
        for end, after in ends:
            text = b"[" + self._content[begin:end] + b"]"
            if converted is not None:
                text = json.dumps(converted(parsed(text, self._source, self._wanted))).encode()
            part = value_of(kind, text, self._source, path, first)
            yield from part
            first, begin = first + len(part), after

    def _text(self, span: _Span) -> bytes:
        return self._content[span.begin : span.end]

    def _found(self, span: _Span) -> dict[str, _Span]:
        """The members of the object that stands there.

        Raises:
            InputError: its brackets do not match, or nest too deeply.
        """
        content, found = self._content, {}
        depth, name, begin = 0, "", span.begin
        commas: list[tuple[int, int]] = []
        for token in _TOKEN.finditer(content, span.begin, span.end):
            mark = token[1]
            if mark[:1] == b'"':
                colon = _COLON.match(content, token.end()) if depth == 1 else None
                if colon is not None:
                    if name:
                        end = content.rfind(b",", begin, token.start(1))
                        found[name] = _Span(begin, max(begin, end), tuple(commas))
                    name = str(parsed(mark, self._source, self._wanted))
                    begin, commas = colon.end(), []
            elif mark in (b"[", b"{"):
                depth += 1
                if depth > DEEPEST:
                    raise _too_deep(self._source)
            elif depth > 1:
                depth -= 1
                last = commas[-1][1] if commas else begin
                if depth == 2 and token.end() - last > PART_BYTES:
                    comma = _COMMA.match(content, token.end())
                    commas += [comma.span()] if comma else []
            else:
                if name:
                    found[name] = _Span(begin, token.start(1), tuple(commas))
                if mark and depth == 1 and not content[token.end() : span.end].strip():
                    return found
                break
        raise InputError(str(self._source), "no JSON object (cut off?)", self._wanted)


def check_bounds(content: bytes, source: object) -> None:
    """Refuse a JSON text whose values could take many times its size of memory, or minutes.

    Raises:
        InputError
    """
    for found, most, what in (
        (content.count(b"[") + content.count(b"{"), MOST_LISTS, "lists and objects"),
        (content.count(b'"') // 2, MOST_NAMES, "names and texts"),
        (content.count(b","), MOST_VALUES, "values"),
    ):
        if found > most:
            raise InputError(str(source), f"{found:,} {what}", f"at most {most:,} of them")


def parsed(text: bytes | str, source: object, wanted: str) -> Any:
    """The value that a JSON text holds.

    Args:
        wanted: what may be there, for the message.

    Raises:
        InputError: it is no JSON, or nests too deeply.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        where = f"{source}: line {error.lineno}, column {error.colno}"
        raise InputError(where, f"no JSON ({error.msg}; cut off?)", wanted) from None
    except RecursionError:
        raise _too_deep(source) from None
    except ValueError as error:
        raise InputError(str(source), f"no JSON that can be read ({error})", wanted) from None


def _too_deep(source: object) -> InputError:
    return InputError(
        str(source), "lists and objects nested too deeply", f"at most {DEEPEST} levels"
    )


def _record_type(kind: Any) -> type[Any] | None:
    """The one record that a type allows, if it does."""
    kinds = [k for k in get_args(kind) if k is not type(None)] or [kind]
    only = kinds[0] if len(kinds) == 1 else None
    return only if isinstance(only, type) and is_dataclass(only) else None

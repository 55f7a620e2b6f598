"""Posted outputs, damaged: never a traceback, another column's number, or another test's."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from functools import cache

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from nworkers.models.base.errors import InputError
from nworkers.models.files.input_file import read_text
from nworkers.models.tables.components.found import FoundTable
from nworkers.models.tables.components.rows import Row
from nworkers.models.tables.detect import KNOWN, read_table, tables_of
from tests.support.tables import FILES as SAMPLE_FILES
from tests.support.tables import POSTED, SAMPLES

#: What is known of a row whatever series is taken: which test, of how many, how long.
Fact = tuple[str, int, int, float]
TEXTS = {
    path.name: read_text(path, KNOWN)
    for path in [*POSTED.iterdir(), *(SAMPLES / name for name in SAMPLE_FILES)]
    if path.suffix not in (".md", ".csv")
}
#: Groups that no file tells.
WORKERS = 200


@cache
def facts(name: str) -> frozenset[Fact]:
    """Every number that a whole file tells, of all its series."""
    if name == "nccl_row_for_each_count.txt":  # refused for its four groups, each of which is one
        head, rows = TEXTS[name].split("\n\n", 2)[1:]
        each = (rows_of(f"{head}\n{row}\n") for row in rows.splitlines())
        return frozenset(fact(row) for of in each for row in of)
    found = rows_of(TEXTS[name])
    if name == "nccl_several_operations.txt":  # sums alone are taken, where there are any
        lines = TEXTS[name].split("\n")
        found += rows_of("\n".join(line for line in lines if " sum " not in line))
    if "receiver" in TEXTS[name] and not TEXTS[name].startswith("{"):  # then the sender's counts
        lines = TEXTS[name].split("\n")
        found += rows_of("\n".join(line for line in lines if "receiver" not in line))
    return frozenset(map(fact, found))


def rows_of(text: str) -> list[Row]:
    """The rows of all tables of a text that are of use; none where it is refused."""
    # Stated, it would hold for every table of the file.
    group = WORKERS if "Algorithm 1" in text and "osu_allreduce" not in text else None
    with suppress(InputError):
        read_table(text, "it", workers=group)
    found: list[FoundTable] = []
    with suppress(InputError):
        found = list(tables_of(text, "it", group))
    return [row for table in found if table.refused is None for row in table.rows]


def fact(row: Row) -> Fact:
    return row.quantity, row.workers, row.size_bytes, float(f"{row.seconds:.9g}")


TITLES = re.compile(r"Test\b|Benchmarking|size +count|bytes +N|#bytes|# Size|nThread|osu_|_perf")
names = st.sampled_from(sorted(TEXTS))
many = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


@many
@given(names, st.data())
def test_what_is_cut_off_tells_no_other_number(name: str, data: st.DataObject) -> None:
    text = TEXTS[name]
    first = data.draw(st.integers(0, len(text)))
    last = data.draw(st.integers(first, len(text)))
    text = data.draw(st.sampled_from([text[:last], text[_line(text, first) :], text[:first]]))
    assert_told(rows_of(text), facts(name))


@many
@given(names, st.data())
def test_missing_lines_tell_no_other_number(name: str, data: st.DataObject) -> None:
    lines = TEXTS[name].split("\n")
    first = data.draw(st.integers(0, len(lines) - 1))
    count = data.draw(st.integers(1, 12))
    # Whoever takes a title out, and leaves what is under it, has made another table.
    assume(not any(TITLES.search(line) for line in lines[first : first + count]))
    assert_told(rows_of("\n".join(lines[:first] + lines[first + count :])), facts(name))


prefixes = st.sampled_from(["> ", "[1,3]<stdout>:", "7: ", "\t", "pod/x-1 ", "03:04:05.678 | "])


@many
@given(names, prefixes)
def test_a_prefix_changes_nothing(name: str, prefix: str) -> None:
    tagged = "".join(f"{prefix}{line}\n" for line in TEXTS[name].split("\n"))
    assert {fact(row) for row in rows_of(tagged)} == {fact(row) for row in rows_of(TEXTS[name])}


@many
@given(names, names)
def test_two_files_in_one_tell_what_each_does(first: str, second: str) -> None:
    joined = TEXTS[first].rstrip("\n") + "\n" + TEXTS[second]
    assert_told(rows_of(joined), facts(first) | facts(second))


@many
@given(names, st.integers(0, 12), st.booleans())
@example("nccl_tagged.txt", 6, False)
def test_dropped_columns_move_no_number(name: str, column: int, keeps_width: bool) -> None:
    """Cut out of rows alone, or replaced by blanks; the other test cuts headers as well."""
    if TEXTS[name].lstrip().startswith("{"):
        return

    def dropped(found: re.Match[str]) -> str:
        return " " * len(found[0]) if keeps_width else ""

    pattern = re.compile(rf"^(\D{{0,60}}?\s*\d+(?:\s+\S+){{{column}}})(\s+\S+)")
    lines = [
        pattern.sub(lambda m: m[1] + dropped(m), line) if _numbers(line) else line
        for line in TEXTS[name].split("\n")
    ]
    assert_told(rows_of("\n".join(lines)), facts(name))


flips = st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=6)


@many
@given(names, flips)
@example("iperf2_both_ways.txt", [(84, 0), (278, 0), (603, 0)])
def test_flipped_bytes_make_no_other_test(name: str, changes: list[tuple[int, int]]) -> None:
    content = bytearray(TEXTS[name].encode())
    for place, value in changes:
        content[place % len(content)] = value
    rows = rows_of(content.decode("utf-8", "replace"))
    assert {(row.quantity, row.workers) for row in rows} <= {
        (quantity, workers) for quantity, workers, *_ in facts(name)
    }


@pytest.mark.parametrize("change", [str.upper, str.swapcase, lambda text: text[::-1]])
def test_odd_texts_are_no_traceback(change: Callable[[str], str]) -> None:
    for text in TEXTS.values():
        rows_of(change(text))


def assert_told(rows: list[Row], known: frozenset[Fact]) -> None:
    told = {fact(row) for row in rows}
    assert told <= known, sorted(told - known)[:3]


def _numbers(line: str) -> bool:
    """Whether a line is a row: mostly numbers."""
    words = line.split()
    return len(words) > 1 and sum(w[:1].isdigit() for w in words) * 2 > len(words)


def _line(text: str, place: int) -> int:
    """Where the line begins that a place is in: launchers lose whole lines."""
    return text.rfind("\n", 0, place) + 1

"""Tables at any width: no line is wider, and what is not shown is named."""

from __future__ import annotations

from collections import Counter

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from nworkers.cli.shown.table import TextTable
from nworkers.cli.shown.terminal import NO_TERMINAL, Terminal
from nworkers.cli.shown.tone import Tone, Toned
from nworkers.cli.shown.wrapping import display_width

NAMES = ("workers", "a step's time", "speed-up", "模型 model")
CELLS = st.text("abc019×–(). 模型\u0301\t\x1b", max_size=60)


def characters(*texts: str) -> Counter[str]:
    return Counter(c for text in texts for c in text if not c.isspace())


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(*[CELLS] * 4), min_size=1, max_size=3), st.integers(40, 130), st.data())
def test_nothing_is_wider_than_the_terminal_or_lost_without_a_name(
    rows: list[tuple[str, ...]], width: int, data: st.DataObject
) -> None:
    spare = data.draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=3))
    table, whole = TextTable(*NAMES, left=(0, 3), spare=spare), TextTable(*NAMES, left=(0, 3))
    for row in rows:
        table.add_row(*row)
        whole.add_row(*row)
    shown = table.laid(Terminal(width))
    assert all(display_width(line) <= width for line in shown.splitlines())
    body, _, named = shown.partition("Not shown: ")
    gone = [name for name in spare if name in " ".join(named.split())]
    kept = TextTable(*(name for name in NAMES if name not in gone))
    for row in rows:
        kept.add_row(*(cell for name, cell in zip(NAMES, row, strict=True) if name not in gone))
    assert characters(body.replace("─", "")) == characters(str(kept).replace("─", ""))
    assert str(table) == str(whole) == whole.laid(NO_TERMINAL)


def test_what_is_least_needed_goes_first_then_numbers_break() -> None:
    table = TextTable("workers", "batch", "speed-up", left=(), spare=("batch",))
    table.add_row("64", "1" * 15, "1.83× (1.60000000000000000–2.01)")
    assert "batch" in table.laid(Terminal(60))
    narrow = table.laid(Terminal(50))
    assert "1" * 15 not in narrow
    assert "Not shown: batch; 60 columns or --json show all." in narrow
    broken = table.laid(Terminal(40)).splitlines()
    assert broken[3].split() == ["64", "1.83×"]
    assert broken[4].split() == ["(1.60000000000000000–2.01)"]


def test_tones_are_colours_only_where_there_are_some() -> None:
    table = TextTable("wins")
    table.add_row(Toned("0 %\x1b[2J", Tone.BAD))
    assert "\x1b[1;31m0 %\\u001b[2J\x1b[0m" in table.laid(Terminal(40, colours=True))
    assert "\x1b" not in table.laid(Terminal(40))


def test_a_row_of_another_length() -> None:
    with pytest.raises(ValueError, match="2 cells for 1 columns"):
        TextTable("workers").add_row("1", "2")

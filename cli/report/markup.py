"""Markup: text as HTML has it, and the few shapes that a page is made of."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

from nworkers.cli.shown.table import TextTable
from nworkers.cli.shown.visible import visible

#: A value may part from its interval, which stays whole.
_INTERVAL = re.compile(r" (\([^()]*\))$")
#: A number stays beside its unit.
_UNIT = re.compile(r"(?<=\d) (?=%|(?:[mµn]?s|h|min)\b)")
#: Longer words, such as paths of quantities, may be broken where a part of them ends.
_LONG = re.compile(r"\b[A-Za-z][^\s&;]{16,}")
#: Tables of more columns are printed over the whole width of a sheet.
_MOST_IN_PRINT = 5
_OPTION = re.compile(r"(?<!\S)--?[a-z][a-z-]*")
_PART = re.compile(r"(?<=[a-z0-9\]])(?=[._\[])|(?<=[,/=])")


def text(plain: str) -> str:
    """Any text, as HTML: what it says is shown, never read as markup."""
    return _UNIT.sub("\N{NO-BREAK SPACE}", html.escape(visible(plain)))


def paragraph(plain: str, kind: str = "") -> str:
    return f"<p{_class(kind)}>{breakable(plain)}</p>"


def bullets(lines: Iterable[str]) -> str:
    """Nothing where there are none."""
    items = "".join(f"<li>{breakable(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""


def breakable(plain: str) -> str:
    """Text whose long words may go on in the next line, but not the names of options."""
    broken = _LONG.sub(lambda long: _PART.sub("<wbr>", long[0]), text(plain))
    return _OPTION.sub(r'<span class="n">\g<0></span>', broken)


def command(line: str) -> str:
    """A command line, in as many lines as it takes."""
    return f'<pre class="command"><code>{text(line)}</code></pre>'


def table(
    caption: str,
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    words: Iterable[int] = (0,),
) -> str:
    """A table under its caption; the columns in ``words`` hold words, the others numbers.

    Of a cell with several lines all but the first are small.
    """
    left = frozenset(words)
    head = "".join(
        f'<th scope="col"{_kind(k, left)}>{_cell(of, is_word=" (" not in of)}</th>'
        for k, of in enumerate(header)
    )
    body = "".join(f"<tr>{_cells(row, left)}</tr>" for row in rows)
    content = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    return region(caption, content, len(header))


def table_of(caption: str, made: TextTable, without: Iterable[str] = ()) -> str:
    """A table as a terminal shows it, with all columns but some."""
    header, *rows = made.rows
    gone = set(without)
    kept = [k for k, name in enumerate(header) if name not in gone]
    words = [place for place, k in enumerate(kept) if k in (made.left or (0,))]
    return table(
        caption, [header[k] for k in kept], [[row[k] for k in kept] for row in rows], words
    )


def region(caption: str, content: str, columns: int = 2) -> str:
    """A table's content under its caption; what is too wide scrolls by itself."""
    name = re.sub(r"[^a-z0-9]+", "-", caption.lower()).strip("-")
    return (
        f"<div{_class('' if columns <= _MOST_IN_PRINT else 'full')}>"
        f'<p class="caption" id="{name}">{text(caption)}</p>'
        f'<div class="wide" role="region" aria-labelledby="{name}" tabindex="0">'
        f'<table aria-labelledby="{name}">{content}</table></div></div>'
    )


def _cells(row: Sequence[str], left: frozenset[int]) -> str:
    first, *others = (_cell(cell, is_word=k in left) for k, cell in enumerate(row))
    head = f'<th scope="row"{_kind(0, left)}>{first}</th>'
    return head + "".join(f"<td{_kind(k, left)}>{cell}</td>" for k, cell in enumerate(others, 1))


def _cell(plain: str, *, is_word: bool) -> str:
    first, *more = (breakable(line) if is_word else _number(line) for line in plain.split("\n"))
    # A name alone, such as a path, is of use where it can be typed.
    return first + "".join(
        f"<small{_class('' if ' ' in line else 'name')}>{line}</small>" for line in more
    )


def _number(plain: str) -> str:
    """In one line, or in two where an interval follows."""
    value = _INTERVAL.sub("", plain)
    whole = f'<span class="n">{text(value)}</span>'
    if value == plain:
        return whole
    return f'{whole} <span class="n">{text(plain[len(value) + 1 :])}</span>'


def _kind(column: int, left: frozenset[int]) -> str:
    return _class("w" if column in left else "")


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def section(name: str, title: str, *parts: str) -> str:
    """Nothing where it would be empty."""
    content = "".join(parts)
    if not content:
        return ""
    return (
        f'<section id="{name}" aria-labelledby="{name}-title">'
        f'<h2 id="{name}-title">{text(title)}</h2>{content}</section>'
    )


def heading(title: str) -> str:
    return f"<h3>{text(title)}</h3>"


def two(*parts: str) -> str:
    """Side by side, where there is room."""
    return f'<div class="two">{"".join(f"<div>{part}</div>" for part in parts)}</div>'


def even(*parts: str) -> str:
    """Side by side and equally wide, where there is room."""
    return f'<div class="even">{"".join(parts)}</div>'


def figure(picture: str, caption: str) -> str:
    return f"<figure>{picture}<figcaption>{text(caption)}</figcaption></figure>"

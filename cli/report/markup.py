"""Markup: text as HTML has it, and the few shapes that a page is made of."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from nworkers.cli.shown.visible import visible


def text(plain: str) -> str:
    """Any text, as HTML: what it says is shown, never read as markup."""
    return html.escape(visible(plain))


def paragraph(plain: str) -> str:
    return f"<p>{text(plain)}</p>"


def bullets(lines: Iterable[str]) -> str:
    """Nothing where there are none."""
    items = "".join(f"<li>{text(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""


def command(line: str) -> str:
    """A command line; a long one scrolls by itself, which the keyboard reaches."""
    return f'<pre tabindex="0" class="command"><code>{text(line)}</code></pre>'


def table(
    caption: str, header: Sequence[str], rows: Iterable[Sequence[str]], words: Sequence[int] = (0,)
) -> str:
    """A table under its caption; the columns in ``words`` hold words, the others numbers."""
    kinds = [' class="w"' if k in words else "" for k in range(len(header))]
    head = "".join(
        f'<th scope="col"{kind}>{text(name)}</th>' for name, kind in zip(header, kinds, strict=True)
    )
    body = "".join(f"<tr>{_cells(row, kinds)}</tr>" for row in rows)
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{text(caption)}"><table>'
        f"<caption>{text(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def _cells(row: Sequence[str], kinds: Sequence[str]) -> str:
    first, *others = zip(row, kinds, strict=True)
    head = f'<th scope="row"{first[1]}>{text(first[0])}</th>'
    return head + "".join(f"<td{kind}>{text(cell)}</td>" for cell, kind in others)


def section(name: str, title: str, *parts: str) -> str:
    """Nothing where it would be empty."""
    content = "".join(parts)
    if not content:
        return ""
    return (
        f'<section id="{name}" aria-labelledby="{name}-title">'
        f'<h2 id="{name}-title">{text(title)}</h2>{content}</section>'
    )


def figure(picture: str, caption: str) -> str:
    return f"<figure>{picture}<figcaption>{text(caption)}</figcaption></figure>"

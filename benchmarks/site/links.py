"""Links: whether each link within a built site leads somewhere, anchors included."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class _LinksAndAnchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.links.append(value)
            elif name == "id" and value:
                self.anchors.add(value)


def broken(site: Path) -> Iterator[str]:
    """Each link that leads nowhere, with its page; those to other sites are not followed."""
    read = {page.resolve(): _read(page) for page in sorted(site.rglob("*.html"))}
    for page, found in read.items():
        for link in found.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            lost = parts.fragment and target in read
            if not target.exists() or (
                lost and unquote(parts.fragment) not in read[target].anchors
            ):
                yield f"{page.relative_to(site.resolve())}: {link}"


def _read(page: Path) -> _LinksAndAnchors:
    found = _LinksAndAnchors()
    found.feed(page.read_text())
    return found

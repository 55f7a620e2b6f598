"""Pages are written by one rule: a sentence has at most 25 words, a word one meaning."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
LONGEST = 25


def sentences(text: str) -> list[str]:
    """Of paragraphs, points of lists and cells of tables; code and what it prints are none."""
    text = re.sub(r"^ *```.*?```|<!--.*?-->", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"(?<=\n\n)(?: {4}[^\n]*\n)+", "", text)
    parts: list[str] = []
    for paragraph in re.split(r"\n(?=\s*\n|[#|]|\s*(?:[-*]|\d+\.) )", text):
        parts += paragraph.split(" | ") if paragraph.lstrip().startswith("|") else [paragraph]
    end = r"(?:(?<=[.!?])|(?<=[.!?][*)])|(?<=[.!?]\*\*))\s+"
    found = [one for part in parts for one in re.split(end, part.strip(" |#\n"))]
    return [" ".join(one.split()) for one in found if one]


def test_sentences_are_those_of_prose() -> None:
    code = "    $ no prose\n\n```\nnone.\n```\n"
    text = f"# A head\n\n**One.** Two\nlines:\n\n{code}- a point\n| a | b c |\n"
    assert sentences(text) == ["A head", "**One.**", "Two lines:", "- a point", "a", "b c"]


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted(DOCS.glob("*.md"))], ids=lambda page: page.stem
)
def test_a_sentence_has_at_most_25_words(page: Path) -> None:
    assert not [one for one in sentences(page.read_text()) if len(one.split()) > LONGEST]


def test_a_word_stands_once_in_the_glossary() -> None:
    text = (DOCS / "glossary.md").read_text()
    words = re.findall(r"^\| ([^|]*?) \|", text, flags=re.MULTILINE)
    terms = [term for word in words if word not in ("word", "---") for term in word.split(", ")]
    assert len(terms) > 100
    assert not {term for term in terms if terms.count(term) > 1}

"""The site has every page, and its reference every option: what is built is what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import nworkers
from benchmarks.page import ROOT
from benchmarks.site.__main__ import with_levels
from benchmarks.site.command_pages import commands, pages
from benchmarks.site.links import broken
from benchmarks.site.markdown import described, escaped
from benchmarks.site.navigation import groups, with_trees
from benchmarks.site.reference_pages import Words, changelog, cite, python, settings, what_ifs
from nworkers.cli.app import EXIT_CODES, run
from nworkers.cli.asked.what_if_options import KINDS

INDEX = (ROOT / "docs" / "index.md").read_text()


def test_every_page_is_in_one_group_of_the_index() -> None:
    listed = [path for pages in groups(INDEX).values() for _, path in pages]
    there = {page.stem for page in (ROOT / "docs").glob("*.md")} - {"index"}
    assert sorted(listed) == sorted(there)


def test_a_group_is_a_tree_and_the_reference_ends_with_what_is_made_from_the_code() -> None:
    index = "# Top\n\n## Reference\n\n- [One](one.md): 1.\n\n## More\n\n- [Two](two.md): 2.\n"
    assert with_trees(index, {"made/three": ("Three", "3")}) == (
        "# Top\n\n## Reference\n\n- [One](one.md): 1.\n- [Three](made/three.md): 3.\n\n"
        "## More\n\n- [Two](two.md): 2.\n\n"
        "```{toctree}\n:hidden:\n:caption: Reference\n\nOne <one>\nThree <made/three>\n```\n\n"
        "```{toctree}\n:hidden:\n:caption: More\n\nTwo <two>\n```\n"
    )


@pytest.mark.parametrize("name", [name for name, _ in commands()])
def test_a_commands_page_has_what_its_help_has(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*name.split()[1:], "--help"]) == 0
    shown = re.findall(r"^  (?:-\w, )?(--[\w-]+)", capsys.readouterr().out, re.MULTILINE)
    page = pages()[f"commands/{name.replace(' ', '-')}"]
    assert set(shown) == set(re.findall(r"^```\{option\} (?:-\w, )?(--[\w-]+)", page, re.MULTILINE))


def test_what_ifs_settings_and_names_are_all_there() -> None:
    assert all(escaped(kind.meaning) in what_ifs() for kind in KINDS.values())
    assert all(name in pages()["commands/scale-predict"] for name in KINDS)
    assert "`link.fetch.latency_s`" in settings()
    assert not re.findall(r"^.*\|  \|$", settings(), re.MULTILINE)
    assert all(f":: nworkers.{name}\n" in python() for name in nworkers.__all__)


def test_the_changelog_s_links_lead_to_pages_of_the_site() -> None:
    links = re.findall(r"\]\(([^)#]*)", changelog())
    assert len(links) > 20
    assert all((ROOT / "docs" / "reference" / link).resolve().exists() for link in links)


def test_a_docstring_s_code_is_code_and_nothing_else_is_markup() -> None:
    assert described("One ``a_b`` of [x]_.\n\nTwo.") == "One `a_b` of \\[x\\]\\_.\n\nTwo."


def test_a_field_leads_to_the_record_that_it_has() -> None:
    of = {"workers": {"type": "integer"}}
    records = {"Row": {"properties": of, "required": ["workers"], "description": "A row."}}
    rows = {"type": "array", "items": {"$ref": "#/$defs/Row"}}
    top = {"properties": {"rows": rows}, "description": "All rows."}
    told = Words("answers", {"$defs": {"Curve": top, **records}}).records()
    assert "| `rows` | array of [Row](#answers-row), may be absent |" in told
    assert "(answers-row)=\n\n### `Row`\n\nA row.\n" in told
    assert "| `workers` | integer |" in told


def test_a_citation_names_who_what_and_which_version() -> None:
    (entry,) = re.findall(r"@software.*?^}", cite(), re.DOTALL | re.MULTILINE)
    assert f"version = {{{nworkers.__version__}}}" in entry
    assert "author = {{The nworkers developers}}" in entry


def test_captions_of_the_navigation_have_a_level() -> None:
    made = with_levels('<p class="caption" role="heading"><span>Tutorial</span></p>')
    assert made == '<p class="caption" role="heading" aria-level="2"><span>Tutorial</span></p>'


def test_the_readme_has_every_exit_code() -> None:
    sentence = re.search(r"Exit codes: ([^.]*)\.", (ROOT / "README.md").read_text())
    assert sentence
    assert [int(code) for code in re.findall(r"\b\d+\b", sentence[1])] == list(EXIT_CODES)


def test_links_and_anchors_that_lead_nowhere_are_found(tmp_path: Path) -> None:
    (tmp_path / "one.html").write_text(
        '<p id="here"><a href="#here">.</a> <a href="two.html#there">.</a> <img src="one.png">'
        '<a href="https://elsewhere.invalid/">.</a> <a href="two.html#lost">.</a>'
    )
    (tmp_path / "two.html").write_text('<a id="there" href="three.html">.</a>')
    assert list(broken(tmp_path)) == [
        "one.html: one.png",
        "one.html: two.html#lost",
        "two.html: three.html",
    ]

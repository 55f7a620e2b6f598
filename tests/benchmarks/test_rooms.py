"""The map tells of every module, in that module's own words."""

from __future__ import annotations

from benchmarks.rooms import FOLDERS, PAGE, modules, with_tables


def test_the_tables_are_those_of_the_modules() -> None:
    page = PAGE.read_text()
    assert with_tables(page) == page, "python -m benchmarks.rooms"


def test_every_module_says_what_it_is() -> None:
    silent = [path for folder in FOLDERS for path, said in modules(folder) if not said]
    assert not silent

"""Reference pages: what-ifs, settings, exit codes, schemas and Python names, from the code."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from inspect import isclass
from typing import Any

import nworkers
from benchmarks.page import ROOT, table
from benchmarks.site.markdown import code, described, escaped, fence
from nworkers.cli.app import EXIT_CODES
from nworkers.cli.asked.what_if_options import KINDS
from nworkers.cli.documents.answer_schema import answer_schema
from nworkers.cli.shown.format import quantity
from nworkers.cli.shown.quantity_words import quantity_words
from nworkers.models.base.defaults import DEFAULT_PROFILE
from nworkers.models.files.file_schema import file_schema
from nworkers.models.files.store import load
from nworkers.models.records.profile import Profile
from nworkers.simulator.study.settings import settables


def what_ifs() -> str:
    """How each what-if is written, and what it means."""
    rows = [[code(f"--what-if {kind.example}"), escaped(kind.meaning)] for kind in KINDS.values()]
    return (
        "# What-ifs\n\n`--what-if` asks about another way to train, or other hardware. It may be "
        "given several times. [Ask what if](../what-if.md) says when to use which, "
        "[simulator](../simulator.md) what becomes of it.\n\n"
        f"{table(['written', 'what it says'], rows)}\n"
    )


def settings() -> str:
    """Every quantity of the profile that is used by default."""
    profile = load(DEFAULT_PROFILE)
    assert isinstance(profile, Profile)
    rows = [
        [code(one.path), _value(one.value, one.unit), escaped(quantity_words(one.path))]
        for one in settables(profile)
    ]
    return (
        "# Settings\n\n`--set PATH=VALUE` asks about your machine with one quantity changed. "
        "A value has a unit or is a factor: `--set link.fetch.latency_s=50us`, "
        "`--set host.cores=2x`. `scale predict --settings` lists the quantities of your "
        "own calibration.\n\n"
        f"These are the quantities of the shipped profile `{DEFAULT_PROFILE}`. A dash stands for "
        "what was not measured, or what the measurements leave open. [Cost models](../models.md) "
        "has the laws that they are of, [Profile](files.md#files-profile) the records.\n\n"
        f"{table(['path', 'value', 'what it is'], rows)}\n"
    )


def _value(value: float | None, unit: str) -> str:
    if value is None:
        return f"— {unit}".strip()
    return quantity(value, unit) if unit else f"{value:.3g}"


def exit_codes() -> str:
    """What the end of a command says."""
    rows = [[str(number), said] for number, said in EXIT_CODES.items()]
    return (
        "# Exit codes\n\nEvery command ends with one of these. With `--json` an error is a "
        "document too, which has the code ([command line](../command-line.md)).\n\n"
        f"{table(['code', 'meaning'], rows)}\n"
    )


def python() -> str:
    """Whatever the package's top has, with its signature and its fields."""
    named = {name: getattr(nworkers, name) for name in nworkers.__all__}
    kinds: Mapping[str, list[str]] = {"Functions": [], "Records": [], "Errors": []}
    for name, value in sorted(named.items(), key=lambda item: item[0].lower()):
        error = isclass(value) and issubclass(value, Exception)
        kinds["Errors" if error else "Records" if isclass(value) else "Functions"].append(name)
    directive = {"Functions": "autofunction", "Records": "autoclass", "Errors": "autoexception"}
    parts = [
        f"## {kind}\n\n```{{eval-rst}}\n"
        + "\n".join(f".. {directive[kind]}:: nworkers.{name}\n" for name in names)
        + "```\n"
        for kind, names in kinds.items()
    ]
    return (
        "# Python names\n\nThe names of the package's top, such as `nworkers.predict`. "
        "[From Python](../api.md) shows their use, and the [glossary](../glossary.md) has the "
        "words.\n\n" + "\n".join(parts)
    )


def cite() -> str:
    """A sentence, BibTeX, and the citation file that reference managers read."""
    file = (ROOT / "CITATION.cff").read_text().rstrip()
    said = dict(re.findall(r"^(?:  - )?(name|title|version): \"?(.*?)\"?$", file, re.MULTILINE))
    name, title, version = said["name"], said["title"], said["version"]
    entry = (
        f"@software{{nworkers,\n  author = {{{{{name}}}}},\n  title = {{{title}}},\n"
        f"  version = {{{version}}}\n}}"
    )
    return (
        "# How to cite\n\nName the version, because answers may move with it. `scale --version` "
        f"prints it.\n\n> {name}. *{title}*. Version {version}.\n\nAs BibTeX:\n\n"
        f"{fence(entry)}\n\nReference managers and code hosts read `CITATION.cff`:\n\n"
        f"{fence(file)}\n\nThe measurements of [accuracy](../accuracy.md) may be used under "
        "CC BY 4.0, with the same citation.\n"
    )


def changelog() -> str:
    """What each version brought, with its links from where the page lies."""
    return (ROOT / "CHANGELOG.md").read_text().replace("](docs/", "](../")


def answers() -> str:
    """The fields of all answers under --json."""
    schema = answer_schema()
    words = Words("answers", schema)
    printed = [
        [code(name), words.kind(one)] for name, one in schema["$defs"].items() if "anyOf" in one
    ]
    return (
        "# Answers as JSON\n\nWith `--json` a command prints one document, whose fields are here. "
        "`scale schema answers` prints them as a JSON Schema. [Figures](../numbers.md) says how "
        "each number is computed. A name's end is its unit: `_s` is seconds. Names are added over "
        f"time, never changed.\n\n{table(['command', 'prints'], printed)}\n\n"
        f"## Records\n\n{words.records()}"
    )


def files() -> str:
    """The fields of all files."""
    return (
        "# Files\n\n`scale calibrate`, `scale fit` and `scale validate` write JSON files, whose "
        "records are here: `Calibration`, `Profile` and `Measurement` above all. "
        "`scale schema files` prints them as a JSON Schema. A name's end is its unit: `_s` is "
        "seconds. Names are added over time, never changed.\n\n"
        f"## Records\n\n{Words('files', file_schema()).records()}"
    )


@dataclass(frozen=True)
class Words:
    """A JSON Schema in words, in which the name of a record leads to its fields."""

    of: str
    schema: Mapping[str, Any]

    def records(self) -> str:
        """The table of each record."""
        return "\n".join(
            f"({self._anchor(name)})=\n\n### {code(_record_name(name))}\n\n"
            f"{described(one['description'])}\n\n"
            f"{table(['field', 'type'], list(self._fields(one)))}\n"
            for name, one in self.schema["$defs"].items()
            if "properties" in one
        )

    def kind(self, value: Mapping[str, Any]) -> str:
        """The type of a value."""
        if "$ref" in value:
            return self._link(str(value["$ref"]).rpartition("/")[2])
        if "enum" in value:
            return escaped(" or ".join(map(str, value["enum"])))
        if "const" in value:
            return escaped(str(value["const"]))
        for several in ("anyOf", "oneOf"):
            if several in value:
                return " or ".join(dict.fromkeys(map(self.kind, value[several])))
        kinds = value.get("type", "anything")
        words = " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
        if items := value.get("items"):
            return f"{words} of {self.kind(items)}"
        # Of a fixed length, such as the two ends of an interval.
        each = dict.fromkeys(map(self.kind, value.get("prefixItems", ())))
        return f"{words} of {', '.join(each)}" if each else words

    def _link(self, name: str) -> str:
        of = self.schema["$defs"].get(name, {})
        if "properties" in of:
            return f"[{_record_name(name)}](#{self._anchor(name)})"
        return self.kind(of) if of else _record_name(name)

    def _anchor(self, name: str) -> str:
        return f"{self.of}-{name}".lower().replace("_", "-").rstrip("-")

    def _fields(self, record: Mapping[str, Any], before: str = "") -> Iterator[list[str]]:
        for name, value in record.get("properties", {}).items():
            needed = "" if name in record.get("required", ()) else ", may be absent"
            yield [code(f"{before}{name}"), self.kind(value) + needed]
            yield from self._fields(value, f"{before}{name}.")
            yield from self._fields(value.get("items", {}), f"{before}{name}[].")


def _record_name(name: str) -> str:
    """Without the types by which pydantic tells records of one name apart."""
    return name.partition("_Annotated_")[0]


@dataclass(frozen=True)
class MadePage:
    """A page from the code: its name in the index, what it is, and how it is made."""

    name: str
    said: str
    make: Callable[[], str]


#: By path.
PAGES = {
    "reference/python": MadePage("Python names", "signatures and fields", python),
    "reference/what-ifs": MadePage("What-ifs", "how each is written", what_ifs),
    "reference/settings": MadePage("Settings", "the quantities that `--set` changes", settings),
    "reference/answers": MadePage("Answers as JSON", "the fields of what `--json` prints", answers),
    "reference/files": MadePage("Files", "the fields of what commands write", files),
    "reference/exit-codes": MadePage("Exit codes", "what the end of a command says", exit_codes),
    "reference/changelog": MadePage("Changelog", "what users see of each version", changelog),
    "reference/cite": MadePage("How to cite", "a sentence, BibTeX and the citation file", cite),
}

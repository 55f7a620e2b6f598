"""Command pages: every command with its options, in the words of its --help."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import typer

from benchmarks.page import table
from benchmarks.site.markdown import escaped, fence, shell
from nworkers.cli.late import ASK, LateCommand
from nworkers.cli.tree import app

#: Where a page shows the use of a command.
SHOWN = {
    "predict": "answers",
    "breakeven": "answers",
    "explain": "what-would-help",
    "solve": "what-would-help",
    "next": "what-would-help",
    "report": "report",
    "sweep": "sweeps",
    "models": "workloads",
    "plot": "pictures",
    "fit": "models",
    "calibrate": "calibration",
    "serve": "clusters",
    "validate": "training",
    "doctor": "tutorial",
    "completion": "command-line",
    "schema": "command-line",
}


def commands() -> Iterator[tuple[str, Any]]:
    """Every command that is no group, by its whole name such as ``scale plot fit``."""
    yield from _below("scale", typer.main.get_command(app))


def _below(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(command, LateCommand):
        yield name, command
    for part, each in getattr(command, "commands", {}).items():
        yield from _below(f"{name} {part}", each)


def pages() -> dict[str, str]:
    """The list of commands, and a page for each, by path."""
    found = {f"commands/{name.replace(' ', '-')}": _page(name, c) for name, c in commands()}
    return {"commands/index": _list(), **found}


def options(name: str, command: Any) -> Iterator[tuple[str, str]]:
    """What each option or argument is written as, and what its help says."""
    called = command.called()
    context = called.make_context(name, [], resilient_parsing=True)
    for parameter in called.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and not parameter.hidden:
            is_argument = parameter.param_type_name == "argument"
            written = parameter.metavar if is_argument else record[0]
            yield written, " ".join(record[1].split())


def _list() -> str:
    files = {name: name.replace(" ", "-") for name, _ in commands()}
    rows = [[f"[{name}]({files[name]}.md)", _first(each), _kind(each)] for name, each in commands()]
    return (
        "# Commands\n\nEvery command has `--help`, which says the same as its page here. "
        "[](../command-line.md) has what they share: numbers, files, exit codes, colours.\n\n"
        f"{table(['command', 'what it does', 'group'], rows)}\n\n"
        "```{toctree}\n:hidden:\n\n" + "\n".join(files.values()) + "\n```\n"
    )


def _kind(command: Any) -> str:
    panel = getattr(command, "rich_help_panel", None)
    return panel if isinstance(panel, str) else ASK


def _first(command: Any) -> str:
    return _worded((command.help or "").partition("\n\n")[0])


def _worded(help_text: str) -> str:
    """A text of help: its options as code, the pages that it names as links."""
    text = escaped(" ".join(help_text.split()))
    text = re.sub(r"(?<![\w-])--[a-z][\w-]*", r"`\g<0>`", text)
    return re.sub(r"docs/([\w-]+)\.md", r"[](../\1.md)", text)


def _page(name: str, command: Any) -> str:
    said = "\n\n".join(map(_worded, (command.help or "").split("\n\n")))
    called = command.called()
    context = called.make_context(name, [], resilient_parsing=True)
    usage = " ".join([name, *called.collect_usage_pieces(context)])
    example = re.sub(r"^Example: ", "", " ".join((command.epilog or "").split()))
    each = "\n".join(_option(*one) for one in options(name, command))
    return (
        f"# {name}\n\n{said}\n\n{fence(usage)}\n\nFor example:\n\n{shell(example)}\n\n"
        f"[](../{SHOWN[name.split()[1]]}.md) shows its use, [](../command-line.md) what all "
        "commands share.\n\n"
        f"## Options\n\n```{{program}} {name}\n```\n\n{each}"
    )


def _option(written: str, said: str) -> str:
    return f"```{{option}} {written}\n{_worded(said)}\n```\n"

"""Completing: the words with which a command line may go on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from nworkers.cli.late import LateCommand


def completions(root: Any, words: Sequence[str]) -> list[str]:
    """What the last of the words may become; empty where a name of a file, or anything, may stand.

    Args:
        root: the group of all commands.
        words: those after ``scale``, of which the last is unfinished, or empty.
    """
    *done, last = words
    command = root
    for word in done:
        command = getattr(command, "commands", {}).get(word, command)
    before = done[-1] if done else ""
    if not hasattr(command, "commands") and _takes_value(command, before):
        return sorted(value for value in _values(before) if value.startswith(last))
    found = _options(command) if last.startswith("-") else list(getattr(command, "commands", ()))
    return sorted(word for word in found if word.startswith(last))


def _called(command: Any) -> Any:
    return command.called() if isinstance(command, LateCommand) else command


def _options(command: Any) -> list[str]:
    """The long names, and the short ones of what has no other."""
    options = [p.opts for p in _called(command).params if p.opts[0].startswith("-")]
    return ["--help", *(max(names, key=len) for names in options)]


def _takes_value(command: Any, word: str) -> bool:
    if not word.startswith("-"):
        return False
    options = [p for p in _called(command).params if word in p.opts]
    return any(not getattr(option, "is_flag", False) for option in options)


def _values(option: str) -> tuple[str, ...]:
    """Those that an option is known to take; beside them it may take others."""
    from nworkers.cli.asked.what_if_options import KINDS
    from nworkers.models.records.runtimes import RUNTIMES_OF, STRATEGIES

    match option:
        case "--strategy":
            return tuple(STRATEGIES)
        case "--runtime":
            return tuple(dict.fromkeys(name for names in RUNTIMES_OF.values() for name in names))
        case "--scaling":
            return ("strong", "weak")
        case "--placement":
            return ("shared", "separate")
        case "--ps-placement":
            return ("own", "shared")
        case "--device":
            return ("cpu", "gpu")
        case "--baseline":
            return ("device", "host")
        case "--what-if":
            return tuple(KINDS)
        case "--workload":
            from nworkers.models.files.workload_toml import shipped_workloads

            return shipped_workloads()
        case "--calibration" | "--link" | "--device-of" | "--base":
            from pathlib import Path

            from nworkers.cli.asked.folder import found_in
            from nworkers.models.files.shipped import shipped_profiles

            return (*found_in(Path()).hardware, *shipped_profiles())
        case "--only":
            from nworkers.models.records.calibration import Quantity

            return get_args(Quantity)
    return ()

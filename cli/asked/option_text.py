"""Option text: another way to do a job, as ``--vs`` says it or a scenario's file states it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nworkers.cli.asked.asked_job import job_request
from nworkers.cli.asked.money_options import PRICES, MoneyOptions, prices
from nworkers.cli.asked.options import OPTION_OF, Options, integer
from nworkers.models.base.choices import hint
from nworkers.models.base.errors import InputError
from nworkers.models.records.scenario import MAX_WORKERS

if TYPE_CHECKING:
    from nworkers.simulator.decide.job_mix import WeightedJob
    from nworkers.simulator.decide.job_options import JobOption

WORKERS, NAME = "workers", "name"
#: These may be given several times.
_SEVERAL = ("what_if", "settings", "step_time")
#: What an option may change: all that is asked of predict, and what its hosts cost.
CHANGEABLE = (WORKERS, *(entry.name for entry in fields(Options)), *PRICES)
_CALLED = {OPTION_OF.get(name, f"--{name.replace('_', '-')}"): name for name in CHANGEABLE}
_WANTED = "options of predict in quotes, such as '--link 10gbit --ps 2' or '--workers 16'"


def in_words(options: Options, text: str, priced: MoneyOptions) -> JobOption:
    """What ``--vs`` asks: all as in ``options`` and ``priced`` but for what the text says.

    Raises:
        InputError: the text is no list of options with their values.
    """
    said: dict[str, list[str]] = {}
    for name, value in _pairs(text):
        if name in said and name not in _SEVERAL:
            raise InputError("vs", repr(text), f"{OPTION_OF.get(name, name)} once")
        said.setdefault(name, []).append(value)
    if not said:
        raise InputError("vs", repr(text), _WANTED)
    flat = {name: values if name in _SEVERAL else values[0] for name, values in said.items()}
    return _option(options, text.strip(), flat, priced)


def in_file(options: Options, path: Path, priced: MoneyOptions) -> JobOption:
    """What a scenario's file states: options of predict in TOML, and perhaps a name.

    Raises:
        InputError: the file cannot be read; a field is unknown, or a value none of what it may be.
    """
    from nworkers.models.files.toml_document import check_keys, read_toml

    document = read_toml(path, "a TOML file with options of predict, and a name")
    check_keys(document, [NAME, *CHANGEABLE], f"{path}: ")
    said = {name: _text(path, name, value) for name, value in document.items()}
    name = str(said.pop(NAME, path.stem))
    try:
        return _option(options, name, said, priced)
    except InputError as error:
        raise InputError(f"{path}: {error.field}", error.got, error.allowed) from None


def stated_in_mix(path: Path) -> set[str]:
    """Options that some job of a mix's file states itself; a runtime is one of its strategy's.

    Raises:
        InputError: the file cannot be read.
    """
    from nworkers.models.files.toml_document import read_toml

    stated = {name for job in read_toml(path, "a TOML file with [[job]]")["job"] for name in job}
    return stated | ({"strategy"} if "runtime" in stated else set())


def in_mix(options: Options, path: Path) -> list[WeightedJob]:
    """The jobs of a mix's file: ``[[job]]`` with a weight, options of predict, perhaps a name.

    Raises:
        InputError: the file cannot be read; a field is unknown, or a value none of what it may be.
    """
    from nworkers.models.files.toml_document import check_keys, read_toml
    from nworkers.simulator.decide.job_mix import WeightedJob

    wanted = "a TOML file with [[job]]: a weight, and options of predict"
    document = read_toml(path, wanted)
    check_keys(document, ["job"], f"{path}: ")
    tables = document.get("job")
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise InputError("mix", path, wanted)
    jobs = []
    for number, table in enumerate(tables, start=1):
        where = f"{path}: job {number}: "
        check_keys(table, [NAME, "weight", *(entry.name for entry in fields(Options))], where)
        weight = table.pop("weight", 1)
        if isinstance(weight, bool) or not isinstance(weight, int | float):
            raise InputError(f"{where}weight", repr(weight), "a number above 0")
        said = {name: _text(path, name, value) for name, value in table.items()}
        name = str(said.pop(NAME, said.get("workload", f"job {number}")))
        try:
            request = _option(options, name, said, MoneyOptions()).request
        except InputError as error:
            raise InputError(f"{where}{error.field}", error.got, error.allowed) from None
        jobs.append(WeightedJob(name, request, float(weight)))
    return jobs


def _option(
    options: Options, name: str, said: Mapping[str, Any], priced: MoneyOptions
) -> JobOption:
    from nworkers.simulator.decide.job_options import JobOption

    changed, workers, own = dict(said), None, None
    if costs := {of: changed.pop(of) for of in PRICES if of in changed}:
        own = prices(replace(priced, **costs))
    if WORKERS in changed:
        workers = integer(WORKERS, changed.pop(WORKERS), 1, MAX_WORKERS)
    return JobOption(name, job_request(replace(options, **changed)), workers, own)


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    """Names of options with their values.

    Raises:
        InputError
    """
    try:
        words = iter(shlex.split(text))
    except ValueError as error:
        raise InputError("vs", repr(text), f"{_WANTED} ({error})") from None
    for word in words:
        option, is_joined, value = word.partition("=")
        name = _CALLED.get(option)
        if name is None:
            raise InputError("vs", repr(option), f"{_WANTED}{hint(option, tuple(_CALLED))}")
        found = value if is_joined else next(words, None)
        if found is None:
            raise InputError("vs", repr(text), f"a value after {option}")
        yield name, found


def _text(path: Path, name: str, value: Any) -> Any:
    if name in _SEVERAL:
        parts = value if isinstance(value, list) else [value]
        return [str(part) for part in parts]
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InputError(f"{path}: {name}", repr(value), "a text or a number")
    return str(value)

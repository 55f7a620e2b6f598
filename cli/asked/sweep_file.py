"""The sweep file: the options of predict in TOML, each with one value or a list of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from nworkers.cli.asked.asked_job import job_request
from nworkers.cli.asked.options import Options, integer
from nworkers.cli.asked.setting_options import settings
from nworkers.cli.asked.step_times import step_times
from nworkers.cli.asked.what_if_options import what_if
from nworkers.models.base.errors import InputError
from nworkers.models.files.input_file import is_input
from nworkers.models.files.toml_document import check_keys, read_toml
from nworkers.models.files.validate_json import shown
from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.scenario import MAX_WORKERS

if TYPE_CHECKING:
    from nworkers.simulator.sweep.grid import SweepAxis, SweepGrid

_WANTED = "a TOML file with workers, batch and other options of predict, each a value or a list"
#: Fields that have another name here than in a request: that of their option.
NAMES = {"profile": "calibration", "memory_bytes": "memory"}
_FIELDS = {name: field for field, name in NAMES.items()}
WORKERS = "workers"
#: Options that may be given several times, which a list within the list does.
OF_SEVERAL: Mapping[str, Callable[[Sequence[str]], Any]] = MappingProxyType(
    {"what_if": what_if, "settings": settings, "step_time": step_times}
)
#: Values that may name a file, which is looked for beside the sweep's own first.
_FILES = ("calibration", "device_of", "link", "workload")
#: In a list, what would hold without the field.
DEFAULT = "default"


def sweep_file(path: Path) -> SweepGrid:
    """The scenarios that a file states.

    Raises:
        InputError: the file cannot be read; a field is unknown, or a value none of what it may be;
            there are no scenarios, or too many.
    """
    from nworkers.simulator.sweep.sweep_jobs import sweep_grid

    document = read_toml(path, _WANTED)
    allowed = [WORKERS, *(option.name for option in fields(Options))]
    check_keys(document, allowed, f"{path}: ")
    if WORKERS not in document:
        raise InputError(f"{path}: {WORKERS}", "nothing", "a number of workers, or a list of them")
    axes = [_axis(path, name, value) for name, value in document.items()]
    return sweep_grid(str(path), axes, NAMES)


def _axis(path: Path, name: str, value: Any) -> SweepAxis:
    from nworkers.simulator.sweep.grid import SweepAxis

    field = _FIELDS.get(name, name)
    written = value if isinstance(value, list) else [value]
    places = [f"{path}: {name}[{k}]" for k in range(len(written))]
    if not isinstance(value, list):
        places = [f"{path}: {name}"]
    values = [
        _value(path, name, field, item, place) for item, place in zip(written, places, strict=True)
    ]
    return SweepAxis(field, name, tuple(written), tuple(values))


def _value(path: Path, name: str, field: str, item: Any, place: str) -> Any:
    """A value as a request takes it, with what a file holds in place of its name.

    Raises:
        InputError: it names the place in the sweep's file, or in the file that stands there.
    """
    from nworkers.simulator.sweep.sweep_jobs import held

    try:
        asked = _typed(path, name, field, item)
    except InputError as error:
        raise InputError(place, error.got, error.allowed) from None
    try:
        return held(field, asked)
    except InputError as error:
        if error.field not in (name, field):
            raise
        raise InputError(place, error.got, error.allowed) from None


def _typed(path: Path, name: str, field: str, item: Any) -> Any:
    """A value as a request takes it."""
    if name == WORKERS:
        return integer(name, _text(item), 1, MAX_WORKERS)
    if item == DEFAULT:
        return getattr(JobRequest(), field)
    if name in OF_SEVERAL:
        texts = [_beside(path, text) for text in _texts(item)]
        return OF_SEVERAL[name](texts)
    text = _text(item)
    if name in _FILES:
        text = _beside(path, text)
    options: dict[str, Any] = {name: text}
    return getattr(job_request(Options(**options)), field)


def _beside(path: Path, text: str) -> str:
    """The path of a file that lies beside the sweep's own, else the text."""
    beside = path.parent / text
    return str(beside) if Path(text).suffix and is_input(str(beside)) else text


def _texts(item: Any) -> list[str]:
    """What holds together: one text or a list of them; none for the plain job."""
    texts = [_text(part) for part in item] if isinstance(item, list) else [_text(item)]
    return [text for text in texts if text]


def _text(item: Any) -> str:
    if isinstance(item, bool) or not isinstance(item, str | int | float):
        raise InputError("", shown(item), "a text or a number, or a list of them")
    return str(item)

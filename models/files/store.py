"""Store: records as JSON files, each with its schema version and kind first."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from nworkers.models.base.choices import hint
from nworkers.models.base.errors import InputError
from nworkers.models.files import schema_1, schema_2_0
from nworkers.models.files.atomic_write import write_bytes
from nworkers.models.files.input_file import COMPRESSED, is_input, read_bytes
from nworkers.models.files.json_document import Convert, JsonDocument
from nworkers.models.files.shipped import shipped_profile, shipped_profiles
from nworkers.models.files.validate_json import shown
from nworkers.models.records.calibration import Calibration, as_calibrated
from nworkers.models.records.contribution import Contribution
from nworkers.models.records.measurement import Comparison, Measurement
from nworkers.models.records.profile import Profile

SCHEMA_VERSION = "2.3"
KINDS: dict[str, type[Any]] = {
    "calibration": Calibration,
    "profile": Profile,
    "measurement": Measurement,
    "comparison": Comparison,
    "contribution": Contribution,
}

Filed = Calibration | Profile | Measurement | Comparison | Contribution
Record = TypeVar("Record")


def write_record(path: Path, record: Filed, *, force: bool) -> None:
    """Write a record, whole or not at all; compressed where the name ends in ``.gz``.

    Raises:
        InputError: the target exists without ``force``, or cannot be written.
    """
    content = record_text(record).encode()
    if path.suffix == COMPRESSED:
        # Without the time of its making, so that the same record is the same file.
        content = gzip.compress(content, mtime=0)
    write_bytes(path, content, force=force)


def record_text(record: Filed) -> str:
    """A record as its file holds it."""
    kind = next(name for name, known in KINDS.items() if isinstance(record, known))
    head = {"schema_version": SCHEMA_VERSION, "kind": kind}
    return _laid_out(head | _fields(record), levels=2) + "\n"


def record_json(value: object) -> str:
    """A record, or a container of some, as one line of JSON."""
    return _json(value)


def read_calibration(path: Path) -> Calibration:
    """Raises: InputError."""
    return _read(path, ("calibration",), Calibration)


def read_measurement(path: Path) -> Measurement:
    """Raises: InputError."""
    return _read(path, ("measurement",), Measurement)


def load(source: Path | str) -> Calibration | Profile | Measurement:
    """A shipped profile by its name; or what a calibration, profile or measurement file holds.

    Raises:
        InputError: no profile has this name, and no such file can be read.
    """
    if source in shipped_profiles():
        return shipped_profile(str(source))
    path = Path(source)
    kinds: dict[str, type[Calibration | Profile | Measurement]] = {
        "calibration": Calibration,
        "profile": Profile,
        "measurement": Measurement,
    }
    opened = _opened(path, tuple(kinds))
    return opened.record(kinds[opened.kind])


def read_profile(path: Path) -> Profile:
    """The profile in a profile file, or in the calibration that it was fitted to.

    Raises:
        InputError
    """
    return read_fitted(path)[0]


def read_fitted(path: Path) -> tuple[Profile, Calibration | None]:
    """A profile, with the calibration that it was fitted to where the file holds that.

    Raises:
        InputError
    """
    opened = _opened(path, ("calibration", "profile"))
    if opened.kind == "profile":
        return opened.record(Profile), None
    calibration = opened.record(Calibration)
    return fitted(calibration, str(path)), calibration


def fitted(calibration: Calibration, source: str) -> Profile:
    """The profile that was fitted to a calibration.

    Args:
        source: the file or field that the calibration is from, for the message.

    Raises:
        InputError: it was never fitted.
    """
    if calibration.profile is None:
        raise InputError(
            f"{source}: profile",
            "none (samples that were never fitted)",
            f"a fitted calibration; `scale fit {source} -o PROFILE` fits it",
        )
    return as_calibrated(calibration.profile, calibration)


def find_profile(field: str, name: str, *others: str) -> tuple[Profile, Calibration | None]:
    """A profile by its shipped name or from a file, with its calibration where the file holds it.

    Args:
        field: what is to be a profile, for the message.
        others: what else it may be, for the message.

    Raises:
        InputError
    """
    if name in shipped_profiles():
        return shipped_profile(name), None
    if not name:
        raise InputError(field, "an empty path", "the name of a shipped profile or of a file")
    path = Path(name)
    if not is_input(name) and not path.suffix:
        names = ", ".join((*shipped_profiles(), *others, "a calibration or profile file"))
        raise InputError(field, name, names + hint(name, shipped_profiles()))
    return read_fitted(path)


def _read(path: Path, kinds: tuple[str, ...], record: type[Record]) -> Record:
    return _opened(path, kinds).record(record)


@dataclass(frozen=True)
class _Opened:
    """A file whose envelope has been checked."""

    kind: str
    version: tuple[int, int]
    document: JsonDocument

    def record(self, kind: type[Record]) -> Record:
        """Raises: InputError."""
        return record_of(kind, self.document, self.version)


def record_of(kind: type[Record], document: JsonDocument, version: tuple[int, int]) -> Record:
    """The record in a document of a version that can be read.

    Raises:
        InputError: it holds none.
    """
    return document.record(kind, _conversion(version))


def _conversion(version: tuple[int, int]) -> Convert | None:
    """What makes a value of that version one of this; None where nothing has changed."""
    if version[0] == 1:
        return lambda value: schema_2_0.converted(schema_1.converted(value))
    return schema_2_0.converted if version < (2, 1) else None


def _opened(path: Path, kinds: tuple[str, ...]) -> _Opened:
    wanted = f"a {' or '.join(kinds)} file, as `scale {_WRITER[kinds[0]]} -o FILE` writes"
    document = JsonDocument(read_bytes(path, wanted), path, wanted)
    kind = document.value("kind")
    if kind not in kinds:
        raise InputError(f"{path}: kind", shown(kind) if kind else "nothing", wanted)
    version = check_version(path, document.value("schema_version"))
    return _Opened(kind, version, document)


_WRITER = {"calibration": "calibrate", "measurement": "validate"}


def check_version(path: Path, version: object) -> tuple[int, int]:
    """Major and minor version.

    Raises:
        InputError: this scale cannot read what that version wrote.
    """
    ours = SCHEMA_VERSION.partition(".")[0]
    major, dot, minor = version.partition(".") if isinstance(version, str) else ("", "", "")
    if not (dot and major.isdecimal() and minor.isdecimal()):
        got = "nothing" if version is None else shown(version)
        raise InputError(f"{path}: schema_version", got, f'"{ours}.x"')
    if int(major) not in (1, int(ours)):
        age, advice = (
            ("newer", "update scale") if int(major) > int(ours) else ("older", "measure again")
        )
        raise InputError(
            f"{path}: schema_version",
            version,
            f"{ours}.x; schema_version {version} is {age} than {ours}.x: {advice}",
        )
    return int(major), int(minor)


def _fields(record: object) -> dict[str, object]:
    if not is_dataclass(record):
        raise TypeError(f"{type(record).__name__} has no place in a file")
    return {entry.name: getattr(record, entry.name) for entry in fields(record)}


def _laid_out(value: object, levels: int, indent: str = "") -> str:
    """JSON with a line for each field or record of the outer levels, so that files can be compared.

    Numbers stay on their record's line: a hundred thousand samples are not as many lines.
    """
    inner = indent + "  "
    if is_dataclass(value):
        value = _fields(value)
    if levels and isinstance(value, dict) and value:
        lines = [f"{_json(k)}: {_laid_out(v, levels - 1, inner)}" for k, v in value.items()]
        return "{\n" + ",\n".join(inner + line for line in lines) + f"\n{indent}}}"
    if levels and isinstance(value, tuple) and value and is_dataclass(value[0]):
        lines = [_laid_out(item, levels - 1, inner) for item in value]
        return "[\n" + ",\n".join(inner + line for line in lines) + f"\n{indent}]"
    return _json(value)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_fields)

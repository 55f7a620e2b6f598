"""Files: records as JSON, each with its schema version and kind first."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from nworkers.models.base.errors import InputError
from nworkers.models.files import schema_1, schema_2_0
from nworkers.models.files.atomic_write import write_bytes
from nworkers.models.files.validate_json import record_from_document, shown
from nworkers.models.records.calibration import Calibration
from nworkers.models.records.contribution import Contribution
from nworkers.models.records.measurement import Comparison, Measurement
from nworkers.models.records.profile import Profile
from nworkers.models.records.workload import Workload

SCHEMA_VERSION = "2.1"
KINDS: dict[str, type[Any]] = {
    "calibration": Calibration,
    "profile": Profile,
    "measurement": Measurement,
    "comparison": Comparison,
    "contribution": Contribution,
}
PROFILES = Path(__file__).with_name("profiles")
COMPRESSED = ".gz"
#: A compressed text may unpack to no more: the largest calibration takes a tenth of it.
MAX_UNPACKED_BYTES = 2**30

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


def read_fitted(path: Path) -> tuple[Profile, Workload | None]:
    """A profile, with the workload that was calibrated where the file describes it.

    Raises:
        InputError
    """
    opened = _opened(path, ("calibration", "profile"))
    if opened.kind == "profile":
        return opened.record(Profile), None
    return fitted(opened.record(Calibration), str(path))


def fitted(calibration: Calibration, source: str) -> tuple[Profile, Workload | None]:
    """The profile that was fitted to a calibration, and the workload where it is described.

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
    return calibration.profile, calibration.workload


def find_profile(field: str, name: str) -> tuple[Profile, Workload | None]:
    """A profile by its shipped name or from a file, with the calibrated workload where known.

    Args:
        field: what is to be a profile, for the message.

    Raises:
        InputError
    """
    if name in shipped_profiles():
        return shipped_profile(name), None
    path = Path(name)
    if not path.exists() and not path.suffix:
        names = ", ".join((*shipped_profiles(), "a calibration or profile file"))
        raise InputError(field, name, names)
    return read_fitted(path)


def shipped_profiles() -> tuple[str, ...]:
    """Names of the profiles that the package brings along."""
    return tuple(sorted(file.stem for file in PROFILES.glob("*.json")))


def shipped_profile(name: str) -> Profile:
    """Raises: InputError where no such profile is shipped."""
    if name not in shipped_profiles():
        raise InputError("profile", name, ", ".join(shipped_profiles()) or "none is shipped")
    return read_profile(PROFILES / f"{name}.json")


def _read(path: Path, kinds: tuple[str, ...], record: type[Record]) -> Record:
    return _opened(path, kinds).record(record)


def read_text(path: Path, wanted: str) -> str:
    """Text of a file that somebody named, unpacked where its name ends in ``.gz``.

    Args:
        wanted: what may be there, for the message.

    Raises:
        InputError: there is no such file, it cannot be read or unpacked, or it is empty or no text.
    """
    try:
        content = path.read_bytes()
        if path.suffix == COMPRESSED:
            content = _unpacked(path, content, wanted)
        text = content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except FileNotFoundError:
        raise InputError(str(path), "no such file", wanted) from None
    except IsADirectoryError:
        raise InputError(str(path), "a folder", wanted) from None
    except UnicodeDecodeError as error:
        raise InputError(str(path), f"no text (byte {error.start})", wanted) from None
    except OSError as error:
        raise InputError(str(path), error.strerror, wanted) from None
    if not text.strip():
        raise InputError(str(path), "an empty file", wanted)
    return text


def _unpacked(path: Path, content: bytes, wanted: str) -> bytes:
    """Raises: InputError where the bytes are cut off, no gzip, or unpack without end."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as stream:
            unpacked = stream.read(MAX_UNPACKED_BYTES + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(str(path), f"no gzip that can be unpacked ({error})", wanted) from None
    if len(unpacked) > MAX_UNPACKED_BYTES:
        raise InputError(
            str(path), "more than is read, unpacked", f"at most {MAX_UNPACKED_BYTES:,} bytes"
        )
    return unpacked


@dataclass(frozen=True)
class _Opened:
    """A file whose envelope has been checked: its text, and the document that it holds."""

    path: Path
    kind: str
    text: str
    document: dict[str, Any]

    def record(self, kind: type[Record]) -> Record:
        """Raises: InputError."""
        return record_of(kind, self.path, self.document, self.text)


def record_of(
    kind: type[Record], path: Path, document: dict[str, Any], text: str | None = None
) -> Record:
    """The record in a document of any version that can be read; ``text`` holds it, if any does.

    Raises:
        InputError: it holds none, or is of a version that cannot be read.
    """
    version = check_version(path, document.get("schema_version"))
    if version[0] == 1:
        document, text = schema_1.converted(document), None
    if version < (2, 1):
        document, text = schema_2_0.converted(document), None
    return record_from_document(kind, document, text or json.dumps(document), path)


def _opened(path: Path, kinds: tuple[str, ...]) -> _Opened:
    wanted = f"a {' or '.join(kinds)} file, as `scale {_WRITER[kinds[0]]} -o FILE` writes"
    text = read_text(path, wanted)
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        where = f"{path}: line {error.lineno}, column {error.colno}"
        raise InputError(where, f"no JSON ({error.msg}; cut off?)", wanted) from None
    except (ValueError, RecursionError) as error:
        raise InputError(str(path), f"no JSON that can be read ({error})", wanted) from None
    if not isinstance(document, dict):
        raise InputError(str(path), shown(document), wanted)
    kind = document.get("kind")
    if kind not in kinds:
        raise InputError(f"{path}: kind", shown(kind) if kind else "nothing", wanted)
    check_version(path, document.get("schema_version"))
    return _Opened(path, kind, text, document)


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

"""Journal: what a running calibration has measured, on the disk cell by cell.

Its first line is the calibration without samples, and each further line the fields that a cell
added. A process that is killed leaves at most its last line torn, which a reader leaves out.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from io import BufferedWriter
from pathlib import Path

from nworkers.models.base.errors import InputError
from nworkers.models.files.atomic_write import write_bytes
from nworkers.models.files.input_file import read_bytes
from nworkers.models.files.json_document import JsonDocument
from nworkers.models.files.store import (
    SCHEMA_VERSION,
    check_version,
    record_json,
    record_of,
)
from nworkers.models.files.validate_json import shown
from nworkers.models.records.calibration import Burst, Calibration, Neighbour, Skipped

KIND = "journal"
_LISTS = ("bursts", "skipped", "neighbours")


def journal_path(output: Path) -> Path:
    """Beside the output, and named after it."""
    target = output.resolve()
    return target.with_name(target.name + ".journal")


@dataclass(frozen=True)
class _Entry:
    """What one line adds."""

    bursts: tuple[Burst, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    neighbours: tuple[Neighbour, ...] = ()


class Journal:
    """Grows while a calibration runs; every entry is on the disk before `add` returns.

    A disk that fills up ends the journal, not the measuring: ``lost`` is told why, once, and the
    entries until then stay readable.
    """

    def __init__(self, path: Path, lost: Callable[[str], None]) -> None:
        self._path = path
        self._lost = lost
        self._stream: BufferedWriter | None = None
        self._length = 0

    def begin(self, calibration: Calibration) -> None:
        """Start with what is known already, replacing an older journal at once.

        Raises:
            InputError: the file cannot be written.
        """
        lists = {name: getattr(calibration, name) for name in _LISTS}
        empty = replace(calibration, bursts=(), skipped=(), neighbours=(), profile=None)
        head = f'{{"schema_version": "{SCHEMA_VERSION}", "kind": "{KIND}", '
        text = head + record_json(empty).removeprefix("{") + "\n" + record_json(lists) + "\n"
        write_bytes(self._path, text.encode(), force=True)
        self._length = len(text.encode())
        self._stream = open(self._path, "ab")  # noqa: SIM115 (it lives as long as this object)

    def add(
        self,
        *,
        bursts: tuple[Burst, ...] = (),
        skipped: tuple[Skipped, ...] = (),
        neighbours: tuple[Neighbour, ...] = (),
    ) -> None:
        """Add what one cell or the end of one round brought."""
        lists = {"bursts": bursts, "skipped": skipped, "neighbours": neighbours}
        found = {name: items for name, items in lists.items() if items}
        if self._stream is None or not found:
            return
        line = (record_json(found) + "\n").encode()
        try:
            self._stream.write(line)
            self._stream.flush()
            os.fsync(self._stream.fileno())
            self._length += len(line)
        except OSError as error:
            self._give_up(error)

    def close(self) -> None:
        """Leave the file as it is, for another run to go on from."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def remove(self) -> None:
        """What it held is safe elsewhere."""
        self.close()
        self._path.unlink(missing_ok=True)

    def _give_up(self, error: OSError) -> None:
        stream, self._stream = self._stream, None
        assert stream is not None
        # Closing tries once more to write what did not fit; a torn line is left out by the reader.
        with suppress(OSError):
            stream.close()
        with suppress(OSError):
            os.truncate(self._path, self._length)
        self._lost(f"{self._path} ({error.strerror})")


def read_journal(path: Path) -> Calibration:
    """What a calibration had measured when it was killed.

    Raises:
        InputError: it is no journal, or one of a newer scale.
    """
    wanted = "a journal of scale calibrate; <force> measures anew"
    lines = enumerate(io.BytesIO(read_bytes(path, wanted)), start=1)
    # Whatever follows the last line break was being written when the end came.
    whole = ((f"{path}: line {k}", line) for k, line in lines if line.endswith(b"\n"))
    where, line = next(whole, (str(path), b""))
    head = JsonDocument(line, where, wanted)
    if head.value("kind") != KIND:
        raise InputError(f"{path}: kind", shown(head.value("kind")), f'"{KIND}"')
    version = check_version(path, head.value("schema_version"))
    found = [record_of(_Entry, JsonDocument(line, where, wanted), version) for where, line in whole]
    return replace(
        record_of(Calibration, head, version),
        bursts=tuple(burst for entry in found for burst in entry.bursts),
        skipped=tuple(skipped for entry in found for skipped in entry.skipped),
        neighbours=tuple(neighbour for entry in found for neighbour in entry.neighbours),
    )

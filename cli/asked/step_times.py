"""Step times: what a step is said to take, from `120ms@64` and its like or from files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from nworkers.models.base.errors import InputError
from nworkers.models.base.units import seconds
from nworkers.models.files.input_file import is_input
from nworkers.models.files.workload_toml import read_steps
from nworkers.models.records.workload import MAX_BATCH, StepSeconds, check_steps

_WANTED = "a time at a batch, such as 120ms@64, or a TOML file with [[step]] alone"


def step_times(texts: Sequence[str]) -> tuple[StepSeconds, ...]:
    """All that is said, by ascending batch.

    Raises:
        InputError: a text is neither, has no unit, or has a batch that another has.
    """
    rows = [row for text in texts for row in _read(text)]
    batches = [row.batch for row in rows]
    for batch in batches:
        if batches.count(batch) > 1:
            raise InputError("step_time", f"a batch of {batch} twice", "each batch once")
    return check_steps("step_time", tuple(sorted(rows, key=lambda row: row.batch)))


def _read(text: str) -> tuple[StepSeconds, ...]:
    if Path(text).suffix == ".toml" or (text and is_input(text)):
        return read_steps(Path(text))
    time, at, batch = text.partition("@")
    time_s = seconds(time)
    if not at or time_s is None or not re.fullmatch(r"\d{1,10}", batch.strip(), re.ASCII):
        raise InputError("step_time", repr(text), _WANTED)
    if not 1 <= int(batch) <= MAX_BATCH:
        raise InputError("step_time", repr(text), f"a batch from 1 to {MAX_BATCH}")
    return (StepSeconds(int(batch), time_s),)

"""A probe that fails is skipped by name, with the first line of its error; the rest goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from nworkers.calibrate.campaigns import campaign
from nworkers.calibrate.campaigns.campaign import CampaignStopped, Machines, calibrate
from nworkers.calibrate.campaigns.plan import MeasurementPlan
from nworkers.calibrate.training.tasks import TaskAddress
from nworkers.models.base.errors import HardwareError
from nworkers.models.files.journal import Journal, read_journal
from nworkers.models.records.calibration import Calibration, Cell, Skipped
from nworkers.models.records.workload import named_workload
from tests.support import spoilt

pytestmark = pytest.mark.tensorflow
NOOP = Cell("noop", "process")
SMALL = Cell("gemm", "process", features=8, batch=4, hidden=8)
#: More elements than TensorFlow can count.
ENDLESS = Cell("gemm", "process", features=2**40, batch=2**40, hidden=8)
INPUT = Cell("input", "process", batch=1)
BREAKS = """
import tensorflow as tf

def later():
    def rows():
        for k in range(40):
            if k == 4:
                raise OSError("disk on fire")
            yield float(k)
    return tf.data.Dataset.from_generator(rows, output_signature=tf.TensorSpec([]))
"""


def made(cells: Sequence[Cell], **how: object) -> MeasurementPlan:
    plan = MeasurementPlan(
        named_workload("gemm:8,8"), tuple(cells), 2, 0.02, 0.02, max_samples=20, seed=1
    )
    return replace(plan, **how)  # type: ignore[arg-type]


def reasons(calibration: Calibration) -> dict[str, str]:
    return {skipped.cell.name: skipped.reason for skipped in calibration.skipped}


def measured(calibration: Calibration) -> set[tuple[int, str]]:
    return {(burst.round, burst.cell.name) for burst in calibration.bursts}


def both(*cells: Cell) -> set[tuple[int, str]]:
    return {(number, cell.name) for number in range(2) for cell in cells}


def test_cells_that_fail_are_skipped_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One cannot be built, one fails as it is sampled, and memory cannot be measured."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "breaks.py").write_text(BREAKS)
    workload = named_workload("mlp:8,4")
    whole = tuple(replace(v, dtype="int32") for v in workload.variables)
    plan = made(
        [NOOP, ENDLESS, INPUT, SMALL],
        workload=replace(workload, variables=whole),
        pipeline="breaks:later",
        memory=True,
    )
    journal = Journal(tmp_path / "journal", pytest.fail)
    found = calibrate(plan, logs=tmp_path, progress=lambda _: None, journal=journal)
    journal.close()
    assert found.complete
    assert measured(found) == both(NOOP, SMALL)
    assert "is too large (more than 2**63 - 1 entries)" in reasons(found)[ENDLESS.name]
    assert "disk on fire" in reasons(found)[INPUT.name]
    assert not any("\n" in line or "Graph execution" in line for line in reasons(found).values())
    assert found.memory is None
    assert "cannot be trained: variable" in found.memory_skipped["cpu"]
    kept = read_journal(tmp_path / "journal")
    assert set(kept.skipped) == set(found.skipped)


def test_memory_that_takes_too_long_is_given_up_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a GPU where running out of memory took minutes: all else is measured."""
    monkeypatch.setattr(campaign, "MEMORY_S", 0.0)
    plan = made([NOOP], workload=named_workload("mlp:8,4"), memory=True)
    found = calibrate(plan, logs=tmp_path, progress=lambda _: None)
    assert found.complete
    assert found.memory is None
    assert "gave no answer to 'memory'" in found.memory_skipped["cpu"]


def test_a_lock_step_cell_that_fails_in_one_worker_is_skipped_in_all(tmp_path: Path) -> None:
    """Its peer waits in vain until its collective gives up; fresh tasks then measure the others."""
    reduces = [
        Cell("allreduce", "collective", size, workers=2) for size in (4, spoilt.SPOILT_BYTES, 2**14)
    ]
    machines = Machines(
        workers=(TaskAddress(prepare=spoilt.impatient), TaskAddress(prepare=spoilt.failing))
    )
    fetch = Cell("fetch", "ps", 4)
    found = calibrate(
        made([*reduces, fetch, NOOP]), logs=tmp_path, progress=lambda _: None, machines=machines
    )
    assert found.complete
    assert list(reasons(found)) == [reduces[1].name]
    assert reasons(found)[reduces[1].name].startswith("Cannot assign a device for operation")
    assert measured(found) == both(reduces[0], reduces[2], fetch, NOOP)


def test_a_calibration_of_which_nothing_can_be_measured_fails(tmp_path: Path) -> None:
    with pytest.raises(CampaignStopped) as caught:
        calibrate(made([ENDLESS]), logs=tmp_path, progress=lambda _: None)
    assert isinstance(caught.value.cause, HardwareError)
    assert str(caught.value.cause).startswith(f"no cell could be measured; {ENDLESS.name}: ")
    assert caught.value.calibration.skipped == (
        Skipped(ENDLESS, reasons(caught.value.calibration)[ENDLESS.name]),
    )

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from nworkers.calibrate.campaigns.resume import Round, merged, pending, refinement
from nworkers.models.records.calibration import Cell, Skipped
from tests.support.calibrations import CELLS, burst, calibration


@given(st.sets(st.tuples(st.integers(0, 2), st.sampled_from(CELLS))))
def test_what_is_pending_and_what_is_done_make_up_the_plan(done: set[tuple[int, Cell]]) -> None:
    left = pending(CELLS, 3, [burst(cell, number) for number, cell in done], ())
    pairs = [(round_.number, cell) for round_ in left for cell in round_.cells]
    assert len(pairs) == len(set(pairs))
    assert done.isdisjoint(pairs)
    assert len(done) + len(pairs) == 3 * len(CELLS)


def test_a_skipped_cell_is_not_tried_again_by_however_many_workers() -> None:
    both = (CELLS[0], replace(CELLS[0], workers=2), CELLS[1])
    assert pending(both, 1, (), [Skipped(CELLS[0], "slow")]) == (Round(0, (CELLS[1],)),)


def test_a_refinement_adds_rounds_of_the_cells_that_missed() -> None:
    firm = [burst(CELLS[0], k, 1.0 + 0.001 * k) for k in range(2)]
    loose = [burst(CELLS[1], k, 1.0 + k) for k in range(2)]
    assert refinement(calibration(*firm, *loose), 2) == (
        Round(2, (CELLS[1],)),
        Round(3, (CELLS[1],)),
    )
    assert refinement(calibration(*firm, *loose), 2, ["push"]) == ()
    # The planned second round is left for its own cells.
    assert refinement(calibration(burst(CELLS[0], 0)), 1) == (Round(2, (CELLS[0],)),)


def test_file_and_journal_make_one() -> None:
    file = calibration(burst(CELLS[0], 0), burst(CELLS[1], 0))
    journal = calibration(burst(CELLS[1], 0, 9.0), burst(CELLS[2], 0))
    both = merged(file, journal)
    assert both is not None
    assert both.bursts == (*file.bursts, journal.bursts[1])
    assert merged(file, None) is file
    assert merged(None, journal) is journal
    assert merged(None, None) is None


def test_a_journal_of_another_calibration_was_to_replace_the_file() -> None:
    journal = calibration(burst(CELLS[0], 0), at="2026-01-02T00:00:00Z")
    assert merged(calibration(burst(CELLS[1], 0)), journal) is journal

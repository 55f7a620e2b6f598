"""Few rounds are told apart by what is known of rounds elsewhere, and no further."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nworkers.models.files.store import read_calibration
from nworkers.models.findings.rounds_apart import rounds_apart
from nworkers.models.findings.weak_parameters import weaknesses
from nworkers.models.fitting.fit import fit_profile
from nworkers.models.fitting.laws import steps
from nworkers.models.fitting.observations import Resampling, fit_law
from nworkers.models.fitting.round_spread import (
    CELL_LOG_SPREAD,
    PRIOR_FREEDOM,
    ROUND_PER_CELL,
    RoundSpread,
    Shares,
    round_levels,
)
from nworkers.models.records.calibration import Calibration, Cell
from nworkers.models.records.profile import PARAMETERS, Identified, Profile, parameters
from tests.kept.commands import FILES
from tests.support.calibrations import burst
from tests.support.coverage import p_values
from tests.support.machines import MACHINES, measured
from tests.support.synthetic import synthetic

KNOWN = RoundSpread(ROUND_PER_CELL * CELL_LOG_SPREAD, CELL_LOG_SPREAD)
LAW = steps(knee=False)


def log_widths(profile: Profile) -> dict[str, float]:
    """Of each identified parameter how far its interval's ends are apart, in the logarithm."""
    return {
        name: float(np.log(p.interval[1] / p.interval[0]))
        for name, p in parameters(profile)
        if isinstance(p, Identified)
    }


def with_rounds(calibration: Calibration, rounds: Iterable[int]) -> Calibration:
    kept = set(rounds)
    return replace(calibration, bursts=tuple(b for b in calibration.bursts if b.round in kept))


def observed(
    spread: float, cells: int, rounds: int, whole: float = 0.0
) -> dict[tuple[Cell, int], np.ndarray]:
    rng = np.random.default_rng(3)
    shifts = whole * rng.standard_normal(rounds)
    return {
        (Cell("step", "process", batch=k + 1), number): np.exp(
            [shifts[number] + spread * rng.standard_normal()]
        )
        for k in range(cells)
        for number in range(rounds)
    }


@pytest.mark.parametrize("rounds", [1, 2, 3, 5, 10, 50, 1000])
def test_no_round_counts_less_than_nothing(rounds: int) -> None:
    """A round that a draw leaves out has the weight 1 less the measured share."""
    shares = Shares.of(rounds)
    assert 0.0 < shares.measured < 1.0
    assert 0.0 < shares.prior < 1.4


def test_many_rounds_need_no_prior() -> None:
    shares = Shares.of(1000)
    assert shares.measured == pytest.approx(1.0, abs=0.005)
    assert shares.prior < 0.07


def test_many_cells_tell_the_machines_level_and_few_do_not() -> None:
    for spread in (0.02, 0.5):
        many = RoundSpread.of(observed(spread, 100, 2), [LAW])
        few = RoundSpread.of(observed(spread, 1, 2), [LAW])
        assert abs(np.log(many.cell / spread)) < 0.5
        assert abs(np.log(few.cell / CELL_LOG_SPREAD)) < abs(np.log(many.cell / CELL_LOG_SPREAD))
    assert RoundSpread.of(observed(0.1, 5, 1), [LAW]).cell == pytest.approx(CELL_LOG_SPREAD)


def test_whole_rounds_are_no_steadier_than_elsewhere_and_noisier_where_cells_are() -> None:
    assert RoundSpread.of(observed(0.01, 100, 2), [LAW]).whole == pytest.approx(KNOWN.whole)
    assert RoundSpread.of(observed(0.6, 100, 2), [LAW]).whole > 4 * KNOWN.whole


def test_a_quick_calibration_says_something() -> None:
    """Measured on a host of 16 cores: its widest intervals were cut off at 54.6 times."""
    profile = fit_profile(read_calibration(FILES["H100"]), draws=100)
    assert profile.rounds == 2
    widths = log_widths(profile)
    assert np.median(list(widths.values())) < np.log(1.9)
    assert sum(width > np.log(4) for width in widths.values()) <= 5
    compute = [np.log(of["compute"]) for of in profile.noise.between]
    # As a further run is off, and not two numbers.
    assert 0.04 < np.std(compute) < 0.15
    assert len(profile.noise.between) >= 20


def test_two_measured_rounds_foretell_the_others() -> None:
    """Where they disagree with the other three, the intervals say that they may."""
    calibration = read_calibration(FILES["LOOPBACK-SAMPLES"])
    clusters = []
    for pair in ((0, 1), (2, 3)):
        others = set(range(5)) - set(pair)
        one, other = (
            {
                name: np.log([p.interval[0], p.estimate, p.interval[1]])
                for name, p in parameters(fit_profile(with_rounds(calibration, rounds), draws=60))
                if isinstance(p, Identified)
            }
            for rounds in (pair, others)
        )
        clusters += [
            [
                bool(
                    -np.hypot(a[1] - a[0], b[2] - b[1])
                    <= b[1] - a[1]
                    <= np.hypot(a[2] - a[1], b[1] - b[0])
                )
            ]
            for name in one.keys() & other.keys()
            for a, b in [(one[name], other[name])]
        ]
    assert p_values(clusters)[0] > 0.01


@pytest.mark.parametrize(
    ("rounds", "whole", "cell", "half_width"),
    [
        (2, 0.02, 0.01, 0.09),
        (2, 0.05, 0.11, 0.15),
        (3, 0.05, 0.11, 0.12),
        (5, 0.05, 0.11, 0.09),
        (2, 0.15, 0.3, 0.35),
    ],
)
def test_intervals_of_few_rounds_hold(
    rounds: int, whole: float, cell: float, half_width: float
) -> None:
    """On quiet machines, on such as were measured, and on some three times as noisy.

    What a machine's cells differ by is known from its transfers.
    """
    clusters, widths = [], []
    for number in (2, 5, 7):
        for seed in range(12):
            rng = np.random.default_rng((number, seed))
            others, machine = MACHINES[0](rng), MACHINES[number](rng)
            spread = RoundSpread.of(measured(others, rng, rounds, whole, cell), [others.law])
            bank = measured(machine, rng, rounds, whole, cell)
            fitted = fit_law(machine.law, bank, Resampling.of(range(rounds), 60, rng, spread))
            found = {
                name: p
                for name, p in fitted.law.named(fitted.record, PARAMETERS)
                if isinstance(p, Identified) and name in machine.values
            }
            clusters.append(
                [p.interval[0] <= machine.values[n] <= p.interval[1] for n, p in found.items()]
            )
            widths += [np.log(p.interval[1] / p.interval[0]) / 2 for p in found.values()]
    few, _ = p_values([of for of in clusters if of])
    assert few > 0.01
    assert np.median(widths) < half_width


def test_rounds_far_apart_are_said() -> None:
    noisy = synthetic(rounds=2, noise=0.01)
    shifted = replace(
        noisy,
        bursts=tuple(
            replace(b, samples_s=tuple(s * (1.0 + b.round) for s in b.samples_s))
            for b in noisy.bursts
        ),
    )
    assert "how rounds differ" in {w.what for w in weaknesses(fit_profile(shifted, draws=20))}
    assert "how rounds differ" not in {w.what for w in weaknesses(fit_profile(noisy, draws=20))}


DATA = Path(__file__).parents[3] / "benchmarks" / "data"
#: A host fresh from its start, whose rounds differ; docs/gpu.md tells what that did to predictions.
FRESH = DATA / "h100-second-host-quick.json.gz"


def test_a_host_whose_rounds_differ_is_told_from_those_whose_do_not() -> None:
    fresh = round_levels(read_calibration(FRESH).bursts)
    assert fresh is not None
    assert fresh.far_apart
    assert fresh.slowest_to_fastest == pytest.approx(1.38, abs=0.005)
    assert rounds_apart(fresh).startswith("times of round 1 are 1.38 times those of round 2")
    for usual in (DATA / "h100-default.json.gz", Path(FILES["H100"])):
        levels = round_levels(read_calibration(usual).bursts)
        assert levels is not None
        assert not levels.far_apart
        assert rounds_apart(levels) == ""


@pytest.mark.parametrize("rounds", [2, 5])
def test_rounds_of_machines_as_known_are_seldom_told(rounds: int) -> None:
    """Of machines whose variances scatter as the prior has it, one in twenty."""
    rng = np.random.default_rng(rounds)
    cells = [Cell("fetch", "ps", size) for size in (4, 8, 16)]
    told = 0
    for _ in range(400):
        wide = math.sqrt(PRIOR_FREEDOM / rng.chisquare(PRIOR_FREEDOM))
        shifts = KNOWN.whole * wide * rng.standard_normal(rounds)
        bursts = [burst(c, k, float(np.exp(s))) for k, s in enumerate(shifts) for c in cells]
        levels = round_levels(bursts)
        told += levels is not None and levels.far_apart
    assert 0.02 < told / 400 < 0.09


def test_a_refinement_is_no_whole_round() -> None:
    cells = [Cell("fetch", "ps", size) for size in (4, 8, 16)]
    whole = [burst(cell, number) for number in range(2) for cell in cells]
    levels = round_levels([*whole, burst(cells[0], 2, 9.0)])
    assert levels is not None
    assert levels.factors == pytest.approx((1.0, 1.0))
    assert round_levels(whole[:3]) is None

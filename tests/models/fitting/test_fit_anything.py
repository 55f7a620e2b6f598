"""Whatever a calibration holds: a profile without NaN, or an error that names what is missing."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nworkers.models.base.errors import InputError
from nworkers.models.findings.sanity import implausible
from nworkers.models.findings.weak_parameters import weaknesses
from nworkers.models.fitting.fit import fit_profile
from nworkers.models.records.calibration import Burst, Calibration
from nworkers.models.records.profile import Identified, parameters, value_at
from tests.support.often import often
from tests.support.synthetic import synthetic

WHOLE = synthetic(rounds=2)
SIZES = ("size_bytes", "batch")


def spoil(burst: Burst, how: str, rng: np.random.Generator) -> Burst:
    """Times that no machine gives, but that a file may hold."""
    if how == "constant":
        return replace(burst, samples_s=(1e-3,) * len(burst.samples_s))
    if how == "one size":
        moved = burst.cell.size_bytes and not burst.cell.hidden
        return replace(burst, cell=replace(burst.cell, size_bytes=4096)) if moved else burst
    if how == "thousandth":
        return replace(burst, samples_s=tuple(s / 1000 for s in burst.samples_s))
    if how == "one sample":
        return replace(burst, samples_s=burst.samples_s[:1], outliers=(), processor=None)
    if how == "wild":
        wild = np.exp(rng.uniform(np.log(1e-9), np.log(1e6), len(burst.samples_s)))
        return replace(burst, samples_s=tuple(float(s) for s in wild))
    return burst


@given(
    kept=st.floats(0.02, 1.0),
    how=st.sampled_from(["as it is", "constant", "one size", "thousandth", "one sample", "wild"]),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=often(25), deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_input_makes_a_nan(kept: float, how: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    bursts = tuple(spoil(b, how, rng) for b in WHOLE.bursts if kept == 1.0 or rng.random() < kept)
    calibration: Calibration = replace(WHOLE, bursts=bursts)
    try:
        profile = fit_profile(calibration, draws=3)
    except InputError:
        return
    for name, parameter in parameters(profile):
        values = [value_at(parameter, None), *parameter.draws]
        if isinstance(parameter, Identified):
            values += parameter.interval
        assert all(math.isfinite(v) and v > 0 for v in values), name
    for row in profile.fit:
        assert row.median_error is None or math.isfinite(row.median_error)
    assert all(math.isfinite(c.score) for c in profile.link.candidates)
    assert all(math.isfinite(v) for part in profile.noise.within.values() for v in part)
    assert list(implausible(profile)) is not None
    assert weaknesses(profile) is not None


def test_times_in_milliseconds_are_noticed() -> None:
    """A fetch that seems a thousand times faster than it was is faster than memory."""
    rng = np.random.default_rng(0)
    bursts = tuple(spoil(b, "thousandth", rng) for b in WHOLE.bursts)
    found = " ".join(implausible(fit_profile(replace(WHOLE, bursts=bursts), draws=2)))
    assert "faster than memory" in found

"""Fit answer: a profile with what is weak in it, and what its numbers warn of."""

from __future__ import annotations

from dataclasses import dataclass

from nworkers.models.findings.host_speed import mixed
from nworkers.models.findings.original import OriginalRow, original
from nworkers.models.findings.sanity import implausible
from nworkers.models.findings.weak_parameters import Weakness, weaknesses
from nworkers.models.records.calibration import Calibration
from nworkers.models.records.profile import Profile


@dataclass(frozen=True)
class FitAnswer:
    """What was fitted, and how far to trust it.

    Attributes:
        source: the file of the samples, which a remedy goes on with.
        weak: what concerns every prediction first.
        original: the original benchmark's answer, a row a shape, where its cells were measured.
        warnings: unlike hosts, and numbers that no hardware gives; a line each.
    """

    profile: Profile
    source: str
    weak: tuple[Weakness, ...]
    original: tuple[OriginalRow, ...] = ()
    warnings: tuple[str, ...] = ()


def fit_answer(calibration: Calibration, profile: Profile, source: str) -> FitAnswer:
    """What the profile of a calibration says."""
    warnings = (*mixed(calibration), *implausible(profile))
    return FitAnswer(profile, source, weaknesses(profile), original(calibration), warnings)

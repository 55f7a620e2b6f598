"""Rounds apart: that whole rounds of a calibration differ by more than those of other machines."""

from __future__ import annotations

from nworkers.models.records.profile import RoundLevels


def rounds_apart(levels: RoundLevels | None) -> str:
    """By how much, and how usual that is; empty where it is usual enough, or not known."""
    if levels is None or not levels.far_apart:
        return ""
    share = levels.probability
    usual = "fewer than 1 %" if share < 0.01 else f"{100 * share:.0f} %"
    factors = levels.factors
    slowest = factors.index(max(factors)) + 1
    fastest = factors.index(min(factors)) + 1
    return (
        f"times of round {slowest} are {levels.slowest_to_fastest:.2f} times those of round "
        f"{fastest}, as far apart as rounds are on {usual} of other machines"
    )

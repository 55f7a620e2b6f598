"""Own hardware: the profile in a calibration, or in a file of the user's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from nworkers.models.files.store import find_profile, fitted
from nworkers.models.records.calibration import Calibration
from nworkers.models.records.profile import Profile
from nworkers.models.records.workload import Workload


def own_hardware(
    field: str, source: Calibration | Path | str, *others: str
) -> tuple[Profile, Workload | None]:
    """A profile, and the calibrated workload where it is known.

    Args:
        field: what is to be a profile, for the message.
        others: what else it may be, for the message.

    Raises:
        InputError: there is no such file, or no profile in it.
    """
    calibration: Calibration | None = None
    if isinstance(source, Calibration):
        profile, calibration = fitted(source, field), source
    else:
        profile, calibration = find_profile(field, str(source), *others)
    if calibration is None:
        return profile, None
    if profile.gpu is None and any(burst.cell.device for burst in calibration.bursts):
        # Fitting needs scipy, whose import takes longer than most predictions.
        from nworkers.models.fitting.gpu_section import with_gpu  # noqa: PLC0415

        profile = with_gpu(profile, calibration)
    if profile.round_levels is None:
        from nworkers.models.fitting.round_spread import round_levels  # noqa: PLC0415 (as above)

        profile = replace(profile, round_levels=round_levels(calibration.bursts))
    return profile, calibration.workload

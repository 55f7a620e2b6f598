"""Hardware: the profile that a request describes, put together from what it names and states."""

from __future__ import annotations

from dataclasses import dataclass

from nworkers.models.base.defaults import SOFTWARE_PROFILE
from nworkers.models.files.input_file import is_input
from nworkers.models.files.shipped import shipped_profile, shipped_profiles
from nworkers.models.findings.rounds_apart import rounds_apart
from nworkers.models.findings.sanity import doubts
from nworkers.models.records.job_request import JobRequest, ProfileSource
from nworkers.models.records.nominal_link import nominal_link
from nworkers.models.records.on_device import on_gpu, through_host_memory, with_device
from nworkers.models.records.profile import Profile, with_link
from nworkers.models.records.setting import Changed
from nworkers.models.records.workload import Workload
from nworkers.simulator.study.settings import fields_of, settings_of, with_settings

_MORE = "`scale next` says how many rounds more would narrow them"


@dataclass(frozen=True)
class Hardware:
    """A profile as the workers see it, the workload that was calibrated, and what is doubtful.

    ``changed`` is what of the profile was set.
    """

    profile: Profile
    workload: Workload | None
    doubts: tuple[str, ...]
    changed: tuple[Changed, ...] = ()


def hardware_of(request: JobRequest) -> Hardware:
    """Read each file that the request names once; the last word has what it states.

    Raises:
        InputError: there is no such profile, link or device; a number makes no sense.
    """
    profile, calibrated = read_source("calibration", request.profile)
    doubtful: tuple[str, ...] = ()
    if apart := rounds_apart(profile.round_levels):
        doubtful = (f"the calibration's {apart}: predictions may be off by as much; {_MORE}",)
    if request.device_of is not None:
        devices, calibrated = read_source("device_of", request.device_of)
        profile = with_device(profile, devices)
    if request.link is not None:
        profile, doubts_of_link = _linked(profile, request.link)
        doubtful += doubts_of_link
        profile = through_host_memory(profile)
    device = request.device or ("cpu" if profile.gpu is None else "gpu")
    seen = on_gpu(profile) if device == "gpu" else profile
    set_so, changed = with_settings(seen, settings_of(request), fields_of(request))
    return Hardware(set_so, calibrated, doubtful, changed)


def read_source(field: str, source: ProfileSource, *others: str) -> tuple[Profile, Workload | None]:
    """A profile, and the calibrated workload where it is known."""
    if isinstance(source, Profile):
        return source, None
    if source in shipped_profiles():
        return shipped_profile(str(source)), None
    # What reads and checks a file of others takes longer to import than most predictions.
    from nworkers.simulator.study.own_hardware import own_hardware  # noqa: PLC0415

    return own_hardware(field, source, *others)


def read_link(link: ProfileSource) -> Profile | str:
    """The profile that has the link; of a nominal one, its text alone.

    Raises:
        InputError: there is no such profile, and no such rate.
    """
    said = link.strip() if isinstance(link, str) else ""
    # A file of such a name is a file.
    if not is_input(said) and nominal_link(said) is not None:
        return said
    return read_source("link", link, "a nominal link such as 10gbit")[0]


def _linked(profile: Profile, link: ProfileSource) -> tuple[Profile, tuple[str, ...]]:
    """The profile with that link, and what is doubtful of it."""
    other = read_link(link)
    if isinstance(other, Profile):
        return with_link(profile, other), tuple(doubts(profile, other))
    from nworkers.models.tables.components.nominal import over  # noqa: PLC0415 (few name a wire)

    wire = nominal_link(other)
    assert wire is not None
    return over(profile, wire, other, shipped_profile(SOFTWARE_PROFILE))

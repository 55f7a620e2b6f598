"""Profiles that tests hold predictions over: those that ship, those measured, two made up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial

from nworkers.models.files.shipped import shipped_profiles
from nworkers.models.files.store import find_profile
from nworkers.models.records.profile import Profile
from tests.kept.commands import FILES
from tests.support import factories


@cache
def _found(name: str) -> Profile:
    return find_profile("calibration", name)[0]


PROFILES: Mapping[str, Callable[[], Profile]] = {
    **{name: partial(_found, name) for name in shipped_profiles()},
    **{
        f"measured {name.lower()}": partial(_found, str(FILES[name]))
        for name in ("LOOPBACK", "NETWORK", "H100")
    },
    "made up": factories.profile,
    "every feature": factories.every_feature,
}

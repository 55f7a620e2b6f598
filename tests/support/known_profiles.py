"""Every profile at hand: shipped, measured, made up with nothing or everything optional."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from nworkers.models.files.shipped import shipped_profile, shipped_profiles
from nworkers.models.files.store import read_profile
from nworkers.models.records.profile import Collective, Parameter, Profile
from tests.support.factories import every_feature, profile

#: An all-reduce of which nothing is known.
UNMEASURED: Collective[Parameter] = Collective(measured=False)
_KEPT = Path(__file__).parents[1] / "kept"


@cache
def known_profiles() -> dict[str, Profile]:
    """By name; those between hosts first."""
    found = {name: shipped_profile(name) for name in shipped_profiles()}
    found |= {file.name: read_profile(file) for file in sorted(_KEPT.glob("*.json.gz"))}
    found |= {
        "plain": profile(),
        "every feature": every_feature(),
        "every feature, no all-reduce": every_feature(collective=UNMEASURED),
        "every feature, one host": every_feature(link__kind="loopback", link__evidence="one host"),
    }
    return dict(sorted(found.items(), key=lambda item: item[1].link.kind != "network"))


def networks() -> dict[str, Profile]:
    """Those that were measured between hosts, or are made up to have been."""
    return {name: of for name, of in known_profiles().items() if of.link.kind == "network"}

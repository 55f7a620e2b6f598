"""Shipped profiles: those that the package brings along, by their names."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from nworkers.models.base.errors import InputError
from nworkers.models.files.own_json import own_record
from nworkers.models.records.profile import SECTIONS, Identified, NotIdentified, Profile

PROFILES = Path(__file__).with_name("profiles")


def shipped_profiles() -> tuple[str, ...]:
    """Names of the profiles that the package brings along."""
    return tuple(sorted(file.stem for file in PROFILES.glob("*.json")))


def shipped_profile(name: str) -> Profile:
    """Raises: InputError where no such profile is shipped."""
    if name not in shipped_profiles():
        raise InputError("profile", name, ", ".join(shipped_profiles()) or "none is shipped")
    return _read(PROFILES / f"{name}.json")


@lru_cache
def _read(file: Path) -> Profile:
    made = own_record(Profile, file.read_bytes(), Identified | NotIdentified)
    return replace(made, stand_ins=dict.fromkeys(SECTIONS, file.stem))

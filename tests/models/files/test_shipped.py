from __future__ import annotations

from dataclasses import replace

import pytest

from nworkers.models.base.errors import InputError
from nworkers.models.files.shipped import PROFILES, shipped_profile, shipped_profiles
from nworkers.models.files.store import read_profile


@pytest.mark.parametrize("name", shipped_profiles())
def test_a_shipped_profile_is_what_a_reader_of_others_files_makes_of_it(name: str) -> None:
    made, checked = shipped_profile(name), read_profile(PROFILES / f"{name}.json")
    assert replace(made, stand_ins={}) == checked
    # 1 and 1.0 are equal, and are not the same.
    assert repr(replace(made, stand_ins={})) == repr(checked)


def test_another_name_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(InputError, match="emulated-1gbit, h100, loopback-2core"):
        shipped_profile("emulated-2gbit")

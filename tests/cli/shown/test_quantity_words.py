"""Whatever a page names of a profile has words."""

from __future__ import annotations

import pytest

from nworkers.cli.shown.quantity_words import quantity_words
from nworkers.models.files.shipped import shipped_profiles
from nworkers.models.files.store import find_profile
from nworkers.models.records.profile import parameters


@pytest.mark.parametrize("name", sorted(shipped_profiles()))
def test_every_parameter_of_a_profile_has_words_of_its_own(name: str) -> None:
    profile, _ = find_profile("calibration", name)
    known = {path: quantity_words(path) for path, _ in parameters(profile)}
    assert not [path for path, words in known.items() if not words]
    # Only pieces of one law, workloads and optimisers share theirs.
    plain = {words for path, words in known.items() if "[" not in path}
    assert len(plain) == len([path for path in known if "[" not in path])

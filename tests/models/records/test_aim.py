"""What counts as winning: a target, and what a sample brings."""

from __future__ import annotations

import pytest

from nworkers.models.base.errors import InputError
from nworkers.models.records.aim import PLAIN_AIM, Aim, check_aim


def test_a_noise_scale_gives_the_statistical_efficiency_of_pollux() -> None:
    aim = Aim(noise_scale=1000.0)
    assert aim.progress_per_sample(64, 64) == 1.0
    assert aim.progress_per_sample(1064, 64) == pytest.approx(1064 / 2064)
    # Without noise a larger batch brings nothing; with noise alone all samples count.
    assert Aim(noise_scale=0.0).progress_per_sample(640, 64) == pytest.approx(0.1)
    assert Aim(noise_scale=1e12).progress_per_sample(640, 64) == pytest.approx(1.0)


def test_a_factor_holds_at_any_batch_and_a_plain_aim_counts_samples() -> None:
    assert Aim(samples_factor=4.0).progress_per_sample(1, 64) == 0.25
    assert PLAIN_AIM.progress_per_sample(640, 64) == 1.0
    assert PLAIN_AIM.counts_samples
    assert not Aim(samples_factor=1.0).counts_samples


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf"), 1.1e6])
@pytest.mark.parametrize("field", ["target_speedup", "samples_factor"])
def test_what_nobody_reaches_is_refused(field: str, value: float) -> None:
    with pytest.raises(InputError, match=field):
        check_aim(Aim(**{field: value}))


def test_a_noise_scale_is_a_number_of_samples_and_alone() -> None:
    for value in (-1.0, float("nan"), float("inf")):
        with pytest.raises(InputError, match="noise_scale"):
            check_aim(Aim(noise_scale=value))
    with pytest.raises(InputError, match="without"):
        check_aim(Aim(noise_scale=1.0, samples_factor=2.0))

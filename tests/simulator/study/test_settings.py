"""What is set is so in every draw, and everything that may be set moves some prediction."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nworkers.models.base.errors import InputError
from nworkers.models.files.shipped import shipped_profile
from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.profile import NotIdentified, parameters
from nworkers.models.records.setting import Setting
from nworkers.models.records.workload import StepSeconds
from nworkers.simulator.answers import answer_predict
from nworkers.simulator.study.ask import predict
from nworkers.simulator.study.hardware import hardware_of
from nworkers.simulator.study.resolve import resolve
from nworkers.simulator.study.settings import settables, with_settings

NETWORK = shipped_profile("emulated-1gbit")
FETCH = "link.fetch.latency_s"
PATHS = [settable.path for settable in settables(NETWORK) if settable.samples is not None]


def test_a_value_has_no_spread() -> None:
    changed, (change,) = with_settings(NETWORK, [Setting(FETCH, value=5e-5)])
    assert set(dict(parameters(changed))[FETCH].draws) == {5e-5}
    assert changed.drawn(3).link.fetch.segments[0].latency_s == 5e-5
    assert (change.value, change.unit) == (5e-5, "s")
    assert change.was == pytest.approx(183e-6, rel=0.01)
    assert changed.stated == (*NETWORK.stated, FETCH)
    assert changed.name == f"emulated-1gbit with {FETCH} set"


@settings(deadline=None, max_examples=30)
@given(st.sampled_from(PATHS), st.floats(1.0, 3.0))
def test_a_factor_scales_every_draw_and_nothing_else(path: str, factor: float) -> None:
    changed, _ = with_settings(NETWORK, [Setting(path, factor=factor)])
    for name, before in parameters(NETWORK):
        after = dict(parameters(changed))[name]
        times = factor if name == path else 1.0
        assert after.draws == pytest.approx([times * draw for draw in before.draws])


def test_a_path_that_shares_its_record_with_another_is_set_alone() -> None:
    """A profile may have one record in two places."""
    twins = replace(NETWORK, link=replace(NETWORK.link, push=NETWORK.link.fetch))
    changed, _ = with_settings(twins, [Setting("link.push.per_tensor_s", value=1.0)])
    assert changed.link.fetch == NETWORK.link.fetch
    assert changed.link.push.per_tensor_s != changed.link.fetch.per_tensor_s


def test_what_is_not_identified_becomes_known() -> None:
    path = "link.fetch.bandwidth_bytes_per_s"
    assert isinstance(dict(parameters(NETWORK))[path], NotIdentified)
    changed, (change,) = with_settings(NETWORK, [Setting(path, value=1e9)])
    assert not isinstance(dict(parameters(changed))[path], NotIdentified)
    assert change.was is None


def test_the_fields_of_a_request_are_settings() -> None:
    by_field = hardware_of(JobRequest(cores=8, spread=0.03, memory_bytes=16e9))
    paths = ("host.cores", "host.memory_bytes", "noise.compute")
    by_path = hardware_of(
        JobRequest(
            settings=tuple(
                Setting(path, value=value)
                for path, value in zip(paths, (8, 16e9, 0.03), strict=True)
            )
        )
    )
    assert by_field == by_path
    assert {settable.path for settable in settables(NETWORK)} > set(paths)
    known = {settable.path: settable.value for settable in settables(by_path.profile)}
    assert known["noise.compute"] == pytest.approx(0.03, rel=0.05)
    assert known["host.cores"] == 8


def test_a_setting_comes_after_the_link() -> None:
    request = JobRequest(
        profile="loopback-2core",
        link="emulated-1gbit",
        settings=(Setting(FETCH, value=1e-3),),
    )
    assert hardware_of(request).profile.link.fetch.segments[0].latency_s.draws[0] == 1e-3


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ((Setting("link.fetch.latncy_s", value=1.0),), "did you mean link.fetch.latency_s"),
        ((Setting("", value=1.0),), "list_settings"),
        ((Setting(FETCH),), "a number, a share such as 3%, or a factor"),
        ((Setting(FETCH, 1.0, 2.0),), "a number, a share such as 3%, or a factor"),
        ((Setting(FETCH, value=0.0),), "from 1e-30"),
        ((Setting(FETCH, value=float("nan")),), "from 1e-30"),
        ((Setting(FETCH, factor=-1.0),), "a factor above 0"),
        ((Setting("host.memory_bytes", factor=2.0),), "it was not measured"),
        ((Setting("host.cores", value=0.0),), "settings: got host.cores=0"),
        ((Setting("link.push.latency_s", value=1.0),), "follows a fetch"),
        (
            (Setting("link.shared_bandwidth_bytes_per_s", factor=0.1),),
            "set link.fetch.segments[0].bandwidth_bytes_per_s too",
        ),
        ((Setting(FETCH, value=1.0), Setting(FETCH, factor=2.0)), "once"),
    ],
)
def test_what_cannot_be_set(said: tuple[Setting, ...], words: str) -> None:
    with pytest.raises(InputError) as caught:
        hardware_of(JobRequest(settings=said))
    assert words in str(caught.value)


def test_contradictions() -> None:
    with pytest.raises(InputError, match=r"host\.cores once"):
        hardware_of(JobRequest(cores=4, settings=(Setting("host.cores", value=8.0),)))
    replaced = JobRequest(
        step_time=(StepSeconds(32, 0.1),),
        settings=(Setting("device.workloads[gemm:128,256].step.floor_s", value=1.0),),
    )
    with pytest.raises(InputError, match="without step_time"):
        resolve(replaced, [2])


def test_the_answer_says_that_the_machine_is_another() -> None:
    flows = [f"link.{way}.segments[0].bandwidth_bytes_per_s" for way in ("fetch", "push")]
    paths = ("link.shared_bandwidth_bytes_per_s", *flows)
    slower = JobRequest(settings=tuple(Setting(path, factor=0.1) for path in paths))
    answer = answer_predict(resolve(slower, [4]))
    assert answer.rows[0].step_time_s > 2 * predict(JobRequest(), 4).step_time_s
    assert any("no longer the machine that was measured" in note for note in answer.notes)
    same = JobRequest(cores=NETWORK.host.cores)
    assert not any("no longer" in note for note in answer_predict(resolve(same, [4])).notes)


def test_a_setting_that_no_step_depends_on_is_told() -> None:
    idle = JobRequest(settings=(Setting("host.apply[adam].per_byte_s", factor=2.0),))
    notes = answer_predict(resolve(idle, [2])).notes
    assert any("host.apply[adam].per_byte_s changes nothing" in note for note in notes)
    told = JobRequest(settings=(Setting("host.apply[sgd].per_byte_s", factor=2.0),))
    assert not any("changes nothing" in n for n in answer_predict(resolve(told, [2])).notes)

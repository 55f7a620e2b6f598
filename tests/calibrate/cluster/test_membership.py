"""Clusters as people describe them, and what is wrong with some descriptions."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nworkers.calibrate.cluster.membership import (
    Membership,
    addresses,
    expand_nodes,
    from_slurm,
    from_tf_config,
    host_port,
    tasks_per_node,
    with_ps,
)
from nworkers.models.base.errors import InputError

PS, W0, W1 = "10.0.0.1:2222", "10.0.0.2:2222", "worker-1.training:2222"


def tf_config(job: str = "worker", index: int = 0, **jobs: list[str]) -> str:
    cluster = {"ps": [PS], "worker": [W0, W1]} | jobs
    return json.dumps({"cluster": cluster, "task": {"type": job, "index": index}})


def test_worker_0_of_a_tf_config_coordinates_and_the_others_serve() -> None:
    first = from_tf_config(tf_config())
    assert first == Membership("TF_CONFIG", (PS,), (W0, W1), "worker", 0, coordinates=True)
    assert first.address == W0
    assert not first.one_host
    for job, index, address in (("worker", 1, W1), ("ps", 0, PS)):
        other = from_tf_config(tf_config(job, index))
        assert (other.coordinates, other.address) == (False, address)


def test_a_chief_coordinates_and_is_no_worker() -> None:
    chief = from_tf_config(tf_config("chief", chief=["10.0.0.9:2222"]))
    assert (chief.job, chief.coordinates, chief.address) == ("coordinator", True, "")
    worker = from_tf_config(tf_config("worker", chief=["10.0.0.9:2222"]))
    assert (worker.coordinates, worker.coordinator) == (False, "the chief")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("{", "TF_CONFIG: got no JSON"),
        ("[]", "TF_CONFIG: got no cluster"),
        ('{"cluster": {}}', "TF_CONFIG: got no cluster"),
        (json.dumps({"cluster": {"worker": [W0]}}), "TF_CONFIG: task: got nothing"),
        (tf_config("evaluator"), r"TF_CONFIG: task.type: got evaluator; allowed: ps or worker"),
        (tf_config("worker", 2), r"TF_CONFIG: task.index: got 2; allowed: 0 to 1"),
        (tf_config("worker", True), r"TF_CONFIG: task.index: got True"),
        (tf_config(worker=["10.0.0.2"]), r"cluster.worker: got 10.0.0.2; allowed: host:port"),
        (tf_config(worker=[PS, W1]), f"TF_CONFIG: cluster: got {PS} twice"),
        (tf_config(worker=["10.0.0.2:99999"]), "host:port"),
        (tf_config("ps", worker=[]), "cluster.worker: got none"),
        (tf_config(gpu=[W0]), r"TF_CONFIG: cluster.gpu"),
    ],
)
def test_a_bad_tf_config_is_one_line(text: str, line: str) -> None:
    with pytest.raises(InputError, match=line) as caught:
        from_tf_config(text)
    assert "\n" not in str(caught.value)


@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_no_tf_config_makes_a_traceback(text: str) -> None:
    with pytest.raises(InputError):
        from_tf_config(text)


SLURM = {
    "SLURM_STEP_ID": "0",
    "SLURM_JOB_ID": "4711",
    "SLURM_STEP_NODELIST": "gpu[01-02],login",
    "SLURM_STEP_TASKS_PER_NODE": "2(x2),1",
    "SLURM_PROCID": "3",
    "SLURM_NODEID": "1",
    "SLURM_LOCALID": "1",
}


def test_a_slurm_step_is_workers_in_the_order_of_nodes_with_ports_of_the_job() -> None:
    made = from_slurm(SLURM)
    assert made is not None
    port = host_port(made.workers[0])[1]
    assert [host for host, _ in map(host_port, made.workers)] == [
        "gpu01",
        "gpu01",
        "gpu02",
        "gpu02",
        "login",
    ]
    assert [p - port for _, p in map(host_port, made.workers)] == [0, 1, 0, 1, 0]
    assert (made.job, made.index, made.coordinates) == ("worker", 3, False)
    other = from_slurm(SLURM | {"SLURM_JOB_ID": "4712", "SLURM_NODEID": "0", "SLURM_LOCALID": "0"})
    assert other is not None
    assert other.coordinates
    assert host_port(other.workers[0])[1] != port


def test_outside_of_srun_and_alone_there_is_no_cluster() -> None:
    assert from_slurm({}) is None
    batch_script = {k: v for k, v in SLURM.items() if k != "SLURM_STEP_ID"}
    assert from_slurm(batch_script) is None
    alone = {"SLURM_STEP_NODELIST": "a", "SLURM_STEP_TASKS_PER_NODE": "1"}
    assert from_slurm(SLURM | alone) is None


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"SLURM_STEP_NODELIST": ""}, "SLURM_STEP_NODELIST: got nothing"),
        ({"SLURM_STEP_NODELIST": "gpu[03-01]"}, "SLURM_STEP_NODELIST"),
        ({"SLURM_STEP_NODELIST": "gpu[1"}, "SLURM_STEP_NODELIST"),
        ({"SLURM_STEP_TASKS_PER_NODE": "two"}, "SLURM_STEP_TASKS_PER_NODE"),
        ({"SLURM_STEP_TASKS_PER_NODE": "2"}, "counts of 3 nodes"),
        ({"SLURM_JOB_ID": "x"}, "SLURM_JOB_ID: got x"),
        ({"SLURM_LOCALID": "5"}, "a task of this step"),
    ],
)
def test_what_slurm_does_not_set_so_is_refused(changed: dict[str, str], line: str) -> None:
    with pytest.raises(InputError, match=line):
        from_slurm(SLURM | changed)


def test_node_lists() -> None:
    assert expand_nodes("a") == ["a"]
    assert expand_nodes("a[1,3-4]b[01-02]") == [
        "a1b01",
        "a1b02",
        "a3b01",
        "a3b02",
        "a4b01",
        "a4b02",
    ]
    assert tasks_per_node("1,2(x2)") == [1, 2, 2]


@given(st.text(max_size=40))
def test_any_node_list_gives_names_or_one_line(text: str) -> None:
    with suppress(InputError):
        assert expand_nodes(text)


def test_ps_are_made_of_the_last_workers() -> None:
    step = from_slurm(SLURM | {"SLURM_NODEID": "2", "SLURM_LOCALID": "0"})
    assert step is not None
    made = with_ps(step, 2)
    assert (made.ps, made.workers) == (step.workers[3:], step.workers[:3])
    assert (made.job, made.index, made.address) == ("ps", 1, step.workers[4])
    with pytest.raises(InputError, match="fewer than the 5 tasks"):
        with_ps(step, 5)
    with pytest.raises(InputError, match="has 1 ps of its own"):
        with_ps(from_tf_config(tf_config()), 1)


@pytest.mark.parametrize("text", ["", "host", "host:", "host:0", ":1", "a:1,a:1", "a:1,,b:2"])
def test_bad_addresses(text: str) -> None:
    with pytest.raises(InputError, match="--worker"):
        addresses("--worker", text)


def test_addresses_of_version_6() -> None:
    assert [host_port(a) for a in addresses("--ps", "[::1]:1, b:2")] == [("::1", 1), ("b", 2)]

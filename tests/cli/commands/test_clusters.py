"""Clusters started as people start them: separate processes, on the testbed and on loopback."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from nworkers.calibrate.cluster.start import free_ports
from nworkers.models.files.store import read_calibration, read_measurement
from nworkers.models.records.calibration import Calibration
from tests.support.kills import kept, wait_until
from tests.testbed.hosts import Host, hosts, unavailable

pytestmark = pytest.mark.tensorflow
SCALE = str(Path(sys.executable).with_name("scale"))
on_hosts = pytest.mark.skipif(bool(unavailable()), reason=f"NOT TESTED: {unavailable()}")
#: Enough to see that every task does its part.
MEASURE = ["calibrate", "--quick", "--rounds", "2", "--only", "noop,fetch,gemm"]
PATIENCE_S = 150


@pytest.fixture(scope="module")
def network() -> Iterator[tuple[Host, ...]]:
    with hosts(3, rate_mbit=1000) as made:
        yield made


@contextmanager
def named(found: tuple[Host, ...]) -> Iterator[list[str]]:
    """Give the hosts names, which `ip netns exec` puts into their /etc/hosts."""
    names = [f"gpu0{k + 1}" for k in range(len(found))]
    lines = [f"{host.address} {name}" for host, name in zip(found, names, strict=True)]
    folders = [Path("/etc/netns") / host.namespace for host in found]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "hosts").write_text("\n".join(["127.0.0.1 localhost", *lines]))
    try:
        yield names
    finally:
        for folder in folders:
            (folder / "hosts").unlink()
            folder.rmdir()


def finished(process: subprocess.Popen[str], timeout_s: float = PATIENCE_S) -> tuple[int, str]:
    """(exit status, stderr) of a process that must end by itself."""
    with process:
        _, err = process.communicate(timeout=timeout_s)
    assert "Traceback" not in err
    return process.returncode, err


def start(host: Host | None, arguments: list[str], **environment: str) -> subprocess.Popen[str]:
    merged = os.environ | environment
    quiet = subprocess.PIPE
    if host is not None:
        return host.popen([SCALE, *arguments], env=merged, stdout=quiet, stderr=quiet)
    return subprocess.Popen([SCALE, *arguments], env=merged, stdout=quiet, stderr=quiet, text=True)


@contextmanager
def ended(*processes: subprocess.Popen[str]) -> Iterator[None]:
    """Leave no process behind, whatever the test finds."""
    with ExitStack() as stack:
        for process in processes:
            stack.enter_context(process)
            stack.callback(process.kill)
        yield


def check_three_hosts(found: Calibration) -> None:
    assert found.complete
    assert found.link_kind == "network"
    assert [(task.task, task.host) for task in found.tasks] == [
        ("ps0", 0),
        ("worker0", 1),
        ("worker1", 2),
    ]
    assert all(task.environment.facts["cpu_model"] for task in found.tasks)
    together = [b for b in found.bursts if b.cell.workers == 2]
    assert {b.worker for b in together} == {0, 1}
    assert {b.round for b in found.bursts} == {0, 1}


@on_hosts
@pytest.mark.root
def test_the_same_command_with_tf_config_on_every_node(
    network: tuple[Host, ...], tmp_path: Path
) -> None:
    ps, *workers = network
    cluster = {"ps": [f"{ps.address}:2222"], "worker": [f"{w.address}:2222" for w in workers]}
    tasks = [(ps, "ps", 0), *((host, "worker", k) for k, host in enumerate(workers))]
    output = tmp_path / "out.json"
    started = [
        start(
            host,
            [*MEASURE, "-o", str(output), "--logs", str(tmp_path / f"{job}{index}")],
            TF_CONFIG=json.dumps({"cluster": cluster, "task": {"type": job, "index": index}}),
        )
        for host, job, index in tasks
    ]
    with ended(*started):
        results = [finished(process) for process in started]
        assert [code for code, _ in results] == [0, 0, 0], results
        for (_, err), (_, job, index) in zip(results, tasks, strict=True):
            if (job, index) != ("worker", 0):
                assert f"TF_CONFIG: this is {job}{index} of 1 ps and 2 workers" in err
                assert "without authentication" in err
    check_three_hosts(read_calibration(output))


@on_hosts
@pytest.mark.root
@pytest.mark.slow
def test_slurm_with_names_for_nodes_and_one_task_made_a_ps(
    network: tuple[Host, ...], tmp_path: Path
) -> None:
    """No Slurm runs here: each process gets the variables that srun sets in its tasks."""
    output = tmp_path / "out.json"
    with named(network) as names:
        step = {
            "SLURM_JOB_ID": "4711",
            "SLURM_STEP_ID": "0",
            "SLURM_STEP_NODELIST": f"gpu0[1-{len(names)}]",
            "SLURM_STEP_TASKS_PER_NODE": f"1(x{len(names)})",
            "SLURM_LOCALID": "0",
        }
        started = [
            start(
                host,
                [*MEASURE, "--ps", "1", "-o", str(output), "--logs", str(tmp_path / str(rank))],
                SLURM_PROCID=str(rank),
                SLURM_NODEID=str(rank),
                **step,
            )
            for rank, host in enumerate(network)
        ]
        with ended(*started):
            results = [finished(process) for process in started]
    assert [code for code, _ in results] == [0, 0, 0], results
    assert "Slurm: this is worker1 of 1 ps and 2 workers" in results[1][1]
    assert "Slurm: this is ps0 of 1 ps and 2 workers" in results[2][1]
    check_three_hosts(read_calibration(output))


@on_hosts
@pytest.mark.root
def test_without_a_ps_its_probes_are_skipped_by_name(
    network: tuple[Host, ...], tmp_path: Path
) -> None:
    first, second, *_ = network
    output = tmp_path / "out.json"
    cluster = {"worker": [f"{host.address}:2223" for host in (first, second)]}
    started = [
        start(
            host,
            [*MEASURE, "-o", str(output), "--logs", str(tmp_path / str(index))],
            TF_CONFIG=json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}}),
        )
        for index, host in enumerate((first, second))
    ]
    with ended(*started):
        results = [finished(process) for process in started]
    assert [code for code, _ in results] == [0, 0], results
    assert "the cluster has no ps; --ps 1 makes one of its tasks a ps" in results[0][1]
    found = read_calibration(output)
    assert {b.cell.path for b in found.bursts} <= {"process", "server"}
    assert {s.cell.quantity for s in found.skipped} >= {"noop", "fetch"}


@on_hosts
@pytest.mark.root
@pytest.mark.slow
def test_serve_on_every_host_and_calibrate_from_another(
    network: tuple[Host, ...], tmp_path: Path
) -> None:
    serving = [
        start(host, ["serve", "--port", "2224", "--logs", str(tmp_path / host.namespace)])
        for host in network
    ]
    ps, *workers = (f"{host.address}:2224" for host in network)
    output = tmp_path / "out.json"
    measuring = start(
        network[0],
        [*MEASURE, "--ps", ps, "--worker", ",".join(workers), "-o", str(output)],
    )
    with ended(*serving, measuring):
        code, err = finished(measuring)
        assert code == 0, err
        for process in serving:
            code, err = finished(process, 20)
            assert code == 0, err
            assert "the coordinator is done" in err
    check_three_hosts(read_calibration(output))


TRAIN = [
    *("validate", "--calibration", "emulated-1gbit", "--workload", "gemm:128,256"),
    *("--starts", "1", "--seconds", "1", "--tolerance", "100"),
]


@on_hosts
@pytest.mark.root
@pytest.mark.parametrize(
    "runtime", ["session", pytest.param("coordinator", marks=pytest.mark.slow)]
)
def test_validate_trains_on_hosts_that_serve(
    network: tuple[Host, ...], tmp_path: Path, runtime: str
) -> None:
    """With one worker of two, the other is kept for the next start."""
    serving = [
        start(host, ["serve", "--port", "2226", "--logs", str(tmp_path / host.namespace)])
        for host in network
    ]
    ps, *workers = (f"{host.address}:2226" for host in network)
    output = tmp_path / "out.json"
    training = start(
        network[0],
        [
            *(*TRAIN, "--workers", "1,2", "--runtime", runtime, "-o", str(output)),
            *("--ps", ps, "--worker", ",".join(workers)),
        ],
    )
    with ended(*serving, training):
        code, err = finished(training)
        assert code == 0, err
        for process in serving:
            code, err = finished(process, 20)
            assert code == 0, err
            assert "the coordinator is done" in err
    check_training(output, {0, 1, 2})


@on_hosts
@pytest.mark.root
@pytest.mark.slow
def test_validate_trains_with_all_reduce_from_tf_config(
    network: tuple[Host, ...], tmp_path: Path
) -> None:
    """The same command everywhere; the ps has nothing to do."""
    output = tmp_path / "out.json"
    tasks = [("ps", 0), ("worker", 0), ("worker", 1)]
    addresses = [f"{host.address}:2227" for host in network]
    cluster = {"ps": addresses[:1], "worker": addresses[1:]}
    started = [
        start(
            host,
            [*TRAIN, "--workers", "2", "--strategy", "allreduce", "-o", str(output)],
            TF_CONFIG=json.dumps({"cluster": cluster, "task": {"type": job, "index": index}}),
        )
        for host, (job, index) in zip(network, tasks, strict=True)
    ]
    with ended(*started):
        results = [finished(process) for process in started]
    assert [code for code, _ in results] == [0, 0, 0], results
    check_training(output, {0, 2})


def check_training(path: Path, counts: set[int]) -> None:
    found = read_measurement(path)
    assert found.evidence == "cluster"
    assert {run.workers for run in found.runs} == counts
    for run in found.runs:
        assert len(run.steps_s) == max(1, run.workers)
        assert run.busy is not None
        assert run.busy.workers_s > 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--worker", "2"), "--workers has counts"),
        (("--worker", "a:1,b:1", "--ps", "c:1", "--workers", "3"), "at most 2"),
        (("--worker", "a:1,b:1,c:1", "--calibration", "loopback-2core"), "one of a network link"),
        (("--worker", "a:1,a:2", "--ps", "a:3"), "one of a loopback link"),
        (("--worker", "a:1,b:1", "--ps", "b:2"), "2 hosts, as the addresses say"),
    ],
)
def test_training_and_its_prediction_are_on_the_same_hosts(
    arguments: tuple[str, ...], words: str
) -> None:
    code, err = finished(start(None, [*TRAIN, "--workers", "1,2", *arguments]))
    assert code == 2
    assert words in err


@on_hosts
@pytest.mark.root
def test_tasks_that_never_come_up_are_named_each_with_its_reason(
    network: tuple[Host, ...], tmp_path: Path
) -> None:
    here, there, _ = network
    tasks = f"{here.address}:2225,{there.address}:2225,nobody.invalid:2225"
    began = time.monotonic()
    with there.unreachable():
        code, err = finished(
            start(
                here,
                [
                    *(*MEASURE, "--worker", tasks, "--connect-timeout", "3"),
                    *("-o", str(tmp_path / "out.json")),
                ],
            )
        )
    assert code == 3
    assert time.monotonic() - began < 45  # TensorFlow's import included
    (line,) = [line for line in err.splitlines() if line.startswith("scale: error:")]
    assert "task worker0 is not there: its host refuses the connection" in line
    assert "task worker1 cannot be reached" in line
    assert "task worker2 has the host name nobody.invalid, which does not resolve" in line
    assert not (tmp_path / "out.json").exists()


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        serving = start(None, ["serve", "--port", str(port), "--logs", str(tmp_path)])
        code, err = finished(serving, 60)
    assert code == 3
    assert f"port {port} cannot be used (Address already in use)" in err


@pytest.mark.parametrize(
    ("tf_config", "line"),
    [
        ("{not json", "TF_CONFIG: got no JSON"),
        (
            '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 4}}',
            "TF_CONFIG: task.index: got 4; allowed: 0 to 0",
        ),
    ],
)
def test_a_bad_tf_config(tmp_path: Path, tf_config: str, line: str) -> None:
    process = start(None, [*MEASURE, "-o", str(tmp_path / "out.json")], TF_CONFIG=tf_config)
    code, err = finished(process, 60)
    assert code == 2
    assert line in err
    assert len(err.splitlines()) == 1


@contextmanager
def serving_pair(tmp_path: Path) -> Iterator[tuple[list[subprocess.Popen[str]], list[str]]]:
    """A ps and a worker served on loopback; the processes, and the options that name them."""
    ports = free_ports(2)
    started = [
        start(None, ["serve", "--port", str(port), "--logs", str(tmp_path / str(port))])
        for port in ports
    ]
    with ended(*started):
        yield started, ["--ps", f"127.0.0.1:{ports[0]}", "--worker", f"127.0.0.1:{ports[1]}"]


def wait_for_line(process: subprocess.Popen[str], words: str) -> str:
    """Read a process's stderr until a line has the words; what was read."""
    assert process.stderr is not None
    read: list[str] = []
    for line in process.stderr:
        read.append(line)
        if words in line:
            return "".join(read)
    raise AssertionError("".join(read))


def task_pid(logs: Path) -> int:
    """The process that a `scale serve` has forked: whoever writes to its log.

    Between two phases, when a fresh one takes its place, nobody does for a moment.
    """
    until = time.monotonic() + 10
    while time.monotonic() < until:
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    if Path(os.readlink(entry / "fd" / "1")).parent == logs:
                        return int(entry.name)
                except OSError:
                    continue
        time.sleep(0.05)
    raise AssertionError(f"nobody writes to {logs}")


def test_a_second_coordinator_is_turned_away_and_the_first_one_s_death_is_noticed(
    tmp_path: Path,
) -> None:
    with serving_pair(tmp_path) as (serving, tasks):
        first = start(None, [*MEASURE, *tasks, "-o", str(tmp_path / "a.json"), "--rounds", "50"])
        with ended(first):
            wait_for_line(serving[1], "task worker0 of a cluster")
            time.sleep(3)
            second = start(None, [*MEASURE, *tasks, "-o", str(tmp_path / "b.json")])
            code, err = finished(second)
            assert code == 3
            assert "serves another coordinator" in err
            assert first.poll() is None
            first.kill()
            began = time.monotonic()
            for process in serving:
                code, err = finished(process, 20)
                assert code == 3
                assert "nothing was heard of the coordinator for 12 s" in err
            assert time.monotonic() - began < 18


@pytest.mark.parametrize(
    "victim", [pytest.param(0, id="ps", marks=pytest.mark.slow), pytest.param(1, id="worker")]
)
def test_a_task_elsewhere_that_dies_is_named(tmp_path: Path, victim: int) -> None:
    output = tmp_path / "a.json"
    with serving_pair(tmp_path) as (serving, tasks):
        measuring = start(None, [*MEASURE, *tasks, "-o", str(output), "--rounds", "50"])
        with ended(measuring):
            wait_for_line(serving[1], "task worker0 of a cluster")
            wait_until(lambda: bool(kept(output)), 60)
            port = tasks[1 + 2 * victim].rpartition(":")[2]
            os.kill(task_pid(tmp_path / port), signal.SIGKILL)
            began = time.monotonic()
            code, err = finished(measuring, 30)
            assert time.monotonic() - began < 15
            assert code == 3
            (line,) = [line for line in err.splitlines() if line.startswith("scale: error:")]
            assert f"task {('ps0', 'worker0')[victim]} " in line
            for process in serving:
                code, _ = finished(process, 20)
                assert code in (0, 3)
    assert read_calibration(output).bursts


OTHER_VERSION = """
import sys, nworkers.calibrate.cluster.node as node
real = node.versions
node.versions = lambda framework: real(framework) | {"TensorFlow": "2.20.0"}
if __name__ == "__main__":
    from nworkers.cli.app import main
    sys.argv[0] = "scale"
    sys.exit(main())
"""


def test_another_tensorflow_on_a_task_is_refused(tmp_path: Path) -> None:
    """One installation serves all tests, so the worker is made to state another version."""
    (port,) = free_ports(1)
    script = tmp_path / "other.py"
    script.write_text(OTHER_VERSION)
    serving = subprocess.Popen(
        [sys.executable, str(script), "serve", "--port", str(port), "--logs", str(tmp_path / "l")],
        text=True,
        stderr=subprocess.PIPE,
    )
    measuring = start(
        None,
        [*MEASURE, "--worker", f"127.0.0.1:{port}", "-o", str(tmp_path / "out.json")],
    )
    with ended(serving, measuring):
        code, err = finished(measuring)
    assert code == 3
    assert "task worker0 has TensorFlow 2.20.0, and the coordinator 2.21" in err

"""What the pages on clusters have people copy: it parses, runs, and is in docs/clusters/."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from nworkers.calibrate.cluster.membership import Membership, from_tf_config, host_port, with_ps
from nworkers.cli import tree as application
from nworkers.cli.asked.clusters import membership
from nworkers.cli.asked.options import option_of
from nworkers.models.base.errors import InputError
from nworkers.models.files.atomic_write import check_output

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "clusters.md").read_text()
FILES = DOCS / "clusters"
#: Each file's page, and its language there.
SHOWN = {
    "calibrate.sbatch": ("slurm", "bash"),
    "calibrate-job.yaml": ("kubernetes", "yaml"),
    "Dockerfile": ("kubernetes", "dockerfile"),
}


def calibrate_options(arguments: list[str]) -> dict[str, Any]:
    """What the command line of scale gives `scale calibrate`; a bad option raises."""
    program, command, *rest = arguments
    assert (program, command) == ("scale", "calibrate")
    group: Any = typer.main.get_command(application.app)
    return dict(group.commands["calibrate"].make_context("calibrate", rest).params)


def run(
    command: list[str], folder: Path, program: str, **environment: str
) -> tuple[list[str], str]:
    """Run a command with a program that only notes its arguments; those, and its TF_CONFIG."""
    stand_in = folder / program
    stand_in.write_text(
        "#!/bin/sh\n"
        f'printf "%s\\n" {program} "$@" > "{folder}/arguments"\n'
        f'printf "%s" "${{TF_CONFIG:-}}" > "{folder}/tf_config"\n'
    )
    stand_in.chmod(0o755)
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    environment["PATH"] = path
    subprocess.run(command, env=environment, check=True, timeout=30, cwd=folder)
    arguments = (folder / "arguments").read_text().splitlines()
    return arguments, (folder / "tf_config").read_text()


@pytest.mark.parametrize("name", SHOWN)
def test_a_page_shows_the_files_as_they_are(name: str) -> None:
    page, language = SHOWN[name]
    text = (DOCS / f"{page}.md").read_text()
    (shown,) = re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    assert shown == (FILES / name).read_text()
    assert f"(clusters/{name})" in text


def test_every_file_to_copy_is_shown() -> None:
    assert {path.name for path in FILES.iterdir()} == set(SHOWN)


def test_each_tf_config_of_the_page_is_one() -> None:
    alone, chief = (
        from_tf_config(text) for text in re.findall(r"```json\n(.*?)```", PAGE, flags=re.DOTALL)
    )
    assert (alone.job, alone.index, alone.coordinates) == ("worker", 0, True)
    assert (chief.job, chief.coordinates) == ("coordinator", True)
    assert (chief.ps, chief.workers) == (alone.ps, alone.workers)


# Errors


def error_lines() -> list[str]:
    """The lines that the page explains."""
    table = PAGE.partition("## What can go wrong")[2]
    rows = re.findall(r"^\| (`.*?`) \|", table, flags=re.MULTILINE)
    return [line for row in rows for line in re.findall(r"`(.*?)`", row)]


def source() -> str:
    """What scale's modules of clusters say, with strings over several lines made one."""
    root = DOCS.parent
    texts = [
        path.read_text() for part in ("calibrate", "cli") for path in (root / part).rglob("*.py")
    ]
    return re.sub(r'"\s*f?"', "", "\n".join(texts))


#: What is put in where the line is made.
VARIABLE = (
    r"HOST|PORT|…|task \w+\d|\b[\d.]+\b|"
    r"has TensorFlow|TensorFlow(?= is not installed)|"
    r"'build'|Address already in use|SIGKILL|TF_CONFIG: got"
)


@pytest.mark.parametrize("line", [e for e in error_lines() if "; allowed: " not in e])
def test_an_error_line_of_the_page_is_one_of_the_code(line: str) -> None:
    said = source()
    pieces = [piece.strip(" ();,") for piece in re.split(VARIABLE, line)]
    assert any(len(piece) > 6 for piece in pieces)
    for piece in pieces:
        assert piece in said, piece


TWICE = '{"cluster": {"worker": ["HOST:22", "HOST:22"]}}'
NO_SUCH = '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 4}}'
OWN_PS = '{"cluster": {"ps": ["a:1"], "worker": ["a:2"]}, "task": {"type": "ps", "index": 0}}'


@pytest.mark.parametrize(
    ("environment", "ps", "worker", "local"),
    [
        ({"TF_CONFIG": NO_SUCH}, None, None, False),
        ({"TF_CONFIG": TWICE}, None, None, False),
        ({"TF_CONFIG": OWN_PS}, "1", None, False),
        ({"SLURM_STEP_ID": "0", "SLURM_PROCID": "0"}, None, None, False),
        ({}, "HOST:22", None, False),
        ({}, None, "HOST:22", True),
    ],
)
def test_bad_input_gives_the_lines_of_the_page(
    environment: dict[str, str],
    ps: str | None,
    worker: str | None,
    local: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in list(os.environ):
        if name == "TF_CONFIG" or name.startswith("SLURM_"):
            monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InputError) as caught:
        membership(ps, worker, local=local)
    line = caught.value.worded(option_of)
    assert line.replace("HOST:22", "HOST:PORT") in error_lines()


def test_a_file_that_exists_gives_the_line_of_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my.json").touch()
    with pytest.raises(InputError) as caught:
        check_output(Path("my.json"), force=False)
    assert caught.value.worded(option_of) in error_lines()


# Kubernetes


def kubernetes() -> dict[str, Any]:
    documents = yaml.safe_load_all((FILES / "calibrate-job.yaml").read_text())
    return {document["kind"]: document for document in documents}


def pod() -> dict[str, Any]:
    return dict(kubernetes()["Job"]["spec"]["template"]["spec"])


def container() -> dict[str, Any]:
    (found,) = pod()["containers"]
    return dict(found)


def tasks() -> int:
    (variable,) = (v for v in container()["env"] if v["name"] == "TASKS")
    assert isinstance(variable["value"], str), "Kubernetes refuses a number here"
    return int(variable["value"])


def in_pod(index: int, folder: Path, count: int | None = None) -> tuple[Membership, dict[str, Any]]:
    """What the pod of an index takes itself for, and the options that it gives scale."""
    (script,) = container()["args"]
    # A test is no container: stderr's file is another one here.
    script = script.replace("/dev/termination-log", str(folder / "termination-log"))
    environment = {"JOB_COMPLETION_INDEX": str(index), "TASKS": str(count or tasks())}
    command = [*container()["command"], script]
    arguments, tf_config = run(command, folder, "scale", **environment)
    options = calibrate_options(arguments)
    return with_ps(from_tf_config(tf_config), int(options["ps"])), options


@pytest.mark.parametrize("count", [2, 3, 12])
def test_the_pods_agree_on_a_cluster_with_the_last_one_as_its_ps(
    tmp_path: Path, count: int
) -> None:
    seen = [in_pod(index, tmp_path, count)[0] for index in range(count)]
    assert len({(member.ps, member.workers) for member in seen}) == 1
    roles = [(member.job, member.index) for member in seen]
    assert roles == [*(("worker", k) for k in range(count - 1)), ("ps", 0)]
    assert [member.coordinates for member in seen] == [True] + [False] * (count - 1)
    assert not seen[0].one_host


def test_the_names_and_ports_are_those_that_kubernetes_gives(tmp_path: Path) -> None:
    found = kubernetes()
    job, service, policy = found["Job"], found["Service"], found["NetworkPolicy"]
    assert pod()["subdomain"] == service["metadata"]["name"]
    assert service["spec"]["clusterIP"] == "None"
    (port,) = (p["port"] for p in service["spec"]["ports"])
    for index in range(tasks()):
        member, _ = in_pod(index, tmp_path)
        name = f"{job['metadata']['name']}-{index}.{service['metadata']['name']}"
        assert host_port(member.address) == (name, port)
    assert container()["ports"] == [{"containerPort": port}]
    (rule,) = policy["spec"]["ingress"]
    assert rule["ports"] == [{"port": port}]
    labels = job["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"] == labels
    assert policy["spec"]["podSelector"]["matchLabels"] == labels
    assert rule["from"] == [{"podSelector": {"matchLabels": labels}}]
    (rule,) = pod()["affinity"]["podAntiAffinity"].popitem()[1]
    assert rule["labelSelector"]["matchLabels"] == labels


def test_all_pods_run_at_once_and_none_twice() -> None:
    spec = kubernetes()["Job"]["spec"]
    assert (spec["completions"], spec["parallelism"]) == (tasks(), tasks())
    assert spec["completionMode"] == "Indexed"
    assert spec["backoffLimitPerIndex"] == 0
    assert "backoffLimit" not in spec
    assert pod()["restartPolicy"] == "Never"


def test_the_log_is_the_result_alone(tmp_path: Path) -> None:
    _, options = in_pod(0, tmp_path)
    assert options["output"] == Path("-")
    assert options["logs"].is_absolute()
    assert "2>/dev/termination-log" in container()["args"][0]


def test_kubernetes_leaves_the_script_as_it_is() -> None:
    """In args, ``$(NAME)`` of a variable and ``$$`` are replaced before the shell sees them."""
    (script,) = container()["args"]
    assert not re.search(r"\$\$|\$\([A-Za-z_.-][\w.-]*\)", script)


# Slurm


def test_the_batch_script_is_bash() -> None:
    subprocess.run(["bash", "-n", FILES / "calibrate.sbatch"], check=True, timeout=30)


def test_the_batch_script_starts_scale_by_srun(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path), "SLURM_JOB_ID": "4711", "SLURM_CPUS_PER_TASK": "8"}
    command = ["bash", str(FILES / "calibrate.sbatch")]
    arguments, _ = run(command, tmp_path, "srun", **environment)
    begin = arguments.index("scale")
    assert all(argument.startswith("--") for argument in arguments[1:begin])
    options = calibrate_options(arguments[begin:])
    assert options["output"] == Path("calibration-4711.json")
    assert options["ps"] == "1"


def test_the_batch_script_asks_for_a_node_for_each_task() -> None:
    text = (FILES / "calibrate.sbatch").read_text()
    asked = dict(re.findall(r"^#SBATCH --([\w-]+)=(\S+)$", text, flags=re.MULTILINE))
    assert int(asked["nodes"]) >= 3
    assert asked["ntasks-per-node"] == "1"
    # Slurm reads these lines as far as the first command only.
    assert "#SBATCH" not in text.partition("\nset -eu\n")[2]

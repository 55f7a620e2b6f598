"""Every bad input is one line that names the field and what is allowed, exit 2, nothing written."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Run

CALIBRATION = Path(__file__).parents[1] / "kept" / "h100-quick.json.gz"
PREDICT = ("predict", "--workers", "4", "--calibration")


@pytest.mark.parametrize("workers", ["0", "-3", "1e9", "1000000000", "ten", "", "1.5", "2,x"])
def test_workers_that_are_no_count(run: Run, network: Path, workers: str) -> None:
    done = run("predict", "--calibration", network, f"--workers={workers}")
    assert done.code == 2
    assert done.error.startswith("--workers: got ")
    assert done.error.endswith("an integer from 1 to 1000000")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--batch", "0"], ["--batch", "got 0", "from 1"]),
        (["--batch", "9" * 5000], ["--batch", "from 1"]),
        (["--batch", "nan"], ["--batch", "got nan"]),
        (["--seed", "-1"], ["--seed", "from 0"]),
        (["--ps", "0"], ["--ps", "got 0"]),
        (["--strategy", "ps-asinc"], ["--strategy", "ps-sync", "did you mean ps-async?"]),
        (["--scaling", "both"], ["--scaling", "strong, weak"]),
        (["--runtime", "mirrored"], ["--runtime", "coordinator with --strategy ps-async"]),
        (["--workload", "gem:128,256"], ["--workload", "did you mean gemm:"]),
        (["--workload", "resnet50"], ["--workload", "did you mean resnet-50?"]),
        (["--workload", "gemm:128"], ["--workload", "gemm:FEATURES,HIDDEN"]),
        (["--workload", "nowhere.toml"], ["nowhere.toml", "no such file"]),
        (["--placement", "both"], ["--placement", "shared, separate"]),
        (["--placement", "shared", "--hosts", "2"], ["--hosts", "beside --placement"]),
        (["--hosts", "3"], ["--hosts", "3 for 4 workers", "2 hosts with 2 on each"]),
        (["--hosts", "5"], ["--hosts", "from 1 to 4"]),
        (["--workers-per-host", "0"], ["--workers-per-host", "from 1"]),
        (["--ps-placement", "shered"], ["--ps-placement", "did you mean shared?"]),
        (["--baseline", "cluster"], ["--baseline", "device, host"]),
        (["--link", "infiniband"], ["--link", "infiniband", "a calibration or profile file"]),
        (["--link", "10gbits"], ["--link: got 10gbits", "did you mean 10gbit?"]),
        (["--link", "0gbit"], ["--link: got 0gbit", "from 0.1mbit"]),
        (["--link", "10gbit,50"], ["--link: got 10gbit,50", "did you mean 10gbit,50us?"]),
        (["--what-if", "compute=0"], ["--what-if: got compute=0", "0.001 to 1e+06 times as fast"]),
        (["--what-if", "compute=fast"], ["--what-if: got compute=fast", "compute=10x"]),
        (["--what-if", "Compresion=0.1"], ["--what-if", "did you mean compression?"]),
        (["--what-if", "compresion=0.1" + ",2ns" * 30], ["--what-if", "did you mean compression?"]),
        (["--set", "link.latency=1us"], ["--set: got link.latency", "did you mean link."]),
        (["--set", "host.cores=1us"], ["--set: got host.cores", "a number"]),
        (["--batch", "2"], ["--workers", "at most the global batch (2)"]),
        (["--cores", "0"], ["--cores: got 0", "from 0.01"]),
        (["--spread", "3"], ["--spread: got '3'", "such as 3%"]),
        (["--spread", "wide"], ["--spread", "such as 3%"]),
        (["--memory", "16"], ["--memory: got '16'", "such as 16GB"]),
        (["--memory", "lots"], ["--memory", "such as 16GB"]),
        (["--memory", "1B"], ["--memory: got 1.0", "from 1e+06"]),
        (
            ["--memory", "1GB", "--workload", "vgg-16"],
            ["--memory: got 1 GB a host, less than 2.77 GB of tensors (ps 0: 2.77 GB)", "at least"],
        ),
        (["--wokers", "3"], ["--wokers", "see scale predict --help"]),
        (["extra"], ["extra", "see scale predict --help"]),
    ],
)
def test_options(run: Run, network: Path, arguments: list[str], words: list[str]) -> None:
    done = run(*PREDICT, network, *arguments)
    assert done.code == 2
    for word in words:
        assert word in done.error


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["predict"], "--workers"),
        (["predikt"], "predikt"),
        (["fit"], "FILE"),
        (["plot"], "command"),
        (["calibrate"], "--output"),
        (["breakeven", "--max-workers", "0"], "--max-workers"),
        (["breakeven", "--max-workers", "many"], "--max-workers"),
        (["validate", "--workers", "1,2"], "--calibration"),
        (["validate", "--workers", "0"], "--workers"),
        (["validate", "--workers", "1", "--tolerance", "nan"], "--tolerance"),
        (["validate", "--workers", "1", "--seconds", "-1"], "--seconds"),
        (["validate", "--workers", "1", "--starts", "0"], "--starts"),
        (["calibrate", "-o", "a.json", "--features", "128"], "--hidden"),
        (["calibrate", "-o", "a.json", "--rounds", "0"], "--rounds"),
        (["calibrate", "-o", "a.json", "--batch", "-1"], "--batch"),
        (["calibrate", "-o", "a.json", "--workload", "mlp"], "--workload"),
    ],
)
def test_usage(run: Run, tmp_path: Path, arguments: list[str], word: str) -> None:
    done = run(*arguments)
    assert done.code == 2
    assert word in done.error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, ["no such file", "scale calibrate"]),
        ("", ["an empty file"]),
        ("  \n", ["an empty file"]),
        ("{", ["line 1, column 2"]),
        ('{\n  "kind": "profile",\n  "sche', ["line 3, column 3"]),
        ("workers = 3", ["line 1, column 1", "no JSON"]),
        ("[1, 2]", ["[1, 2]", "calibration or profile"]),
        ("{}", ["kind", "nothing"]),
        ('{"schema_version": "1.0", "kind": "comparison"}', ["kind", '"comparison"']),
        ('{"schema_version": "3.0", "kind": "profile"}', ["3.0 is newer than 2.x: update scale"]),
        ('{"schema_version": 2.0, "kind": "profile"}', ["schema_version", '"2.x"']),
        ('{"schema_version": "1.0", "kind": "profile"}', ["name", "nothing", "required"]),
        ("[" * 100_000, ["nested too deeply", "64 levels"]),
        ('{"a":' * 5000, ["nested too deeply"]),
        ("[" + "[]," * 2_500_000 + "[]]", ["2,500,002 lists", "at most 2,000,000"]),
        ('{"kind": ' + "9" * 5000 + "}", ["no JSON"]),
    ],
)
def test_files(run: Run, tmp_path: Path, content: str | None, words: list[str]) -> None:
    path = tmp_path / "given.json"
    if content is not None:
        path.write_text(content)
    done = run(*PREDICT, path)
    assert done.code == 2
    assert str(path) in done.error
    for word in words:
        assert word in done.error


def test_a_folder_or_a_picture_for_a_file(run: Run, tmp_path: Path) -> None:
    assert "a folder" in run(*PREDICT, tmp_path).error
    picture = tmp_path / "picture.json"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n\xff\xff")
    assert "no text" in run(*PREDICT, picture).error


@pytest.mark.parametrize(
    "command",
    [
        ("fit", "/dev/full"),
        ("fit", "/dev/zero", "--base", "loopback-2core"),
        ("fit", "scaling.csv", "--workload", "/dev/zero"),
        ("plot", "fit", "/dev/full", "-o", "a.png"),
        ("predict", "--workers", "2", "--calibration", "/dev/zero"),
        ("predict", "--workers", "2", "--link", "/dev/zero"),
        ("predict", "--workers", "2", "--workload", "/dev/full"),
    ],
)
def test_what_has_no_end(run: Run, tmp_path: Path, command: tuple[str, ...]) -> None:
    header = "model,strategy,batch_per_worker,workers,samples_per_s"
    (tmp_path / "scaling.csv").write_text(f"{header}\nmine,allreduce,32,1,100\n")
    assert "got a device" in run(*command).error


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a" + ".a" * 50_000 + " = 1\n", ["line 2", "a key of too many parts", "16"]),
        ("[a" + ".a" * 50_000 + "]\n", ["line 2", "a key of too many parts"]),
        ("x = " + "[" * 50_000 + "]" * 50_000, ["line 2", "brackets nested too deeply", "16"]),
        ("x = " + "{a=" * 50_000, ["line 2", "brackets nested too deeply"]),
        ("".join(f"k{k} = 1\n" for k in range(100_000)), ["line 80001", "too many keys"]),
        ("".join(f"[k{k}.a.b.c]\n" for k in range(100_000)), ["too many keys"]),
        ('x = "' + '\\"' * 900_000, ["no TOML"]),
        ("x = " + "9" * 100_000, ["no TOML"]),
        ("x = '" + "." * 3_000_000 + "'", ["at most 2,097,152 bytes"]),
        ('[[variables]]\nname = "' + "." * 99 + '"  # [[[[[[[[[[[[[[[[[[[[[[', ["shape"]),
    ],
)
def test_a_workload_file_that_would_take_minutes(
    run: Run, tmp_path: Path, text: str, words: list[str]
) -> None:
    path = tmp_path / "model.toml"
    path.write_text('name = "mine"\n' + text)
    began = time.process_time()
    error = run("predict", "--workers", "2", "--workload", path).error
    assert time.process_time() - began < 3.0
    for word in words:
        assert word in error


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("NaN", "NaN"),
        ("Infinity", "Infinity"),
        ("1e999", "Infinity"),
        ("1e30", "1e+30"),
        ("-0.001", "-0.001"),
        ("0", "0"),
        ('"0.5"', '"0.5"'),
        ("true", "true"),
        ("null", "null"),
    ],
)
def test_numbers_in_a_file(run: Run, network: Path, value: str, shown: str) -> None:
    document = json.loads(network.read_text())
    document["link"]["fetch"]["segments"][0]["latency_s"]["draws"][3] = "HERE"
    network.write_text(json.dumps(document).replace('"HERE"', value))
    done = run(*PREDICT, network)
    assert done.code == 2
    assert (
        f"{network}: link.fetch.segments[0].latency_s.draws[3]: got {shown}; allowed: "
        in done.error
    )


def test_separate_hosts_from_loopback(run: Run, loopback: Path, network: Path) -> None:
    done = run(*PREDICT, loopback, "--placement", "separate")
    assert done.code == 2
    assert "add --link NAME|FILE" in done.error
    assert run(*PREDICT, loopback, "--placement", "separate", "--link", network).code == 0
    assert "--link" in run(*PREDICT, network, "--link", loopback).error


def test_outputs_are_checked_before_the_work(run: Run, network: Path, tmp_path: Path) -> None:
    command = ("breakeven", "--calibration", network, "--max-workers", "2", "--plot")
    there = tmp_path / "there.png"
    there.write_text("mine")
    assert "--force" in run(*command, there).error
    assert there.read_text() == "mine"
    assert ".png, .svg, .pdf" in run(*command, tmp_path / "curve.gif").error
    assert "does not" in run(*command, tmp_path / "missing" / "curve.png").error
    # Even root may create nothing there, so this stands for any read-only folder.
    assert "--plot" in run(*command, "/proc/curve.png").error
    (tmp_path / "folder.png").mkdir()
    assert "a folder" in run(*command, tmp_path / "folder.png", "--force").error
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder.png", network.name, "there.png"]


def test_a_name_may_be_too_long(run: Run, network: Path, tmp_path: Path) -> None:
    """No error has more than 400 characters, whatever it is about."""
    name = tmp_path / ("9" * 5000 + ".json")
    for option in ("--trace", "--workload", "--link", "--wokers"):
        done = run(*PREDICT, network, option, name)
        assert done.code == 2
        assert len(done.error) <= 400
    assert "File name too long" in run(*PREDICT, network, "--trace", name).error
    assert len(run("9" * 5000).error) <= 400


def test_calibrate_refuses_an_existing_file(run: Run, tmp_path: Path) -> None:
    there = tmp_path / "there.json"
    there.write_text("mine")
    assert "add --force" in run("calibrate", "-o", there).error
    assert "does not" in run("calibrate", "-o", tmp_path / "missing" / "a.json").error
    assert there.read_text() == "mine"


def test_toml_slip(run: Run, network: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.toml"
    path.write_text('name = "mine"\n[cost]\nfloor = 0.1\n')
    done = run(*PREDICT, network, "--workload", path)
    assert done.code == 2
    assert "cost.floor: got an unknown key" in done.error
    assert "did you mean floor_s?" in done.error


def test_a_defect_is_one_line_too(run: Run, network: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("on purpose")

    monkeypatch.setattr("nworkers.simulator.answers.predictions", broken)
    done = run(*PREDICT, network)
    assert done.code == 70
    assert "RuntimeError: on purpose" in done.error


@pytest.mark.parametrize(
    "command",
    [
        ("predict", "--workers", "2", "--calibration", ""),
        ("predict", "--workers", "2", "--link", ""),
        ("predict", "--workers", "2", "--workload", ""),
        ("predict", "--workers", "2", "--trace", ""),
        ("breakeven", "--plot", ""),
        ("plot", "breakeven", "-o", ""),
        ("plot", "fit", "", "-o", "a.png"),
        ("fit", ""),
        ("fit", "a.json", "-o", ""),
        ("calibrate", "-o", ""),
        ("calibrate", "-o", "a.json", "--logs", ""),
        ("validate", "--workers", "1", "--measured", ""),
        ("validate", "--workers", "1", "--export", ""),
        ("validate", "--workers", "1", "--write-workload", ""),
    ],
)
def test_an_empty_path_is_called_empty(run: Run, tmp_path: Path, command: tuple[str, ...]) -> None:
    done = run(*command)
    assert done.code == 2
    assert "got an empty path; allowed: the name of a" in done.error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("command", "field"),
    [
        (("breakeven", "--max-workers", "2", "--plot", "-"), "--plot"),
        (("plot", "breakeven", "-o", "-"), "-o/--output"),
        (("predict", "--workers", "2", "--trace", "-"), "--trace"),
        (("fit", CALIBRATION, "-o", "-"), "-o/--output"),
    ],
)
def test_a_stream_where_there_must_be_a_file(
    run: Run, tmp_path: Path, command: tuple[object, ...], field: str
) -> None:
    done = run(*command)
    assert done.code == 2
    assert done.error.startswith(f"{field}: got -; allowed: ")
    assert list(tmp_path.iterdir()) == []


def test_control_characters_of_files_are_shown(run: Run, network: Path, tmp_path: Path) -> None:
    red = "\x1b[31m\u202e\x9bevil\r"
    document = json.loads(network.read_text())
    network.write_text(json.dumps(document | {"hardware": red}, ensure_ascii=False))
    path = tmp_path / "model.toml"
    text = '[[variables]]\nname = "w"\nshape = [8, 8]\n[cost]\nfloor_s = 0.1\nper_sample_s = 0\n'
    path.write_text('name = "\\u001b[31m\\u202eevil"\n' + text)
    for extra in ((), ("--json",)):
        done = run(*PREDICT, network, "--workload", path, *extra)
        assert done.code == 0
        assert not set(red[:1] + "\u202e\x9b\r") & set(done.out + done.err)
        assert "\\u001b[31m\\u202e" in done.out
    network.write_text(json.dumps(document | {"provisional": red}, ensure_ascii=False))
    assert not set("\x1b\u202e\x9b\r") & set(run(*PREDICT, network).error)
    missing = run(*PREDICT, tmp_path / "\x1b]0;title\x07.json").error
    assert "\\u001b]0;title\\u0007.json: got no such file" in missing


@pytest.mark.parametrize(
    "command",
    [
        ("predict", "--workers", "9" * 5000),
        ("predict", "--workers", "2", "--what-if", "x" * 5000),
        ("predict", "--workers", "2", "--calibration", "\x1b" * 90 + ".json"),
        ("predict", "--workers", "2", "--workload", "gemm:" + "9," * 3000),
        ("predict", "--workers", "2", "--" + "x" * 3000),
        ("fit", "x" * 3000),
        ("fit", "x/" * 3000),
    ],
)
def test_no_error_is_longer_than_400_characters(run: Run, command: tuple[str, ...]) -> None:
    done = run(*command)
    assert done.code == 2
    assert done.error
    assert len(done.err.rstrip("\n")) <= 400

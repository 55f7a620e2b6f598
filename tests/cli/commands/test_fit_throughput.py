"""`scale fit` of throughputs over workers, to the prediction of thirty."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nworkers.models.files.store import read_profile
from nworkers.models.tables.throughput.published import PUBLISHED
from tests.cli.conftest import Run

ROOT = Path(__file__).parents[3]
DAINT = ROOT / "tests" / "support" / "examples" / "piz-daint.csv"
HEADER = "model,strategy,batch_per_worker,ps,workers,samples_per_s\n"
MINE = HEADER + "MyNet,ps-sync,32,1,1,100\nMyNet,ps-sync,32,1,2,190\nMyNet,ps-sync,32,1,4,360\n"


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.csv"
    path.write_text(MINE)
    return path


@pytest.mark.parametrize(
    ("name", "system", "fit_to", "worst"),
    [
        ("tf_benchmarks_2017.csv", "p2.8xlarge-K80", 16, 0.15),
        ("tf_benchmarks_2017.csv", "dgx-1-p100", 4, 0.05),
        ("piz_daint_2017.csv", None, 16, None),
    ],
)
def test_published_tables(
    run: Run, tmp_path: Path, name: str, system: str | None, fit_to: int, worst: float | None
) -> None:
    text = (PUBLISHED / name).read_text()
    # Steps with thousands of transfers take a while; `scale validate --published` simulates them.
    lines = [line for line in text.splitlines() if ",64,40," not in line and ",128," not in line]
    table = tmp_path / name
    table.write_text("\n".join(lines))
    options = ("--fit-to", fit_to, *(("--system", system) if system else ()))
    done = run("fit", table, *options, "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)["scaling"]
    assert found["row_count"] == len(found["rows"])
    for row in found["rows"]:
        assert row["fitted"] == (row["workers"] <= fit_to)
        assert (row["predicted_samples_per_s_interval"] is None) == row["fitted"]
    ours = found["errors"]["predicted"]["scale"]
    assert ours["median"] <= 0.05
    if worst is not None:
        assert ours["worst"] <= worst
    assert ours["median"] < found["errors"]["predicted"]["amdahl"]["median"]


def test_three_points_and_thirty_workers(run: Run, tmp_path: Path, mine: Path) -> None:
    profile = tmp_path / "mine.json"
    done = run("fit", mine, "--workload", "resnet-50", "-o", profile)
    assert done.code == 0, done.err
    for word in ("Amdahl", "USL", "Paleo", "3 rows fitted", "not identified", "provisional"):
        assert word in done.out
    assert f"--calibration {profile} --workload resnet-50" in done.out
    made = read_profile(profile)
    assert made.link.evidence == "imported"
    assert made.workload == "resnet-50"
    # The workload need not be named again: its variables ship.
    command = ("predict", "--strategy", "ps-sync", "--scaling", "weak", "--batch", "32")
    servers = ("--ps", "1", "--ps-placement", "shared")
    done = run(*command, "--workers", "30", *servers, "--calibration", profile, "--json")
    assert done.code == 0, done.err
    row = json.loads(done.out)
    assert row["workload"] == "resnet-50"
    assert row["compute_source"] == "step_table"
    # Between a link that four workers fill and one that nobody notices.
    assert 4 * 90 < row["throughput_samples_per_s"] < 30 * 100
    low, high = row["throughput_samples_per_s_interval"]
    assert high / low > 1.2
    assert row["speedup_interval"][0] < row["speedup"] < row["speedup_interval"][1]
    done = run("breakeven", *command[1:], "--max-workers", "4", "--calibration", profile, "--json")
    assert json.loads(done.out)["breakeven_workers"] in (1, 2)


def test_what_is_not_identified_is_no_number(run: Run, mine: Path) -> None:
    document = json.loads(run("fit", mine, "--workload", "resnet-50", "--json").out)
    for parameter in document["parameters"]:
        assert (parameter["estimate"] is not None) == parameter["identified"]
    by_name = {p["parameter"]: p for p in document["parameters"]}
    assert not by_name["link.fetch.per_tensor_s"]["identified"]
    spread = document["scaling"]["spread"]
    assert (spread["estimate"] is not None) == spread["identified"]


def test_a_workload_by_file(run: Run, mine: Path, tmp_path: Path) -> None:
    toml = tmp_path / "net.toml"
    toml.write_text(
        'name = "my-net"\nflops_per_sample = 1e9\n'
        'variables = [{ name = "w", shape = [1000, 50] }]\n'
    )
    done = run("fit", mine, "--workload", toml, "--fit-to", "2")
    assert done.code == 0, done.err
    assert "my-net" in done.out
    assert "1 row predicted" in done.out


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        (MINE, (), ["model", "got MyNet", "inception-v3", "--workload"]),
        (MINE, ("--workload", "resnet50"), ["--workload", "resnet-50"]),
        (MINE, ("--workload", "resnet-50", "--fit-to", "1"), ["at least two numbers"]),
        (MINE, ("--workload", "resnet-50", "--fit-to", "4"), ["--fit-to", "fewer than", "(4)"]),
        (MINE, ("--workload", "resnet-50", "--fit-to", "0"), ["--fit-to", "from 1"]),
        (MINE, ("--workload", "resnet-50", "--system", "x"), ["--system", "(none stated)"]),
        (MINE, ("--workload", "resnet-50", "--workers", "2"), ["--workers", "scaling table"]),
        (MINE, ("--workload", "resnet-50", "--base", "nowhere"), ["--base", "nowhere"]),
        (MINE.replace("190", "-1"), (), ["line 3: samples_per_s", "got"]),
        (MINE.replace("samples_per_s", "samples_s"), (), ["did you mean it by samples_s?"]),
        (HEADER, (), ["a header without rows"]),
    ],
)
def test_bad_input(
    run: Run, tmp_path: Path, content: str, options: tuple[str, ...], words: list[str]
) -> None:
    path = tmp_path / "given.csv"
    path.write_text(content)
    done = run("fit", path, *options, "-o", tmp_path / "out.json")
    assert done.code == 2
    for word in words:
        assert word in done.error
    assert [p.name for p in tmp_path.iterdir()] == ["given.csv"]


def test_several_systems(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "two.csv"
    rows = DAINT.read_text().splitlines()
    path.write_text("\n".join([*rows, rows[-1].replace("Piz-Daint-P100", "other")]))
    error = run("fit", path).error
    assert "mixed hardware (Piz-Daint-P100, other)" in error
    assert "--system NAME" in error


def test_options_of_a_scaling_table_elsewhere(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_text("quantity,seconds,size_bytes\nfetch,0.01,1000\nfetch,0.02,2000000\n")
    for option in ("--workload", "--system", "--fit-to", "--batch"):
        assert option in run("fit", path, option, "3").error


WIDE = "GPUs | 4 | 8 | 16\n-- | -- | -- | --\nHorovod | 792.41 | 1523 | 2900\n"


def test_laws_alone_answer_where_a_batch_or_variables_are_missing(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "wide.md"
    path.write_text(WIDE)
    done = run("fit", path)
    assert done.code == 0, done.err
    for words in (
        "alone answer",
        "no batch: give",
        "--batch",
        "--workload",
        "Horovod is allreduce",
    ):
        assert words in done.out
    found = json.loads(run("fit", path, "--fit-to", "8", "--json").out)["scaling"]
    assert found["laws_alone"]
    assert found["missing"] == ["batch_per_worker", "model"]
    assert [row["fitted"] for row in found["rows"]] == [True, True, False]
    assert set(found["rows"][0]["predicted_samples_per_s"]) == {"amdahl", "usl"}
    assert [row["workers"] for row in found["beyond"]] == [32, 64]


def test_a_profile_needs_what_is_missing(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "wide.md"
    path.write_text(WIDE)
    done = run("fit", path, "-o", tmp_path / "out.json")
    assert done.code == 2
    assert "got no batch; allowed: a column batch_per_worker, or --batch" in done.error
    given = ("--batch", "64", "--workload", "resnet-50")
    done = run("fit", path, *given, "-o", tmp_path / "out.json")
    assert done.code == 0, done.err
    assert read_profile(tmp_path / "out.json").workload == "resnet-50"


def test_one_batch_of_all_workers_is_answered_by_the_laws(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "strong.csv"
    path.write_text(
        "workers,global_batch,images/sec,model\n1,256,100,resnet50\n2,256,190,resnet50\n"
        "4,256,350,resnet50\n"
    )
    done = run("fit", path)
    assert done.code == 0, done.err
    assert "one batch of all workers" in done.out
    assert "resnet50, batch 256" in done.out

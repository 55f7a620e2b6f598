from __future__ import annotations

from pathlib import Path

import pytest

from nworkers.cli.asked.step_times import step_times
from nworkers.models.base.errors import InputError
from nworkers.models.records.workload import StepSeconds

ROW = "[[step]]\nbatch = 64\nseconds = 0.12\n"


def test_times_and_files_become_rows(tmp_path: Path) -> None:
    path = tmp_path / "steps.toml"
    path.write_text(f"{ROW}processor_s = 0.4\n")
    found = step_times(["200ms@128", "30ms@8", str(path)])
    assert found == (
        StepSeconds(8, 0.03),
        StepSeconds(64, 0.12, 0.4),
        StepSeconds(128, pytest.approx(0.2)),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["120@64"], "such as 120ms@64"),
        (["120ms"], "such as 120ms@64"),
        (["120ms@"], "such as 120ms@64"),
        (["120ms@6.4"], "such as 120ms@64"),
        (["120ms@-4"], "such as 120ms@64"),
        (["120MB@64"], "such as 120ms@64"),
        ([""], "such as 120ms@64"),
        (["120ms@0"], "a batch from 1"),
        (["120ms@9999999999"], "a batch from 1"),
        (["-1ms@64"], "from 1 ns"),
        (["0s@64"], "from 1 ns"),
        (["1e300h@64"], "from 1 ns"),
        (["1ms@64", "2ms@64"], "each batch once"),
        (["no-such.toml"], "no such file"),
    ],
)
def test_what_is_no_step_time(texts: list[str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        step_times(texts)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('name = "a"\n' + ROW, "an unknown key"),
        (ROW + "second = 1\n", "did you mean seconds"),
        (ROW.replace("64", "0"), "got 0"),
        (ROW.replace("0.12", "-1"), "got -1"),
        ("step = []\n", "step"),
        (ROW + ROW, "ascending"),
    ],
)
def test_a_file_of_steps_alone(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "steps.toml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        step_times([str(path)])
    assert words in str(caught.value)
    assert str(path) in str(caught.value)

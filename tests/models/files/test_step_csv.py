"""Step CSV: what people write, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from nworkers.models.base.errors import InputError
from nworkers.models.files.step_csv import read_steps

TIMES = [0.5, 0.1, 0.25] * 4


def written(folder: Path, text: str) -> Path:
    path = folder / "run.csv"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("header", "unit"),
    [("", 1.0), ("step_time_s\n", 1.0), ("ms\n", 1e-3), ("step_time_ms\n", 1e-3), ("S\n", 1.0)],
)
def test_one_column_under_its_unit_or_in_seconds(tmp_path: Path, header: str, unit: float) -> None:
    lines = "\n".join(f"{t / unit:g}" for t in TIMES)
    run = read_steps(written(tmp_path, f"# mine\n{header}\n{lines}\n\n"))
    assert run.steps_s == pytest.approx(TIMES)
    assert run.between_s is None


def test_a_column_among_others_and_what_recorders_write(tmp_path: Path) -> None:
    lines = "\n".join(f"{k},{t},0" for k, t in enumerate(TIMES))
    assert read_steps(written(tmp_path, f"step,step_time_s,loss\n{lines}")).steps_s == tuple(TIMES)
    lines = "\n".join(f"{t},{t / 2}" for t in TIMES)
    run = read_steps(written(tmp_path, f"step_time_s,between_s\n{lines}"))
    assert run.between_s == tuple(t / 2 for t in TIMES)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "an empty file"),
        ("# nothing\n", "no steps"),
        ("loss\n1\n", "loss"),
        ("1,2\n", "1,2"),
        ("s\n" + "1\n" * 9, "9 steps"),
        ("s\n" + "1\n" * 9 + "0\n", "line 11"),
        ("s\n" + "1\n" * 9 + "nan\n", "line 11"),
        ("s\n" + "1\n" * 9 + "-1\n", "line 11"),
        ("s\n" + "1\n" * 9 + "1e9\n", "line 11"),
        ("s\n" + "1\n" * 9 + "fast\n", "line 11"),
        ("step_time_s,between_s\n" + "1,0\n" * 9 + "1\n", "line 11"),
        ("step_time_s,between_s\n" + "1,0\n" * 9 + "1,-1\n", "line 11"),
    ],
)
def test_what_is_no_run_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_steps(written(tmp_path, text))

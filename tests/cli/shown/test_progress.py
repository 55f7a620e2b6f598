from __future__ import annotations

import pytest

from nworkers.cli.shown.progress import ProgressLine


def test_a_log_gets_plain_lines_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressLine("calibrating", quiet_s=0.0) as progress:
        for done in range(3):
            progress.update(done, 177, "noop ps", 65.0)
    captured = capsys.readouterr()
    assert captured.err == "calibrating: 0 of 177, noop ps, 1 min 05 s left\n"
    assert captured.out == ""


def test_a_log_of_hours_gets_few_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now_s)
    with ProgressLine("calibrating") as progress:
        while now_s < 4 * 3600.0:
            now_s += 1.0
            progress.update(int(now_s), 14_400)
    said = capsys.readouterr().err
    assert said.startswith(
        "calibrating: 2 of 14400, 239 min 58 s left\ncalibrating: 17 of 14400, 239 min 43 s left\n"
    )
    assert 10 < said.count("\n") < 40
    assert not {"\r", "\x1b"} & set(said)


def test_short_work_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressLine("predicting") as progress:
        progress.update(1, 2)
    assert capsys.readouterr().err == ""


def test_a_terminal_gets_a_bar(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with ProgressLine("calibrating", quiet_s=0.0) as progress:
        progress.update(3, 177, "noop ps", 65.0)
    assert "calibrating noop ps" in capsys.readouterr().err

"""The page of pictures is as it is made, its pictures say what they did, and are small enough."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.page import ROOT
from benchmarks.pictures import (
    IMAGES,
    JOBS,
    KINDS,
    MOST_BYTES,
    PAGE,
    SIZES,
    SWEEP,
    Kind,
    files,
    page,
    reduced,
    title,
)
from nworkers.cli import app
from nworkers.cli.plots import style

WIDE = {"small": 640, "large": 1600}
#: What is drawn in a second, and reads no calibration that is to be fitted first.
QUICK = {"breakdown", "timeline"}


def test_the_page_is_as_it_is_made() -> None:
    assert PAGE.read_text() == page()


@pytest.mark.parametrize(
    ("page", "picture"),
    [("README.md", "docs/img/readme.png"), ("docs/sweeps.md", "img/sweep.png")],
)
def test_other_pages_say_what_their_picture_says(page: str, picture: str) -> None:
    path = IMAGES / Path(picture).name
    assert f"![{title(path)}]({picture})" in (ROOT / page).read_text()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", [kind.name for kind in KINDS])
def test_every_picture_is_there(kind: str, size: str) -> None:
    path = IMAGES / f"{kind}-{size}.png"
    assert path.stat().st_size <= MOST_BYTES
    with Image.open(path) as drawn:
        assert drawn.width == WIDE[size]
        shown = drawn.convert("RGB").getcolors()
    assert shown
    assert title(path) == title(IMAGES / f"{kind}-small.png")
    # A file has few colours, and the style's are among them as they are.
    assert {series.colour for series in style.SERIES} & {
        f"#{bytes(colour).hex()}" for _, colour in shown if isinstance(colour, tuple)
    }


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, id=kind.name, marks=() if kind.name in QUICK else pytest.mark.slow)
        for kind in KINDS
    ],
)
def test_the_command_draws_what_the_page_says(
    kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if kind.own_file:
        files(tmp_path)
    (tmp_path / "sweep.toml").write_text(SWEEP)
    (tmp_path / "jobs.toml").write_text(JOBS)
    for line in filter(None, (kind.before, f"{kind.command} -o drawn.png --size small")):
        assert app.run(shlex.split(line)[1:]) == 0
    assert title(Path("drawn.png")) == title(IMAGES / f"{kind.name}-small.png")


def test_the_colour_of_a_small_mark_stays_as_it_is() -> None:
    dots = np.full((200, 200, 3), 255, np.uint8)
    dots[:100] = np.linspace(0, 255, 200)[None, :, None]
    dots[150:153, 150:153] = [0xD1, 0x60, 0x2A]
    (whole,) = reduced(Image.fromarray(dots), [16])
    assert f"#{bytes(np.asarray(whole.convert('RGB'))[151, 151]).hex()}" == style.ORANGE

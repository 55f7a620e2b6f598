"""The page of pictures is as it is made, and every picture is there, small enough to be shown."""

from __future__ import annotations

import struct

import pytest

from benchmarks.pictures import IMAGES, KINDS, MOST_BYTES, PAGE, page

WIDE = {"small": 640, "large": 1600}


def test_the_page_is_as_it_is_made() -> None:
    assert PAGE.read_text() == page()


@pytest.mark.parametrize("size", WIDE)
@pytest.mark.parametrize("kind", [kind.name for kind in KINDS])
def test_every_picture_is_there(kind: str, size: str) -> None:
    data = (IMAGES / f"{kind}-{size}.png").read_bytes()
    assert len(data) <= MOST_BYTES
    assert struct.unpack(">I", data[16:20]) == (WIDE[size],)

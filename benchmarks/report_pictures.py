"""Make the pictures of docs/report.md: two reports in three windows, light and dark.

python -m benchmarks.report_pictures        # a minute; needs chromium and chromedriver
"""

from __future__ import annotations

import base64
import io
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks.page import ROOT
from tests.support.browser import chromium, seen_at

IMAGES = ROOT / "docs" / "img"
JOB = ["--workload", "resnet-50", "--batch", "64", "--scaling", "weak"]
PRICED = [
    *JOB, "--target-speedup", "3", "--price-per-host-hour", "2.5", "--samples", "1e7",
    "--deadline", "3d", "--budget", "900",
]  # fmt: skip
#: A window's width, and how much of the page is shown.
WINDOWS = ((1280, 1830), (820, 2300), (390, 2500))
#: Of the second report its costs are shown, by so much.
COSTS = (1280, 1000)
#: The bandwidth's slider at 5.6 times today's.
MOVED = (
    "const s = document.getElementById('s-bandwidth'); s.value = 7;"
    "s.dispatchEvent(new Event('input'));"
)
TOP = "return document.getElementById('costs').getBoundingClientRect().top + scrollY"


def main() -> None:
    """Make both pages, and photograph them."""
    scale = str(Path(sys.executable).with_name("scale"))
    with tempfile.TemporaryDirectory() as name, chromium() as driver:

        def show(job: list[str]) -> None:
            path = Path(name, "report.html")
            options = [*job, "-o", str(path), "--quiet", "--force"]
            subprocess.run([scale, "report", *options], check=True)
            driver.get(path.as_uri())

        show(JOB)
        driver.execute_script(MOVED)
        for width, height in WINDOWS:
            for tone in ("light", "dark"):
                seen_at(driver, width, dark=tone == "dark")
                _save(driver, 0, width, height, IMAGES / f"report-{width}-{tone}.png")
        show(PRICED)
        seen_at(driver, COSTS[0])
        _save(driver, driver.execute_script(TOP), *COSTS, IMAGES / "report-costs.png")


def _save(driver: Any, top: float, width: int, height: int, path: Path) -> None:
    """A part of the page, in few colours so that the file is small."""
    shown = {"x": 0, "y": top, "width": width, "height": height, "scale": 1}
    taken = driver.execute_cdp_cmd(
        "Page.captureScreenshot", {"captureBeyondViewport": True, "clip": shown}
    )
    picture = Image.open(io.BytesIO(base64.b64decode(taken["data"]))).convert("RGB")
    few = picture.quantize(96, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


if __name__ == "__main__":
    main()

"""A headless Chromium, where there is one; CI has it, and says so."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

#: Where it is set, a browser that is not there fails a test; elsewhere it is skipped.
REQUIRED = "SCALE_BROWSER_REQUIRED"


def missing() -> str:
    """What a browser test lacks here; empty where it can run."""
    names = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    return f"no {' and no '.join(names)} on the path" if names else ""


@contextmanager
def chromium() -> Iterator[Any]:
    """A driver of a browser that is there for one test alone."""
    if lacks := missing():
        if os.environ.get(REQUIRED):
            pytest.fail(f"{lacks}, and {REQUIRED} is set")
        pytest.skip(f"NOT TESTED in a browser: {lacks} (Debian: chromium, chromium-driver)")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        yield driver
    finally:
        driver.quit()


def seen_at(driver: Any, width: int, *, dark: bool = False) -> None:
    """The page as a window of that width shows it."""
    scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def axe_violations(driver: Any) -> list[str]:
    """What axe-core finds that is serious or critical."""
    import axe_core_python

    driver.execute_script(Path(axe_core_python.__file__).with_name("axe.min.js").read_text())
    found: list[dict[str, Any]] = driver.execute_async_script(
        "const done = arguments[0]; axe.run().then((found) => done(found.violations))"
    )
    return [
        f"{one['id']}: {node['html'][:120]}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]

"""`scale report`: what the page holds, and that a browser shows what the command prints."""

from __future__ import annotations

import base64
import json
import math
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nworkers.cli import app
from nworkers.models.files.store import read_profile, write_record
from nworkers.models.records.calibration import Cell, Skipped
from tests.cli.conftest import Run, unchanged
from tests.kept.commands import FILES
from tests.support.browser import axe_violations, chromium, seen_at
from tests.support.calibrations import burst, calibration

JOB = ("--calibration", str(FILES["LOOPBACK"]), "--batch", "512", "--max-workers", "4")
SECTIONS = (
    "answer", "sliders", "changes", "breakdown", "options", "measured", "accuracy", "uncertain",
    "environment", "words", "scenario",
)  # fmt: skip
#: How far a curve may be off between two computed positions.
BETWEEN = 0.03


#: The same with a target and prices, on fewer workers.
AIMED = (*JOB[:-1], "2", "--target-speedup", "0.3")
SPENT = ("--price-per-host-hour", "2", "--samples", "1e6", "--deadline", "3d", "--budget", "900")
BOTH = ("--strategy", "ps-async,ps-sync")


def _page(folder: Path, *job: str) -> Path:
    path = folder / "report.html"
    with unchanged():
        assert app.run(["report", *job, "-o", str(path), "--quiet"]) == 0
    return path


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _page(tmp_path_factory.mktemp("report"), *JOB)


@pytest.fixture(scope="module")
def priced(tmp_path_factory: pytest.TempPathFactory) -> str:
    return _text(_page(tmp_path_factory.mktemp("priced"), *AIMED, *SPENT, *BOTH))


@pytest.fixture(scope="module")
def text(page: Path) -> str:
    return _text(page)


def _text(page: Path) -> str:
    """With plain blanks."""
    return page.read_text().replace("\N{NO-BREAK SPACE}", " ")


@pytest.fixture(scope="module")
def sliders(text: str) -> dict[str, Any]:
    return {slider["name"]: slider for slider in _slider_data(text)}


def _slider_data(page: str) -> list[dict[str, Any]]:
    (found,) = re.findall(r'<script type="application/json" id="slider-data">(.*?)</script>', page)
    read: list[dict[str, Any]] = json.loads(found)
    return read


@pytest.fixture(scope="module")
def browser(page: Path) -> Iterator[Any]:
    with chromium() as driver:
        driver.get(page.as_uri())
        yield driver


def test_one_small_file_needs_nothing_else(text: str) -> None:
    assert len(text.encode()) < 300_000
    assert not re.search(r"(src|href|action)=|url\(|@import|http-equiv=.refresh", text)
    assert "default-src 'none'" in text
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    assert len(script.encode()) < 20_000
    assert not re.search(r"\b(fetch|XMLHttpRequest|import|eval)\b", script)


def test_every_section_is_there_and_says_the_answer_first(text: str, run: Run) -> None:
    assert tuple(re.findall(r'<section id="(\w+)"', text)) == SECTIONS
    (title,) = re.findall(r"<h1>(.*?)</h1>", text)
    assert title == json.loads(run("breakeven", *JOB, "--json").out)["answer"]
    assert text.count("<figure>") == text.count("<figcaption>") == 3
    # Every picture has a name and is told in words.
    assert text.count('<svg role="img"') == text.count("<desc") == 3


def test_the_named_command_makes_the_same_page(text: str, run: Run) -> None:
    (again,) = re.findall(r"makes the same page:</p><pre[^>]*><code>(.*?)</code>", text)
    program, *asked = shlex.split(again)
    assert program == "scale"
    assert run(*asked, "--quiet").code == 0
    assert _text(Path("report.html")) == text


def test_a_slider_has_nine_positions_and_each_is_what_its_command_prints(
    sliders: dict[str, Any], run: Run
) -> None:
    assert list(sliders) == ["batch", "latency", "bandwidth", "ps", "device"]
    for slider in sliders.values():
        assert len(slider["at"]) == 9
        for position in (slider["at"][0], slider["at"][-1]):
            _, *asked = shlex.split(position["command"])
            found = json.loads(run(*asked, "--json").out)
            assert position["answer"] == found["answer"]
            assert position["workers"] == [row["workers"] for row in found["rows"]]
            assert position["speedup"] == [row["speedup"] for row in found["rows"]]


def test_a_target_and_prices_are_answered(priced: str, run: Run) -> None:
    found = json.loads(run("breakeven", *AIMED, *SPENT, "--json").out)
    money = found["money"]
    (title,) = re.findall(r"<h1>(.*?)</h1>", priced)
    assert title == found["answer"]
    assert "1 worker reaches 0.3 times one process" in title
    assert re.findall(r'<section id="(\w+)"', priced) == [SECTIONS[0], "costs", *SECTIONS[1:]]
    # What they cost is told at the top, drawn with its best number, and in a table.
    head, costs = priced.partition("</header>")[0], _section(priced, "costs")
    assert money["answer"] in " ".join(re.findall("<li>(.*?)</li>", head))
    drawn = re.findall(r'<text class="mark-label"[^>]*>(\d+) workers?: ', costs)
    assert drawn == [str(money["cheapest"]["workers"] or money["best_cost_workers"])] * 2
    assert costs.count("</figure>") == 2
    assert ">budget 900</text>" in costs
    assert ">deadline 72.0 h</text>" in costs
    for row in money["rows"]:
        assert f'<span class="n">{row["cost_per_hour"]:.2f}</span>' in costs


def test_sliders_options_and_the_page_s_command_keep_the_target(priced: str) -> None:
    for slider in _slider_data(priced):
        for position in slider["at"]:
            assert "0.3 times one process" in position["answer"]
            assert "--target-speedup 0.3" in position["command"]
    assert ">its cost<" in _section(priced, "options")
    assert "--strategy</span> ps-sync</th>" in _section(priced, "options")
    (again,) = re.findall(r"makes the same page:</p><pre[^>]*><code>(.*?)</code>", priced)
    _, *asked = shlex.split(again.replace("&#x27;", "'"))
    for option in (*AIMED[-2:], *SPENT[:2], "--strategy ps-sync"):
        assert option in asked


def _section(page: str, name: str) -> str:
    (found,) = re.findall(rf'<section id="{name}".*?</section>', page, re.DOTALL)
    return str(found)


def test_a_calibration_with_failed_cells_says_so_at_the_top(run: Run, tmp_path: Path) -> None:
    cell = Cell("noop", "server")
    failed = Skipped(cell, "a task <died> & was not restarted")
    spoilt = replace(
        calibration(*(burst(cell, k, 1e-3) for k in range(5))),
        profile=read_profile(FILES["LOOPBACK"]),
        skipped=(failed,),
        complete=False,
        stopped="time limit",
    )
    write_record(tmp_path / "failed.json", spoilt, force=False)
    job = ("--calibration", "failed.json", "--batch", "64", "--max-workers", "2")
    assert run("report", *job, "-o", "failed.html", "--quiet").code == 0
    head, _, _ = Path("failed.html").read_text().partition("<h1>")
    assert "1 measurement of this calibration failed" in head
    assert "a task &lt;died&gt; &amp; was not restarted" in head
    assert "not complete (time limit)" in head


def test_a_page_is_html_and_is_not_overwritten(run: Run) -> None:
    assert "a file name ending in .html" in run("report", "-o", "report.pdf").error
    Path("there.html").write_text("kept")
    assert "exists" in run("report", "-o", "there.html").error


# In a browser


def _move(driver: Any, name: str, value: float) -> list[tuple[int, float]]:
    """The curve in numbers, once a slider is there."""
    driver.execute_async_script(
        "const [name, value, done] = arguments; const s = document.getElementById('s-' + name);"
        "s.step = 'any'; s.value = value; s.dispatchEvent(new Event('input'));"
        "requestAnimationFrame(() => requestAnimationFrame(done));",
        name,
        value,
    )
    rows: list[list[Any]] = driver.execute_script(
        "return [...document.querySelectorAll('#moved-rows tr')].map((row) => "
        "[Number(row.cells[0].textContent), Number(row.cells[1].dataset.speedup)])"
    )
    return [(int(workers), float(speedup)) for workers, speedup in rows]


def test_the_browser_shows_what_was_computed(browser: Any, sliders: dict[str, Any]) -> None:
    for name, slider in sliders.items():
        for value, position in enumerate(slider["at"]):
            shown = _move(browser, name, value)
            assert shown == list(zip(position["workers"], position["speedup"], strict=True))
            said = browser.find_element("id", "moved-answer").text
            assert said == position["answer"]
            drawn = browser.find_element("id", "moved").get_attribute("d")
            assert len(re.split("[ML]", drawn)[1:]) == len(shown)
    assert browser.get_log("browser") == []


def test_between_two_positions_the_curve_is_nearly_right(
    browser: Any, sliders: dict[str, Any], run: Run
) -> None:
    """The middle between two values of a quantity, predicted anew."""
    for name, above, old, new, beyond in (
        ("batch", 6, "--batch 32768", "--batch 24576", math.log2(1.5)),
        ("latency", 5, "=0.7x", f"={math.sqrt(0.5 * 0.7):.6g}x", 0.5),
        ("bandwidth", 5, "=2.8x", f"={math.sqrt(2.0 * 2.8):.6g}x", 0.5),
        ("device", 4, "=2x", f"={math.sqrt(1.4 * 2.0):.6g}x", 0.5),
    ):
        asked = sliders[name]["at"][above]["command"].replace(old, new)
        assert new in asked
        found = json.loads(run(*shlex.split(asked)[1:], "--json").out)
        known = {row["workers"]: row["speedup"] for row in found["rows"] if _evenly(row, name)}
        shown = [row for row in _move(browser, name, above - 1 + beyond) if row[0] in known]
        assert len(shown) == len(known)
        for workers, speedup in shown:
            assert speedup == pytest.approx(known[workers], rel=BETWEEN)


def test_what_is_between_follows_four_neighbours(browser: Any, sliders: dict[str, Any]) -> None:
    """A straight line was 3.9 % off where a link begins to fill; this is the cubic through them."""
    near = [sliders["bandwidth"]["at"][k]["speedup"] for k in (3, 4, 5, 6)]
    logs = [[math.log(speedup) for speedup in curve] for curve in near]
    for n, (_, speedup) in enumerate(_move(browser, "bandwidth", 4.5)):
        a, b, c, d = (curve[n] for curve in logs)
        assert math.log(speedup) == pytest.approx((9 * (b + c) - a - d) / 16, abs=1e-9)


def _evenly(row: dict[str, Any], name: str) -> bool:
    """Whether the workers share the batch, and those of the computed values, without a rest."""
    return name != "batch" or 8192 % int(row["workers"]) == 0


def test_one_slider_at_a_time_and_back_to_today(browser: Any, sliders: dict[str, Any]) -> None:
    _move(browser, "batch", 8)
    _move(browser, "latency", 0)
    value = "return document.getElementById('s-batch').value"
    assert browser.execute_script(value) == str(sliders["batch"]["today"])
    browser.find_element("id", "reset").click()
    latency = "return document.getElementById('s-latency').value"
    assert browser.execute_script(latency) == str(sliders["latency"]["today"])


def test_the_keyboard_moves_a_slider_and_a_reader_hears_where_it_is(browser: Any) -> None:
    from selenium.webdriver.common.keys import Keys

    browser.refresh()
    slider = browser.find_element("id", "s-ps")
    slider.send_keys(Keys.ARROW_RIGHT)
    browser.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
    assert slider.get_attribute("aria-valuetext") == "2 parameter servers"
    assert browser.find_element("id", "moved-said").get_attribute("role") == "status"


@pytest.mark.parametrize(("width", "dark"), [(390, True), (390, False), (1400, True)])
def test_it_fits_and_axe_finds_nothing_serious(browser: Any, width: int, dark: bool) -> None:
    browser.refresh()
    seen_at(browser, width, dark=dark)
    wide = browser.execute_script("return document.documentElement.scrollWidth")
    assert wide <= width
    assert axe_violations(browser) == []
    # The keyboard stops at no table that has nothing to scroll.
    assert browser.execute_script(
        "return [...document.querySelectorAll('[tabindex]')].every("
        "(box) => box.scrollWidth > box.clientWidth)"
    )


def test_it_prints_to_two_pages(browser: Any) -> None:
    printed = browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
    pages = re.findall(rb"/Type\s*/Page\b", base64.b64decode(printed["data"]))
    assert len(pages) == 2

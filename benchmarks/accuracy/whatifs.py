"""What-ifs: one setting calibrated, one thing changed by an option, and that setting measured.

Calibrated on loopback, where all tasks share one host; asked, with ``--link``, about hosts of their
own behind shaped links. The runs are those of both halves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

from benchmarks.accuracy import store
from benchmarks.accuracy.curves import NAMES, Curve
from benchmarks.accuracy.rows import measured_s
from benchmarks.accuracy.scores import Judged, scores
from benchmarks.page import Page, table
from nworkers.models.files.shipped import shipped_profile
from nworkers.models.records.profile import Profile, with_link
from nworkers.simulator.study.predict import predict

#: The link of 1 Gbit/s ships with the package, measured a day before on the same testbed.
SHIPPED = {1000: "emulated-1gbit"}


@cache
def _profile(link_mbit: int) -> Profile:
    here = store.profile(store.calibration_name(0, NAMES["gemm"]))
    if link_mbit in SHIPPED:
        return with_link(here, shipped_profile(SHIPPED[link_mbit]))
    return with_link(here, store.profile(store.calibration_name(link_mbit, NAMES["gemm"])))


def publish(page: Page, each: Page, curves: Sequence[Curve]) -> None:
    """Write the section of docs/accuracy.md, and the cells beside it."""
    lines, judged = [], []
    for curve, workers, found in _judged(curves):
        low_s, high_s = found.interval_s or (found.predicted_s, found.predicted_s)
        judged.append(found)
        lines.append(
            [
                curve.cell(workers),
                f"{curve.link_mbit} Mbit/s",
                f"{1e3 * found.measured_s:.4g} ms",
                f"{1e3 * found.predicted_s:.4g} ms",
                f"{1e3 * low_s:.4g} to {1e3 * high_s:.4g}",
                f"{100 * found.error:+.1f} %",
            ]
        )
    of = scores(judged)
    held = f"{of.covered} within their intervals (p = {of.p_value:.2g})"
    head = ["cell", "link asked about", "measured", "predicted", "90 % interval", "error"]
    text = (
        "Calibrated on **loopback**, asked with `--link` about emulated hosts (100 Mbit/s: the "
        "link of this page's calibration; 1 Gbit/s: of the shipped `emulated-1gbit`).\n\n"
        f"{of.cells} cells: median error {100 * of.median_error:.1f} %, worst "
        f"{100 * of.worst_error:.1f} %; {held}, "
        f"whose median half-width is {100 * of.half_width:.1f} %."
    )
    data = {"cells": [[line[0], line[2], line[3], line[4]] for line in lines]}
    title = "What if it were another link"
    page.publish("what-if", title, text, data)
    each.write("what-if", title, table(head, lines))


def _judged(curves: Sequence[Curve]) -> Iterator[tuple[Curve, int, Judged]]:
    for curve in curves:
        for workers in curve.workers if curve.link_mbit else ():
            runs = store.read_runs(curve, workers)
            if runs:
                told = predict(_profile(curve.link_mbit), curve.scenario(workers))
                found = Judged(measured_s(runs), told.step_time_s, told.step_time_s_interval)
                yield curve, workers, found

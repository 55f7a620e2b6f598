"""Style: the colours of all pictures, a sheet whose title is the finding, and a file's bytes."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from math import ceil, floor, log2, log10
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.textpath import text_to_path
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from nworkers.cli.shown import console
from nworkers.cli.shown import format as fmt
from nworkers.cli.shown.visible import one_line
from nworkers.models.base.errors import cut
from nworkers.models.files.atomic_write import write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

BLUE, ORANGE, GREY, INK = "#1f5fa8", "#d1602a", "#8a8f98", "#22262b"
#: Text beside the finding, and lines behind the data.
QUIET, GRID = "#5a6069", "#e6e8eb"


@dataclass(frozen=True)
class Series:
    """How one of several things looks: no two are alike in grey, nor to who sees fewer colours."""

    colour: str
    hatch: str
    marker: str


#: Neighbours differ in lightness by 14 (CIELAB) at least.
SERIES = (
    Series(BLUE, "", "o"),
    Series("#9cc9ec", "", "s"),
    Series(ORANGE, "", "D"),
    Series("#f3d36b", "", "^"),
    Series("#8c3a1e", "", "v"),
    Series(GREY, "", "P"),
    Series("#16325c", "", "X"),
)


#: Their places in the order of lines: the dark ones first, which are seen on a tinted interval.
_LINES = (0, 2, 4, 1, 6, 5, 3)
#: Beyond as many as there are colours these go round again, dashed.
_DASHES = ("-", "--", ":", "-.")
#: More numbers of workers than these are a line without marks.
_MARKED = 24


def looks(count: int, workers: int, first: int = 0) -> list[dict[str, Any]]:
    """How so many curves look, from a place of the series on.

    Args:
        workers: how many numbers of them a curve has.
    """
    found: list[dict[str, Any]] = []
    for k in range(first, first + count):
        series = SERIES[_LINES[k % len(SERIES)]]
        marker = series.marker if workers <= _MARKED else ""
        dash = _DASHES[k // len(SERIES) % len(_DASHES)]
        found.append({"color": series.colour, "marker": marker, "ls": dash, "lw": 2.0, "ms": 4.5})
    return found


@dataclass(frozen=True)
class Size:
    """How large a picture is; a file of dots has ``width_in`` times ``dpi`` of them."""

    width_in: float
    height_in: float
    dpi: int


#: For a page beside text, and for a slide or a screen.
SMALL, LARGE = Size(6.4, 4.0, 100), Size(10.0, 5.8, 160)
SIZES = {"small": SMALL, "large": LARGE}

MARGIN_IN = 0.12
#: Points.
_FINDING, _ABOUT, _TEXT = 13.0, 9.5, 10.0
_LINE = 1.32
#: An axis of workers reaches beyond the first and the last by this factor.
EDGE = 1.12
#: Marks of a decade, more and more of them, and how far they are apart at least.
_STEPS = (
    (1.0,), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 5.0, 7.0),
    tuple(k / 10 for k in range(10, 100, 2)), tuple(k / 20 for k in range(20, 200)),
)  # fmt: skip
_MARK_IN = 0.2
#: More marks of a decade than these are odd ones.
_ROUND = 6
#: Of a longer name the two ends are shown.
MOST_CHARACTERS = 100
STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": _TEXT,
    "axes.edgecolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.labelcolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": _TEXT,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "text.parse_math": False,  # words of a file are words, whatever signs are in them
    "grid.color": GRID,
    "hatch.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "svg.hashsalt": "scale",  # the same picture gives the same file
}


def sheet(
    size: Size, finding: str, about: Iterable[str] = (), body_in: float | None = None
) -> Figure:
    """An empty figure under its heading; what is drawn on it is laid out below that.

    Args:
        finding: what the picture shows, as a sentence without its full stop.
        about: the configuration, a paragraph each.
        body_in: height below the heading, where it depends on what is drawn.
    """
    room_in = size.width_in - 2 * MARGIN_IN
    title = wrapped(finding, room_in, _FINDING, "bold")
    lines = [line for text in about for line in wrapped(text, room_in, _ABOUT)]
    title_in = len(title) * _FINDING * _LINE / 72
    heading_in = MARGIN_IN + title_in + len(lines) * _ABOUT * _LINE / 72 + 0.08
    # One line of heading belongs to the size; more make the picture higher, not the plot lower.
    height_in = heading_in + (size.height_in - 0.6 if body_in is None else body_in)
    with rc_context(STYLE):
        figure = Figure(figsize=(size.width_in, height_in), dpi=size.dpi, layout="constrained")
        FigureCanvasAgg(figure)
        left, top = MARGIN_IN / size.width_in, 1 - MARGIN_IN / height_in
        figure.text(
            left, top, "\n".join(title),
            va="top", weight="bold", fontsize=_FINDING, linespacing=_LINE - 0.12,
        )  # fmt: skip
        figure.text(
            left, top - title_in / height_in, "\n".join(lines),
            va="top", color=QUIET, fontsize=_ABOUT, linespacing=_LINE - 0.12,
        )  # fmt: skip
        edge_in = 0.5 * MARGIN_IN
        engine = figure.get_layout_engine()
        assert isinstance(engine, ConstrainedLayoutEngine)
        engine.set(
            rect=(
                edge_in / size.width_in,
                edge_in / height_in,
                1 - 2 * edge_in / size.width_in,
                1 - (heading_in + edge_in) / height_in,
            )
        )
    figure.set_label(cut(one_line(finding)))
    return figure


def headed(text: str) -> tuple[str, list[str]]:
    """Sentences as a heading: up to the first pause the finding, and the rest below it."""
    finding, *rest = re.split(r"[.,] ", text.removesuffix("."), maxsplit=1)
    return finding, rest


def wrapped(text: str, room_in: float, points: float, weight: str = "normal") -> list[str]:
    """Lines no wider than there is room, broken between words, and inside a word that is wider."""
    lines: list[str] = []
    for word in cut(one_line(text)).split(" "):
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and width_in(joined, points, weight) <= room_in:
            lines[-1] = joined
            continue
        while width_in(word, points, weight) > room_in:
            fits = int(len(word) * room_in / width_in(word, points, weight))
            while fits > 1 and width_in(word[:fits], points, weight) > room_in:
                fits -= 1
            # Of a path or a quantity, rather after a sign than inside a word.
            sign = max(word.rfind(sign, 0, fits) for sign in "._/-,=") + 1
            fits = sign if sign > fits // 2 else max(1, fits)
            lines.append(word[:fits])
            word = word[fits:]
        lines.append(word)
    return lines


@cache
def width_in(text: str, points: float = _TEXT, weight: str = "normal") -> float:
    """Inches that a line of text takes."""
    font = FontProperties(family="DejaVu Sans", size=points, weight=weight)
    return float(text_to_path.get_text_width_height_descent(text, font, ismath=False)[0]) / 72


def name(text: str) -> str:
    """A name from outside, as it stands in a picture."""
    return cut(one_line(text), MOST_CHARACTERS)


def worker_axis(axes: Axes, workers: Sequence[int]) -> None:
    """Workers, logarithmic; each count that was looked at is a tick, as far as there is room."""
    axes.set_xscale("log", base=2)
    axes.set_xlim(workers[0] / EDGE, workers[-1] * EDGE)
    room_in = 0.8 * axes.figure.bbox.width / axes.figure.dpi
    ticks = apart(workers, room_in, lambda text: width_in(text) + 0.12)
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("workers")


def apart(counts: Sequence[int], room_in: float, mark_in: Callable[[str], float]) -> list[int]:
    """The marks of a logarithmic axis: both ends, powers of two, then others with room for them.

    Args:
        mark_in: inches along the axis that a mark takes, of its text.
    """
    span = max(1e-9, log2(counts[-1] / counts[0]))
    powers = [n for n in counts if n & (n - 1) == 0]
    chosen: list[int] = []
    for count in [counts[0], counts[-1], *powers, *counts]:
        half_in = mark_in(f"{count:,}") / 2

        def near(other: int, count: int = count, half_in: float = half_in) -> bool:
            gap_in = abs(log2(other / count)) / span * room_in
            return gap_in < half_in + mark_in(f"{other:,}") / 2

        if not any(near(other) for other in chosen):
            chosen.append(count)
    return sorted(chosen)


def times_axis(axes: Axes, low: float, high: float, label: str) -> None:
    """How many times something, upwards, logarithmic."""
    axes.set_yscale("log")
    axes.set_ylim(low, high)
    times_ticks(axes.yaxis, low, high, 0.5 * axes.figure.bbox.height / axes.figure.dpi)
    axes.set_ylabel(label)
    axes.grid(axis="y")


def times_ticks(
    axis: Axis, low: float, high: float, room_in: float, apart_in: float = _MARK_IN
) -> None:
    """The marks of a logarithmic axis of ratios, as many as there is room for."""
    axis.set_major_locator(FixedLocator(log_marks(low, high, room_in, apart_in)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{_plain(value)}×"))


def log_marks(low: float, high: float, room_in: float, apart_in: float) -> list[float]:
    """The most marks of a logarithmic axis that do not crowd each other; at least two.

    Rounder ones come first, and of these the ones nearest to 1; odd ones only where two lack.
    """
    decades = range(floor(log10(low)), ceil(log10(high)) + 1)
    an_inch = log10(high / low) / room_in
    chosen: list[float] = []
    for steps in _STEPS:
        if len(chosen) > 1 and len(steps) > _ROUND:
            break
        marks = [step * 10.0**decade for decade in decades for step in steps]
        for mark in sorted(marks, key=lambda mark: abs(log10(mark))):
            gaps = (abs(log10(mark / other)) for other in chosen)
            if low <= mark <= high and all(gap >= apart_in * an_inch for gap in gaps):
                chosen.append(mark)
    return sorted(chosen) if len(chosen) > 1 else [low, high]


def signed_percent() -> FuncFormatter:
    """Marks of a difference: ``+15 %``, and ``0 %`` for none."""
    return FuncFormatter(lambda value, _: f"{100 * value:+g} %" if abs(value) > 1e-9 else "0 %")


def short(value: float, unit: str = "") -> str:
    """A mark of an axis with its prefix and unit: ``1 kB``, ``500 ms``."""
    said = fmt.quantity(value, unit)
    number, space, rest = said.partition(" ")
    return f"{number.rstrip('0').rstrip('.') if '.' in number else number}{space}{rest}"


def _plain(value: float) -> str:
    """A tick's number, without digits that say nothing."""
    return f"{value:,.0f}" if value >= 10.0 else f"{value:.6g}"


def picture(figure: Figure, suffix: str) -> bytes:
    """The file of a figure.

    Args:
        suffix: of its name: ``.png``, ``.svg`` or ``.pdf``.
    """
    buffer = io.BytesIO()
    kind = suffix.lower().removeprefix(".")
    # Without its date the same answer gives the same file.
    undated = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}[kind]
    metadata = undated | {"Title": figure.get_label()}
    with rc_context(STYLE):
        figure.savefig(buffer, format=kind, dpi=figure.dpi, metadata=metadata)
    return buffer.getvalue()


def save(figure: Figure, path: Path, *, force: bool) -> None:
    """Write a figure, and say so.

    Raises:
        InputError: the file cannot be written.
    """
    write_bytes(path, picture(figure, path.suffix), force=force, field="plot")
    console.note(f"wrote {path}")

"""Format: the one place where numbers in SI units become text with units that people read."""

from __future__ import annotations

import math

from nworkers.models.records.prediction import Interval

_PREFIXES = {
    -12: "p",
    -9: "n",
    -6: "µ",
    -3: "m",
    0: "",
    3: "k",
    6: "M",
    9: "G",
    12: "T",
    15: "P",
    18: "E",
}


def digits(value: float) -> str:
    """Three significant digits, never an exponent."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    rounded = float(f"{value:.3g}")  # first, since 0.9996 becomes 1.00 and not 1.000
    return f"{rounded:.{max(0, 2 - math.floor(math.log10(abs(rounded))))}f}"


def quantity(value: float, unit: str, interval: Interval | None = None) -> str:
    """``12.3 ms (11.9–12.8)``: prefix and unit once, for the value and its interval alike."""
    scale, prefix = _prefix(value)
    text = f"{digits(value / scale)} {prefix}{unit}".rstrip()
    return text if interval is None else f"{text} ({span(interval, scale)})"


def columns(value: float, unit: str, interval: Interval) -> tuple[str, str, str]:
    """The same for a table: value, interval and unit apart."""
    scale, prefix = _prefix(value)
    return digits(value / scale), span(interval, scale), prefix + unit


def seconds(value: float, interval: Interval | None = None) -> str:
    return quantity(value, "s", interval)


def span(interval: Interval, scale: float = 1.0) -> str:
    low, high = interval
    return f"{digits(low / scale)}–{digits(high / scale)}"


def times(value: float, interval: Interval | None = None) -> str:
    """A ratio: ``1.83× (1.60–2.01)``."""
    return f"{digits(value)}×" + ("" if interval is None else f" ({span(interval)})")


def percent(value: float) -> str:
    return f"{100 * value:.0f} %"


def signed_percent(value: float) -> str:
    return f"{100 * value:+.1f} %"


def count(number: int, noun: str) -> str:
    """``1 worker``, ``4 workers``."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def clock(duration_s: float) -> str:
    """``2 min 05 s``, for how long something takes or has left."""
    minutes, rest = divmod(round(duration_s), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def _prefix(value: float) -> tuple[float, str]:
    """The power of a thousand to divide by, and its SI prefix."""
    if value == 0 or not math.isfinite(value):
        return 1.0, ""
    # Rounded first: 0.9996 ms is shown as 1.00 ms, not as 1000 µs.
    rounded = float(f"{abs(value):.3g}")
    power = 3 * math.floor(math.log10(rounded) / 3)
    power = min(max(power, min(_PREFIXES)), max(_PREFIXES))
    return 10.0**power, _PREFIXES[power]

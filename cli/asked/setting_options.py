"""Setting options: `PATH=VALUE` with a unit, or a factor, as a quantity that is set."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from nworkers.models.base.errors import InputError
from nworkers.models.base.units import bytes_per_s, operations_per_s, seconds, size_bytes
from nworkers.models.records.setting import Setting

_FACTOR = re.compile(r"(?:[x×*](?P<after>[^x×*]+)|(?P<before>[^x×*]+)[x×])")
#: What may follow a time: such quantities are of each byte, tensor, sample or hop.
_EACH = re.compile(r"/(?:B|byte|tensor|sample|hop)$")


def settings(texts: Sequence[str]) -> tuple[Setting, ...]:
    """What each text sets.

    Raises:
        InputError: a text has no path, or no value that the unit fits in which its path ends.
    """
    return tuple(map(_setting, texts))


def _setting(text: str) -> Setting:
    path, equals, value = (part.strip() for part in text.rpartition("="))
    if not equals or not path or not value:
        raise InputError("settings", repr(text), "PATH=VALUE, such as link.fetch.latency_s=50us")
    if factor := _FACTOR.fullmatch(value):
        times = _number(factor["after"] or factor["before"])
        if times is None or not 0.0 < times < math.inf:
            raise InputError("settings", repr(text), "a factor above 0, such as 0.5x")
        return Setting(path, factor=times)
    found = _number(value)
    if found is None:
        found = _with_unit(path, value)
    if found is None and (allowed := _allowed(path)):
        raise InputError("settings", repr(text), f"{allowed}, or a factor such as 0.5x")
    # A path that ends in no unit may be none: who knows the profile says which is the nearest.
    return Setting(path, value=found)


def _with_unit(path: str, value: str) -> float | None:
    """What is said with a unit, in the unit that the path's name ends in."""
    if path.endswith("flops_per_s"):
        return operations_per_s(value)
    if path.endswith("bytes_per_s"):
        return bytes_per_s(value)
    if path.endswith("_s"):
        return seconds(_EACH.sub("", value))
    if path.endswith("_bytes"):
        return size_bytes(value)
    share = _number(value.removesuffix("%")) if value.endswith("%") else None
    return None if share is None else share / 100.0


def _allowed(path: str) -> str:
    if path.endswith("flops_per_s"):
        return "operations a second such as 10TFLOP/s"
    if path.endswith("bytes_per_s"):
        return "a rate such as 10Gbit/s"
    if path.endswith("_s"):
        return "a time such as 50us"
    return "a size such as 64GB" if path.endswith("_bytes") else ""


def _number(text: str) -> float | None:
    """A number without a unit."""
    if not re.fullmatch(r"\s*[0-9.eE+-]{1,30}\s*", text, re.ASCII):
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None

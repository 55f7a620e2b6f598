"""Nominal link: a wire as its name says, ``10gbit`` or ``10gbit,50us``, that nobody measured."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nworkers.models.base.errors import InputError
from nworkers.models.base.units import seconds

#: What TCP carries of a nominal rate: of a frame of 1500 bytes, which with preamble, header, check
#: sum and gap takes 1538 (IEEE 802.3), 52 are headers of IP and TCP with time stamps (RFC 7323).
PAYLOAD_SHARE = (1500 - 52) / 1538
#: One way between two hosts, beyond loopback, where nobody says: a stated judgement. Round trips of
#: 50 us are between those inside a rack (20 to 40) and those of a cloud's zone (50 to 200).
WIRE_LATENCY_S = 25e-6
MIN_BITS_PER_S, MAX_BITS_PER_S, MAX_LATENCY_S = 1e5, 1e13, 1.0

_UNITS = {"mbit": 1e6, "gbit": 1e9}
_ALLOWED = "a rate from 0.1mbit to 10000gbit, such as 300mbit or 10gbit"
_LATENCY = "a latency one way with its unit, up to 1s"


@dataclass(frozen=True)
class NominalLink:
    """Bits per second of a wire, and its latency one way."""

    bits_per_s: float
    latency_s: float = WIRE_LATENCY_S

    @property
    def bytes_per_s(self) -> float:
        """What TCP carries over it."""
        return self.bits_per_s * PAYLOAD_SHARE / 8.0


def nominal_link(text: str) -> NominalLink | None:
    """The wire that a text names; None where it begins with no number and unit.

    Raises:
        InputError: the unit, the rate or the latency is none; it names the nearest right form.
    """
    found = re.fullmatch(r"\s*([0-9]{1,12}(?:\.[0-9]{1,12})?)\s*([a-zA-Z/]*)\s*(?:,(.*))?", text)
    if found is None:
        return None
    number, unit, latency = found.groups()
    if unit not in _UNITS:
        raise InputError("link", text, _ALLOWED + _meant(number, unit))
    bits_per_s = float(number) * _UNITS[unit]
    if not MIN_BITS_PER_S <= bits_per_s <= MAX_BITS_PER_S:
        raise InputError("link", text, _ALLOWED)
    if latency is None:
        return NominalLink(bits_per_s)
    latency_s = seconds(latency)
    if latency_s is None or not 0.0 <= latency_s <= MAX_LATENCY_S:
        bare = re.fullmatch(r"\s*([0-9]{1,12}(?:\.[0-9]{1,12})?)\s*", latency)
        hint = f" (did you mean {number}{unit},{bare[1]}us?)" if bare else ""
        raise InputError("link", text, f"{_LATENCY}, such as {number}{unit},50us{hint}")
    return NominalLink(bits_per_s, latency_s)


def _meant(number: str, unit: str) -> str:
    """The unit that another way of writing bits may mean; bytes mean none."""
    bits = re.fullmatch("(|[mg])(|b|bits?|bits?/s|bps)", unit.lower())
    if bits is None or "B" in unit:
        return ""
    return f" (did you mean {number}{bits[1] or 'g'}bit?)"

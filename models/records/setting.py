"""Setting: a quantity of some hardware that is said to be otherwise than it was measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Setting:
    """A quantity of a profile, by its path, and what it shall be; one of the two.

    ``value`` is in the unit of the path's name, and then there is no doubt about it. ``factor``
    scales what was measured, with its interval and all joint draws.
    """

    path: str
    value: float | None = None
    factor: float | None = None

    @property
    def said(self) -> str:
        """Such as ``host.cores=8`` or ``link.fetch.latency_s=0.5x``."""
        return (
            f"{self.path}={self.value:g}"
            if self.factor is None
            else f"{self.path}={self.factor:g}x"
        )


@dataclass(frozen=True)
class Changed:
    """A quantity that was set: what it is now, and what it was; None where that is not known."""

    path: str
    unit: str
    value: float
    was: float | None
    factor: float | None = None

    @property
    def is_other(self) -> bool:
        """Whether it is no longer as measured: it was known, and was not just that."""
        return self.was is not None and self.value != self.was


@dataclass(frozen=True)
class Settable:
    """What may be set, as it is; ``value`` is None where it was not measured, or not identified."""

    path: str
    unit: str
    value: float | None
    interval: tuple[float, float] | None = None
    samples: int | None = None

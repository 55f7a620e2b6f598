"""Aim options: from when on workers win, and what of their samples counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from nworkers.models.base.errors import InputError

if TYPE_CHECKING:
    from nworkers.models.records.aim import Aim


@dataclass(frozen=True)
class AimOptions:
    """What `scale breakeven` asks of the curve, as it was typed."""

    target_speedup: Annotated[
        str,
        typer.Option(
            metavar="X", help="Workers win where they do more than X times what the baseline does."
        ),
    ] = "1"
    samples_factor: Annotated[
        str | None,
        typer.Option(
            metavar="F",
            help="Workers need F times the baseline's samples to come as far, by stale gradients "
            "or a larger batch: the speed-up counts progress.",
        ),
    ] = None
    noise_scale: Annotated[
        str | None,
        typer.Option(
            metavar="SAMPLES",
            help="The gradient noise scale, from which that factor follows at each batch.",
        ),
    ] = None


def aim(options: AimOptions) -> Aim:
    """What the options say, typed.

    Raises:
        InputError: one is no number, or none that workers could reach.
    """
    from nworkers.models.records.aim import Aim, check_aim

    return check_aim(
        Aim(
            target_speedup=real("target_speedup", options.target_speedup),
            samples_factor=_optional("samples_factor", options.samples_factor),
            noise_scale=_optional("noise_scale", options.noise_scale),
        )
    )


def _optional(field: str, text: str | None) -> float | None:
    return None if text is None else real(field, text)


def real(field: str, text: str) -> float:
    """Any number; which ones make sense is the field's own to say.

    Raises:
        InputError
    """
    try:
        return float(text)
    except ValueError:
        raise InputError(field, repr(text), "a number") from None

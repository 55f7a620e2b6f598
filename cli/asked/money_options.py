"""Money options: prices, and the samples that are to be trained by when and for how much."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated

import typer

from nworkers.cli.asked.aim_options import real
from nworkers.cli.asked.options import duration

if TYPE_CHECKING:
    from nworkers.simulator.decide.money import Assignment, Prices


#: What another way to do the job may have of its own. The work and its limits are the same for all.
PRICES = ("price_per_host_hour", "capex_per_host", "capex_per_port", "years")


@dataclass(frozen=True)
class MoneyOptions:
    """Prices in any currency and what is to be done, as they were typed."""

    price_per_host_hour: Annotated[
        str | None,
        typer.Option(metavar="P", help="What a host costs an hour, in any currency; a ps's too."),
    ] = None
    capex_per_host: Annotated[
        str | None,
        typer.Option(
            metavar="P",
            help="What buying a host costs; with --years. Those of --baseline W are there already.",
        ),
    ] = None
    capex_per_port: Annotated[
        str | None,
        typer.Option(
            metavar="P", help="What a host's card and switch port cost; a host alone needs none."
        ),
    ] = None
    years: Annotated[
        str | None,
        typer.Option(metavar="Y", help="Over how many years that is written off, used all hours."),
    ] = None
    samples: Annotated[
        str | None,
        typer.Option(metavar="S", help="Samples to train: the hours and the money they take."),
    ] = None
    deadline: Annotated[
        str | None, typer.Option(metavar="T", help="By when they are to be trained: 90m, 8h, 3d.")
    ] = None
    budget: Annotated[str | None, typer.Option(metavar="M", help="What they may cost at most.")] = (
        None
    )

    @property
    def is_asked(self) -> bool:
        return any(getattr(self, entry.name) is not None for entry in fields(self))


def money(options: MoneyOptions) -> tuple[Prices, Assignment]:
    """What the options say, typed.

    Raises:
        InputError: one is no number, makes no sense, or lacks another that it needs.
    """
    from nworkers.simulator.decide.money import Assignment, checked

    return checked(
        prices(options),
        Assignment(
            _number("samples", options.samples),
            None if options.deadline is None else _time_s(options.deadline),
            _number("budget", options.budget),
        ),
    )


def prices(options: MoneyOptions) -> Prices:
    """The prices alone.

    Raises:
        InputError: one is no number.
    """
    from nworkers.simulator.decide.money import Prices

    return Prices(
        _price("price_per_host_hour", options.price_per_host_hour),
        _price("capex_per_host", options.capex_per_host),
        _price("capex_per_port", options.capex_per_port),
        _number("years", options.years),
    )


def _number(field: str, text: str | None) -> float | None:
    return None if text is None else real(field, text)


def _price(field: str, text: str | None) -> float:
    return real(field, text) if text is not None else 0.0


def _time_s(text: str) -> float:
    days = re.fullmatch(r"\s*([0-9]{1,5}(?:\.[0-9]{1,3})?)\s*d\s*", text)
    return 86_400.0 * float(days[1]) if days else duration("deadline", text)

"""Way out text: what would win instead, each with the command that asks it; in JSON too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from nworkers.cli.shown import format as fmt
from nworkers.cli.shown import headline
from nworkers.cli.shown.sheet import Order
from nworkers.models.records.aim import PLAIN_AIM, Aim
from nworkers.models.records.solved import WayOut

if TYPE_CHECKING:
    from nworkers.cli.documents.curve_document import WayDocument

#: The command that asks for some fields; "" where none does.
Ask = Callable[[int, Iterable[tuple[str, str]]], str]

NONE = "No larger batch, other strategy, wire or single what-if that was tried does."


def ways_out(ways: Sequence[WayOut], base: str, ask: Ask, aim: Aim = PLAIN_AIM) -> Iterator[str]:
    """A line for each way out; one that there is none."""
    if not ways:
        yield NONE
    for way in ways:
        said, asked = sentence(way, base, aim), ask(way.workers, way.fields)
        yield Order(f"{said}:", asked) if asked else f"{said}."


def sentence(way: WayOut, base: str, aim: Aim = PLAIN_AIM) -> str:
    """Such as ``At batch 512, 3 workers beat one process (1.31)``."""
    strategy = dict(way.fields).get("strategy")
    begun = {
        "workers": "",
        "batch": f"At {way.change}" + (f" with {strategy}, " if strategy else ", "),
        "link": f"Over {way.change}, ",
    }.get(way.what, f"With {way.change}, ")
    workers = fmt.count(way.workers, "worker")
    if workers == base:
        base = f"the same {way.workers} without it"
    beat, goal = headline.wins(aim, way.workers), headline.goal(aim, base)
    return f"{begun}{workers} {beat} {goal} ({fmt.digits(way.speedup)})"


def as_json(found: Iterable[WayOut], ask: Ask) -> list[WayDocument]:
    """Each way with the command that asks it."""
    return [
        {
            "what": way.what,
            "change": way.change,
            "workers": way.workers,
            "speedup": way.speedup,
            "interval": way.interval,
            "command": ask(way.workers, way.fields) or None,
        }
        for way in found
    ]

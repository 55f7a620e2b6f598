"""Late: a command of which nothing is imported, and no option made, before it is called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

#: What a command does; typer reads its options from its signature.
Command = Callable[..., None]


class LateGroup(TyperGroup):
    """Commands, for a program that checks the text of its options itself."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The group's own options."""
        return [_unvalidated(option) for option in super().get_params(ctx)]


class LateCommand(TyperCommand):
    """A command whose callback imports, and gives, the function with its options.

    Name, help and epilog are the callback's, so that a list of commands imports none of them.
    """

    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> Any:
        """That of the command with all its options."""
        assert self.callback is not None
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        alone.command(self.name, cls=_Called, help=self.help, epilog=self.epilog)(self.callback())
        return typer.main.get_command(alone).make_context(info_name, args, parent, **extra)


class _Called(TyperCommand):
    def get_params(self, ctx: Any) -> list[Any]:
        return [_unvalidated(option) for option in super().get_params(ctx)]


def _unvalidated(option: Any) -> Any:
    """The option, taking as it is what is text, or was not given.

    Some versions of typer have pydantic check each option's value. Importing what does that takes
    as long as a prediction.
    """
    checked = getattr(option, "get_runtime_param", None)
    if checked is not None and not isinstance(checked, _AsGiven):
        option.get_runtime_param = _AsGiven(option.type_descriptor.annotation is str, checked)
    return option


@dataclass(frozen=True)
class _AsGiven:
    """Stands in for what typer calls to get an option's check, and for that check."""

    is_text: bool
    checked: Callable[[], Any]

    def __call__(self) -> _AsGiven:
        return self

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        as_it_is = value is None or (self.is_text and isinstance(value, str))
        return value if as_it_is else self.checked().coerce(value, param=param, ctx=ctx)

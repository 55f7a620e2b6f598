"""Late: a command of which nothing is imported, and no option made, before it is called."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from nworkers.cli import loudness
from nworkers.cli.help_lines import HelpContext

#: What a command does; typer reads its options from its signature.
Command = Callable[..., None]
Quiet = Annotated[
    bool, typer.Option("-q", "--quiet", help="The answer and errors alone: no notes, no progress.")
]
#: The heading of the commands that have none of their own.
ASK = "Ask"
#: A command's first sentence is shown whole.
SENTENCE = 200
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="More about how it came to be.")]


class LateGroup(TyperGroup):
    """Commands, for a program that checks the text of its options itself."""

    context_class = HelpContext

    def get_params(self, ctx: Any) -> list[Any]:
        """The group's own options."""
        return [_unvalidated(option) for option in super().get_params(ctx)]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands under the heading of each group, in the order of the tree."""
        headings: dict[str, list[tuple[str, str]]] = {}
        plain = "Commands" if ctx.parent else ASK
        for name, command in self.commands.items():
            if not command.hidden:
                heading = getattr(command, "rich_help_panel", None)
                rows = headings.setdefault(heading if isinstance(heading, str) else plain, [])
                rows.append((name, command.get_short_help_str(SENTENCE)))
        for heading, rows in headings.items():
            with formatter.section(heading):
                formatter.write_dl(rows)


class LateCommand(TyperCommand):
    """A command whose callback imports, and gives, the function with its options.

    Name, help and epilog are the callback's, so that a list of commands imports none of them.
    """

    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> Any:
        """That of the command with all its options."""
        return self.called().make_context(info_name, args, parent, **extra)

    def called(self) -> Any:
        """The command with all its options."""
        assert self.callback is not None
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        alone.command(self.name, cls=_Called, help=self.help, epilog=self.epilog)(
            _as_loud(self.callback())
        )
        return typer.main.get_command(alone)


class _Called(TyperCommand):
    context_class = HelpContext

    def get_params(self, ctx: Any) -> list[Any]:
        return [_unvalidated(option) for option in super().get_params(ctx)]


def _as_loud(command: Command) -> Command:
    """The command with two options more, of how much is said beside its answer."""
    own = inspect.signature(command, eval_str=True)
    more = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=kind)
        for name, kind in (("verbose", Verbose), ("quiet", Quiet))
    ]

    @functools.wraps(command)
    def wrapper(*, verbose: bool, quiet: bool, **values: Any) -> None:
        loudness.choose(verbose=verbose, quiet=quiet)
        command(**values)

    parameters = [p.replace(kind=p.KEYWORD_ONLY) for p in own.parameters.values()] + more
    wrapper.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    wrapper.__annotations__ = {p.name: p.annotation for p in parameters}
    return wrapper


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

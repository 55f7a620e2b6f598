"""Loudness: how much a command says beside its answer."""

from __future__ import annotations

from nworkers.models.base.errors import Contradiction


class _State:
    """Of the command that this process runs."""

    verbose = False
    quiet = False


def choose(*, verbose: bool, quiet: bool) -> None:
    """Raises: Contradiction where both are asked for."""
    if verbose and quiet:
        raise Contradiction("quiet", "--quiet", "verbose")
    _State.verbose, _State.quiet = verbose, quiet


def is_verbose() -> bool:
    """Whether all details are wanted."""
    return _State.verbose


def is_quiet() -> bool:
    """Whether nothing but the answer and errors is wanted."""
    return _State.quiet

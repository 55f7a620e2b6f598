"""The user's function behind ``module:function``, called without arguments."""

from __future__ import annotations

import os
import re
import sys
from importlib import import_module
from typing import Any

from nworkers.calibrate.probes.probe import UserCodeError
from nworkers.models.base.errors import InputError

_NAMED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")


def check_name(option: str, text: str, allowed: str) -> str:
    """Raises: InputError unless the text can name a function; nothing is imported."""
    if not _NAMED.fullmatch(text):
        raise InputError(option, repr(text), allowed)
    return text


def call(option: str, name: str) -> Any:
    """What ``module:function`` returns; the current directory is searched too.

    Raises:
        UserCodeError: it cannot be had, in one line.
    """
    module_name, _, function_name = name.partition(":")
    # First, as for a script that is run from there; left there for imports inside the function.
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        raise UserCodeError(
            f"{option} {name}: no module named '{error.name}', here or installed"
        ) from None
    except Exception as error:
        raise UserCodeError(f"{option} {name}: importing it failed: {_line(error)}") from error
    function = getattr(module, function_name, None)
    if not callable(function):
        raise UserCodeError(f"{option} {name}: module '{module_name}' has no such function")
    try:
        return function()
    except Exception as error:
        raise UserCodeError(f"{option} {name}: calling it failed: {_line(error)}") from error


def _line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__

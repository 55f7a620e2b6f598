"""The two ways in which a command can fail that its user can mend."""

from __future__ import annotations


class InputError(ValueError):
    """Bad usage or bad input: exit code 2.

    Says which field, what stood there and what is allowed, in one line.
    """

    def __init__(self, field: str, got: object, allowed: str) -> None:
        self.field = field
        self.got = got
        self.allowed = allowed
        super().__init__(f"{field}: got {got}; allowed: {allowed}")


class HardwareError(RuntimeError):
    """The hardware, the cluster or the installed software failed: exit code 3."""

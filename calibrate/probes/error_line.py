"""Error line: the one line of an error that says what happened."""

from __future__ import annotations

import re

MOST_CHARACTERS = 300
#: TensorFlow begins with where it was, often for pages: these lines only lead to the cause.
_LEADING = re.compile(
    r"Graph execution error:|Detected at node|Node: |File \"|\d+ root error|<stack_traces|"
    r"Original stack trace|.*From /job:"
)
_NODE = re.compile(r"\{\{node ([^}]+)\}\}")


def error_line(error: Exception) -> str:
    """The first line of an error that tells something; its type where it says nothing."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if any(map(str.isalpha, line)) and not _LEADING.match(line)]
    line = (told or lines or [type(error).__name__])[0]
    return _NODE.sub(r"\1", line)[:MOST_CHARACTERS]

"""CSV times: a plain CSV with a row for each measured time, in SI units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import get_args

from nworkers.models.base.errors import InputError
from nworkers.models.records.calibration import Quantity
from nworkers.models.tables.components.rows import (
    MeasuredTable,
    Row,
    RowQuantity,
    whole,
)
from nworkers.models.tables.formats.csv_lines import header, read_rows

FORMAT = "CSV"
QUANTITIES: tuple[RowQuantity, ...] = (
    "noop",
    "gemm",
    "fetch",
    "push",
    "step",
    "gradient",
    "allreduce",
)
_WHOLE = {
    "size_bytes": 0,
    "workers": 1,
    "hosts": 1,
    "tensors": 1,
    "round": 0,
    "features": 1,
    "batch": 1,
    "hidden": 1,
}
COLUMNS = ("quantity", "seconds", *_WHOLE, "path", "workload")
#: Names that others give their own columns, however like one of these.
_OTHERS = {"host"}
#: Columns without which a row of a quantity says nothing.
_NEEDS: dict[str, tuple[str, ...]] = {
    "fetch": ("size_bytes",),
    "push": ("size_bytes",),
    "allreduce": ("size_bytes", "workers"),
    "gemm": ("features", "batch", "hidden"),
    "step": ("batch",),
    "gradient": ("batch",),
    "noop": ("path",),
}
PATHS = ("process", "server", "ps")


def read(text: str, source: str) -> MeasuredTable:
    """Raises: InputError: a column is missing or misspelt, or a value cannot have been measured."""
    ignored = _check_header(header(text)[0], source)
    rows, notes = read_rows(text, "seconds", source, _row)
    unused = (f"columns that were not used: {', '.join(ignored)}",) if ignored else ()
    return MeasuredTable(FORMAT, tuple(rows), (*unused, *notes))


def _check_header(names: Sequence[str], source: str) -> list[str]:
    """Names that are nobody's, unless they look like one that was meant."""
    unknown = [name for name in names if name not in COLUMNS]
    for missing in ("quantity", "seconds"):
        if missing not in names:
            near = get_close_matches(missing, unknown, n=1, cutoff=0.5)
            hint = f" (did you mean it by {near[0]}?)" if near else ""
            raise InputError(
                f"{source}: header", ", ".join(names)[:60], f"a column named {missing}{hint}"
            )
    for name in set(unknown) - _OTHERS:
        if near := get_close_matches(name.lower(), COLUMNS, n=1, cutoff=0.75):
            raise InputError(f"{source}: header", name, f"{near[0]}, if that is what it means")
    if len(set(names)) != len(names):
        raise InputError(f"{source}: header", "a column twice", "every column once")
    return [name for name in unknown if name]


def _row(values: Mapping[str, str], seconds: float, where: str) -> Row:
    quantity = _quantity(values["quantity"], where)
    for needed in _NEEDS[quantity]:
        if not values.get(needed):
            raise InputError(f"{where}: {needed}", "nothing", f"a value, for {quantity}")
    path = values.get("path", "")
    if quantity == "noop" and path not in PATHS:
        raise InputError(f"{where}: path", path, ", ".join(PATHS))
    if quantity in ("fetch", "push") and path not in ("", "ps"):
        raise InputError(f"{where}: path", path, "ps, or nothing")
    counts = {
        name: whole(values[name], f"{where}: {name}", low)
        for name, low in _WHOLE.items()
        if values.get(name)
    }
    # Its mapping of names to integers is right by _WHOLE, which the checker cannot follow.
    return Row(quantity, seconds, path=path, workload=values.get("workload", ""), **counts)  # type: ignore[arg-type]


def _quantity(name: str, where: str) -> RowQuantity:
    for quantity in QUANTITIES:
        if name == quantity:
            return quantity
    if name in get_args(Quantity):
        raise InputError(f"{where}: quantity", f"{name}, which has no model", ", ".join(QUANTITIES))
    near = get_close_matches(name.lower(), QUANTITIES, n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    raise InputError(f"{where}: quantity", name[:60] or "nothing", ", ".join(QUANTITIES) + hint)

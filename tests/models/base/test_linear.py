"""A formula of unknowns gives the coefficients of the same formula of numbers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nworkers.models.base.leaves import leaves, mapped
from nworkers.models.base.linear import Linear, Unknown, largest
from nworkers.models.costs.laws import latency_s, product_s, step_s, transfer_s
from nworkers.models.records.profile import (
    GemmSegment,
    Products,
    Segment,
    StepTime,
    ThreadedProducts,
    Threads,
    TransferPath,
)

numbers = st.floats(0.1, 10.0)


def valued(form: Linear, values: dict[Unknown, float]) -> float:
    """A form's value; a rate's unknown is its inverse."""
    terms = {u: c * (1 / values[u] if u.rate else values[u]) for u, c in form.terms.items()}
    chosen = [terms.pop(u) for u in list(terms) if u in form.largest]
    return sum(terms.values()) + max(chosen, default=0.0)


def path() -> TransferPath[Linear]:
    return TransferPath(
        Unknown(),
        Unknown(),
        tuple(Segment(n, Unknown(), Unknown("bytes/s", rate=True)) for n in (0.0, 100.0)),
        Unknown(),
        credit_bytes=30.0,
    )


@given(st.lists(numbers, min_size=7, max_size=7), st.integers(1, 4), st.floats(1.0, 1000.0))
def test_transfers(values: list[float], tensors: int, size: float) -> None:
    record = path()
    known = dict(zip(leaves(record, Unknown), values, strict=True))
    drawn: TransferPath[float] = mapped(record, Unknown, known.get)
    sizes = (size,) * tensors
    for after_fetch in (False, True):
        form = latency_s(record, sizes, after_fetch=after_fetch)
        assert valued(form, known) == pytest.approx(
            latency_s(drawn, sizes, after_fetch=after_fetch)
        )
    assert valued(transfer_s(record, sizes), known) == pytest.approx(transfer_s(drawn, sizes))


@given(st.lists(numbers, min_size=3, max_size=3), st.integers(1, 50))
def test_a_step_with_a_knee(values: list[float], batch: int) -> None:
    record: StepTime[Linear] = StepTime(Unknown(), Unknown(), Unknown())
    known = dict(zip(leaves(record, Unknown), values, strict=True))
    drawn: StepTime[float] = mapped(record, Unknown, known.get)
    assert valued(step_s(record, batch), known) == pytest.approx(step_s(drawn, batch))


@given(st.lists(numbers, min_size=4, max_size=4), st.integers(1, 50))
def test_a_step_on_more_threads(values: list[float], batch: int) -> None:
    joined = (ThreadedProducts(10, 0.75, 2), ThreadedProducts(30, 0.25, 3))
    record: StepTime[Linear] = StepTime(
        Unknown(), Unknown(), threads=Threads(Unknown(), Unknown(), joined)
    )
    known = dict(zip(leaves(record, Unknown), values, strict=True))
    drawn: StepTime[float] = mapped(record, Unknown, known.get)
    assert valued(step_s(record, batch), known) == pytest.approx(step_s(drawn, batch))


@given(st.lists(numbers, min_size=3, max_size=3), st.sampled_from(["rate", "sum", "max"]))
def test_products(values: list[float], law: str) -> None:
    segment: GemmSegment[Linear] = GemmSegment(0.0, Unknown(), Unknown("flop/s", rate=True))
    record: Products[Linear] = Products((segment,), law, Unknown("bytes/s", rate=True))  # type: ignore[arg-type]
    known = dict(zip(leaves(record, Unknown), values, strict=True))
    drawn: Products[float] = mapped(record, Unknown, known.get)
    form = product_s(record, 40.0, 30.0)
    assert valued(form, known) == pytest.approx(product_s(drawn, 40.0, 30.0))


def test_a_rate_only_divides_and_seconds_never_do() -> None:
    seconds, rate = Unknown(), Unknown("bytes/s", rate=True)
    wrongs: tuple[Callable[[], object], ...] = (
        lambda: seconds + rate,
        lambda: 2.0 * rate,
        lambda: 2.0 / seconds,
        lambda: 2.0 / (2.0 * seconds),
        lambda: largest(seconds, 1.0 * seconds + Unknown()),
    )
    for wrong in wrongs:
        with pytest.raises(TypeError):
            wrong()

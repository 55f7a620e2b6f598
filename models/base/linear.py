"""Linear forms: a formula that is given unknowns in place of numbers gives its coefficients.

Every cost is a sum of coefficient · parameter. Seconds are multiplied and rates divide, so that the
unknown of a rate is its inverse. At most one set of terms counts by its largest alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from nworkers.models.base.draws import larger


class Linear:
    """Σ coefficient · unknown; of the unknowns in ``largest`` only the largest term counts."""

    __slots__ = ("largest", "terms")

    def __init__(
        self, terms: Mapping[Unknown, float], largest: frozenset[Unknown] = frozenset()
    ) -> None:
        self.terms = {unknown: c for unknown, c in terms.items() if c}
        self.largest = largest

    def __add__(self, other: Linear) -> Linear:
        one, two = _known(self), _known(other)
        terms = dict(one.terms)
        for unknown, coefficient in two.terms.items():
            terms[unknown] = terms.get(unknown, 0.0) + coefficient
        return Linear(terms, one.largest | two.largest)

    def __sub__(self, other: Linear) -> Linear:
        return self + -1.0 * other

    def __mul__(self, factor: float) -> Linear:
        known = _known(self)
        return Linear({u: factor * c for u, c in known.terms.items()}, known.largest)

    __rmul__ = __mul__

    def __rtruediv__(self, amount: float) -> Linear:
        raise TypeError("only a rate divides")

    def or_larger(self, other: Linear) -> Linear:
        """The larger of two forms: of one unknown its larger multiple, else either's terms."""
        one, two = _known(self), _known(other)
        if one.terms.keys() == two.terms.keys() and len(one.terms) == 1:
            return Linear({u: max(c, two.terms[u]) for u, c in one.terms.items()})
        if one.terms.keys() & two.terms.keys():
            raise TypeError("the larger of two sums that share an unknown is not linear")
        chosen = frozenset(one.terms) | frozenset(two.terms)
        return Linear({**one.terms, **two.terms}, chosen)


class Unknown(Linear):
    """A parameter that a fit looks for, in its ``unit``.

    A ``rate`` divides and never multiplies. What is ``optional`` may be missing from the data.
    """

    __slots__ = ("optional", "rate", "unit")

    def __init__(self, unit: str = "s", *, rate: bool = False, optional: bool = False) -> None:
        super().__init__({self: 1.0})
        self.unit = unit
        self.rate = rate
        self.optional = optional

    def __rtruediv__(self, amount: float) -> Linear:
        if not self.rate:
            raise TypeError(f"a parameter in {self.unit} is no rate")
        return Linear({self: amount})


#: What a formula is evaluated with: numbers for seconds, unknowns for its coefficients.
Number = TypeVar("Number", float, Linear)


def largest(one: Number, other: Number) -> Number:
    """The larger of two times."""
    if isinstance(one, Linear) and isinstance(other, Linear):
        return one.or_larger(other)
    return larger(one, other)


def _known(form: Linear) -> Linear:
    if isinstance(form, Unknown) and form.rate:
        raise TypeError(f"a rate in {form.unit} only divides")
    return form

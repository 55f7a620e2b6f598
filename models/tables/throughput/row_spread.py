"""Row spread: how far another run of a row lies from what the model makes of it.

Few rows beyond the unknowns say little of it, so that its variance has a scaled inverse chi-square
prior from published tables. What lies beyond the fitted rows is in
`nworkers.models.tables.throughput.reach`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nworkers.models.base.statistics import Floats, student_factor

#: Degrees of freedom that the prior of a row's variance is worth: by how much the published tables
#: differ in theirs.
PRIOR_FREEDOM = 3.0
#: Rows that fit closer than this share of the prior's deviation do so by luck.
LEAST_SHARE = 0.5
#: 90 % of the normal distribution lies within so many deviations.
WITHIN_90 = 1.645


@dataclass(frozen=True)
class RowPrior:
    """Log-deviation of a row among the fitted ones that is known before a table is read."""

    row: float


#: From the published tables that ship along; each is judged by the others'.
PUBLISHED_PRIOR = RowPrior(row=0.021)


@dataclass(frozen=True)
class RowSpread:
    """How far a row lies from the fit, in the logarithm.

    ``likely`` is the deviation by which choices of costs are weighed: the fitted rows' own, where
    they leave any freedom. ``predictive`` is that of the normal distribution which has the interval
    of another run: Student's, and never narrower than ``missed``, what nine in ten of the fitted
    rows are off by at the most.
    """

    likely: float
    predictive: float
    missed: float
    prior: RowPrior

    @staticmethod
    def of(residuals: Floats, unknowns: int, prior: RowPrior) -> RowSpread:
        """From what the fit leaves of rows that told of so many unknowns."""
        own, squares = max(0, residuals.size - unknowns), float(residuals @ residuals)
        likely = max(math.sqrt(squares / own), LEAST_SHARE * prior.row) if own else prior.row
        freedom = own + PRIOR_FREEDOM
        deviation = math.sqrt((squares + PRIOR_FREEDOM * prior.row**2) / freedom)
        missed = float(np.quantile(np.abs(residuals), 0.9, method="higher"))
        predictive = max(deviation * student_factor(freedom), missed / WITHIN_90)
        return RowSpread(likely, predictive, missed, prior)

    @property
    def telling(self) -> bool:
        """Whether the fitted rows are off by more than other tables' are."""
        return self.missed > 3.0 * self.prior.row

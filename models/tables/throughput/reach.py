"""Reach: what a table's rows cannot tell of more workers than they have.

Two things bend published curves beyond the rows that they are fitted to (``python -m
benchmarks.published``). What is lost in each doubling goes on at another pace than the fitted costs
say. And something that all workers share fills up, such as a network's core, the servers or
storage. From there the throughput stays where it is; smaller rows, which it does not touch, tell
nothing of it.
"""

from __future__ import annotations

import math

import numpy as np

from nworkers.models.base.statistics import Floats

#: A limit that all workers share is met at this rate in each doubling: once in the 6.3 doublings of
#: those systems of the development half that were not chosen for their knee.
LIMITS_PER_DOUBLING = 0.16
#: Beyond the fitted rows a loss is known to a factor, Gamma distributed with this shape.
LOSS_SHAPE = 1.0


def beyond(losses: Floats, doublings: Floats, rng: np.random.Generator) -> Floats:
    """Losses as they may turn out, [draw, row].

    A loss is the logarithm of a step's time over that of the most workers that were fitted: nothing
    where throughput grows with the workers, ln 2 for each doubling where it does not grow at all.

    Args:
        losses: by each draw of the fitted costs.
        doublings: of the workers beyond the fitted rows, of each row.
    """
    draws = len(losses)
    factor = rng.gamma(LOSS_SHAPE, 1.0 / LOSS_SHAPE, size=(draws, 1))
    limit = rng.exponential(1.0 / LIMITS_PER_DOUBLING, size=(draws, 1))
    scaled = np.where(losses > 0.0, losses * factor, losses)
    full = math.log(2.0) * (doublings - limit)
    return np.asarray(np.where(doublings > 0.0, np.maximum(scaled, full), losses))


def reach(workers: int) -> int:
    """The workers beyond which rows of at most so many tell no throughput within a factor of two.

    Nineteen limits in twenty lie beyond X doublings, so that 5 % of throughputs stay there; one
    doubling on they are half of what they would be.
    """
    nineteen_in_twenty = -math.log(0.95) / LIMITS_PER_DOUBLING
    return math.floor(workers * math.exp2(1.0 + nineteen_in_twenty))

"""Change points of a history: between which runs a level changed, by a permutation test.

The method is binary segmentation with the CUSUM statistic (Page, 1954), tested by permutation and corrected for all
series together. For every place between two runs and every series, the share of the variance is computed that a change
of the mean at this place explains. If nothing changed, any other order of the same runs would be as likely, so the
runs are put in many random orders, and of each the greatest share over all places and all series is kept (maxT of
Westfall and Young, 1993). A share beyond the 95 % quantile of these is a change point. The history is divided there,
and both parts are tested likewise.

So a history in which nothing changed has a change point in at most one of twenty cases, however many series it has;
behind each true change, each of the two parts has the same chance of another. No distribution is assumed, but that the
runs of one level are exchangeable: a slow drift of the machine is a change as well. The seed is fixed, so that the
same files always give the same result.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST_SIDE = 3  # runs on each side of a change point: one odd run, or two, is no new level
LEAST_RUNS = 8  # with 7, two of 35 divisions are as extreme as any change: never significant
CONFIDENCE = 0.95
ORDERS = 2_000
SEED = 20_261
RESOLUTION = 0.0005  # of a logarithm: times have three digits, so a smaller difference is none
PIECE = 100  # orders that are held in memory at the same time

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class ChangePoint:
    """A place at which one series or several changed.

    Attributes:
        at: Index of the first run behind the change.
        series: Indexes of the series that changed there.
    """

    at: int
    series: tuple[int, ...]


def change_points(values: Numbers) -> list[ChangePoint]:
    """Return the change points of a history, in the order of the runs.

    Args:
        values: Logarithms of the values, shape (runs, series).
    """
    found = _divide(np.asarray(values, dtype=np.float64), 0)
    return sorted(found, key=lambda point: point.at)


def _divide(values: Numbers, offset: int) -> list[ChangePoint]:
    runs = len(values)
    if runs < LEAST_RUNS or not values.shape[1]:
        return []
    explained = _explained(values[np.newaxis])[0]  # shape (places, series)
    greatest = explained.max(axis=0)
    quantile = _quantile(values)
    strongest = int(greatest.argmax())
    if greatest[strongest] <= quantile:
        return []
    place = int(explained[:, strongest].argmax())
    near = np.abs(explained.argmax(axis=0) - place) < LEAST_SIDE
    changed = tuple(np.flatnonzero(near & (greatest > quantile)).tolist())
    at = place + LEAST_SIDE
    before, after = _divide(values[:at], offset), _divide(values[at:], offset + at)
    return [*before, ChangePoint(offset + at, changed), *after]


def _explained(orders: Numbers) -> Numbers:
    """Return the share of the variance that a change at each place explains, shape (orders, places, series).

    Args:
        orders: Values, shape (orders, runs, series).
    """
    runs = orders.shape[1]
    centred = orders - orders.mean(axis=1, keepdims=True)
    total = np.maximum((centred**2).sum(axis=1, keepdims=True), runs * RESOLUTION**2)
    left = np.arange(LEAST_SIDE, runs - LEAST_SIDE + 1)
    sums = np.cumsum(centred, axis=1)[:, left - 1]
    explained: Numbers = sums**2 * (runs / (left * (runs - left)))[:, np.newaxis] / total
    return explained


def _quantile(values: Numbers) -> float:
    """Return the share that by chance at most one history of twenty exceeds, over all places and series."""
    draw = np.random.default_rng(SEED)
    orders = draw.permuted(np.tile(np.arange(len(values)), (ORDERS, 1)), axis=1)
    orders[0] = np.arange(len(values))  # the real order belongs to them
    pieces = np.array_split(orders, max(1, ORDERS // PIECE))
    greatest = np.concatenate([_explained(values[piece]).max(axis=(1, 2)) for piece in pieces])
    ranked = np.sort(greatest)
    return float(ranked[int(np.ceil(CONFIDENCE * len(ranked))) - 1])

"""Bjontegaard delta rate: how many more bytes a curve needs than another for the same quality, over the qualities both reach.

After G. Bjontegaard, VCEG-M33 (2001), with monotone piecewise cubics (PCHIP) of log rate over quality instead of one
polynomial, as JCTVC and AOM do today. Knows no metric: quality is any number of which more is better.
"""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator


@dataclass(frozen=True)
class DeltaRate:
    """`percent`: below 0 the tested curve is smaller. `low`, `high`: the qualities both reach. `overlap`: that range as a
    part of the narrower curve's, 0 to 1."""

    percent: float
    low: float
    high: float
    overlap: float


def frontier(points: list[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    """Qualities, strictly rising, and log rates of the points (rate, quality) that no other point beats in both."""
    kept: list[tuple[float, float]] = []
    for rate, quality in sorted(points, key=lambda point: (point[0], -point[1])):
        if not kept or quality > kept[-1][1]:
            kept.append((rate, quality))
    return np.array([quality for _, quality in kept]), np.log([rate for rate, _ in kept])


def delta_rate(reference: list[tuple[float, float]], tested: list[tuple[float, float]]) -> DeltaRate | None:
    """Mean difference of log rate between two curves of (bytes, quality); None where they do not overlap."""
    (quality_r, rate_r), (quality_t, rate_t) = frontier(reference), frontier(tested)
    if len(quality_r) < 2 or len(quality_t) < 2:
        return None
    low, high = max(quality_r[0], quality_t[0]), min(quality_r[-1], quality_t[-1])
    if high <= low:
        return None
    area = [PchipInterpolator(q, r).integrate(low, high) for q, r in ((quality_r, rate_r), (quality_t, rate_t))]
    narrower = min(quality_r[-1] - quality_r[0], quality_t[-1] - quality_t[0])
    percent = 100 * (np.exp((area[1] - area[0]) / (high - low)) - 1)
    return DeltaRate(float(percent), float(low), float(high), float((high - low) / narrower))


def rate_at(points: list[tuple[float, float]], quality: float) -> float | None:
    """Bytes that a curve of (bytes, quality) needs for a quality; None outside of it."""
    qualities, rates = frontier(points)
    if len(qualities) < 2 or not qualities[0] <= quality <= qualities[-1]:
        return None
    return float(np.exp(PchipInterpolator(qualities, rates)(quality)))

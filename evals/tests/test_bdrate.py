"""Delta rates of curves whose answer is known."""

import math

import pytest

from origami_evals.bdrate import delta_rate, frontier, rate_at


def curve(factor: float = 1.0, qualities: tuple[float, ...] = (30, 33, 36, 39, 42)) -> list[tuple[float, float]]:
    """Rates that double every 3 of quality, times `factor`."""
    return [(factor * 1000 * 2 ** (quality / 3), quality) for quality in qualities]


def test_equal_curves_differ_by_nothing():
    assert delta_rate(curve(), curve()).percent == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("factor", [0.5, 0.8, 1.25, 3.0])
def test_a_constant_factor_is_found_exactly(factor):
    assert delta_rate(curve(), curve(factor)).percent == pytest.approx(100 * (factor - 1))


def test_a_factor_is_found_between_points_at_other_qualities():
    found = delta_rate(curve(), curve(0.7, (31, 34.5, 38, 41)))
    assert found.percent == pytest.approx(-30, abs=1e-6)
    assert (found.low, found.high) == (31, 41)
    assert found.overlap == pytest.approx(1)


def test_swapping_the_curves_inverts_the_ratio():
    bent = [(rate * (1 + 0.05 * math.sin(quality)), quality) for rate, quality in curve(0.8)]
    there, back = delta_rate(curve(), bent), delta_rate(bent, curve())
    assert (1 + there.percent / 100) * (1 + back.percent / 100) == pytest.approx(1)


def test_partial_overlap_is_told():
    found = delta_rate(curve(), curve(0.9, (40, 42, 44, 46)))
    assert (found.low, found.high) == (40, 42)
    assert found.overlap == pytest.approx(2 / 6)


def test_without_overlap_there_is_no_number():
    assert delta_rate(curve(), curve(1, (50, 52, 54))) is None
    assert delta_rate(curve(), curve(1, (42, 45))) is None


def test_a_single_point_is_no_curve():
    assert delta_rate(curve(), [(5000, 35)]) is None


def test_points_that_are_beaten_are_left_out():
    qualities, rates = frontier([(100, 30), (200, 29), (300, 35), (300, 34), (250, 35)])
    assert list(qualities) == [30, 35]
    assert list(rates) == [math.log(100), math.log(250)]


def test_rate_at_a_quality():
    assert rate_at(curve(), 34.5) == pytest.approx(1000 * 2 ** (34.5 / 3))
    assert rate_at(curve(), 29) is None
    assert rate_at([], 29) is None

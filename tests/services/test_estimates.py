"""Estimates of what a model call uses."""

from __future__ import annotations

from timestep.services.estimates import GUESSED_OUTPUT, Past, estimate


def test_where_nothing_is_known_it_is_a_guess() -> None:
    assert estimate(300, None, []).guessed
    assert estimate(300, None, []).tokens == 100 + GUESSED_OUTPUT
    assert not estimate(300, 50, []).guessed
    assert estimate(300, 50, []).tokens == 150


def test_the_fewer_calls_are_known_the_more_is_added() -> None:
    past = Past(300, 100, 100)
    assert estimate(300, None, [past]).tokens == 105 + 501
    assert estimate(300, None, [past] * 100).tokens == 105 + 105
    assert estimate(300, 60, [past]).tokens == 105 + 60


def test_what_is_sent_beyond_the_largest_known_counts_generously() -> None:
    past = [Past(100, 30, 0), Past(300, 90, 0)]
    assert estimate(1300, 0, past).tokens >= 90 + 500


def test_calls_of_the_same_size_count_for_more_than_the_largest() -> None:
    past = [Past(100, 30, 0)] * 5 + [Past(90_000, 30_000, 0)]
    assert estimate(100, 0, past).tokens < 40

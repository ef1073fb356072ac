"""Identifiers: valid, in order of time, never twice."""

from __future__ import annotations

import pytest

from timestep import ids


def test_ids_are_valid_run_ids_of_one_length() -> None:
    made = {ids.time_ordered("run") for _ in range(1000)}
    assert len(made) == 1000
    assert {len(one) for one in made} == {30}
    assert all(ids.RUN_ID.fullmatch(one) for one in made)


def test_ids_sort_by_the_time_of_their_making(monkeypatch: pytest.MonkeyPatch) -> None:
    milliseconds = (1, 31, 32, 1_000_000, 1_767_225_600_000, 2**47)
    made = []
    for moment in milliseconds:
        monkeypatch.setattr("time.time_ns", lambda moment=moment: moment * 1_000_000)
        made.append(ids.time_ordered("run"))
    assert made == sorted(made)
    assert made[0].startswith("run_0000000001")


def test_a_segment_id_is_no_run_id() -> None:
    segment = ids.segment_id("r.1", 12)
    assert segment == "r.1:12"
    assert ids.RUN_ID.fullmatch(segment) is None

"""Fifty launches at once: one run, and everyone is told which."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.services.rows import launched, spec
from tests.workflows.rows import in_threads
from timestep.errors import DuplicateRun, RunIdInUse
from timestep.models import Run, RunEvent, Segment
from timestep.services.cancel import cancel

pytestmark = pytest.mark.django_db(transaction=True)


def test_fifty_launches_of_one_id_make_one_run() -> None:
    spec()
    results = in_threads(50, lambda _: launched("r"))
    assert [getattr(result, "pk", result) for result in results] == ["r"] * 50
    assert Run.objects.count() == Segment.objects.count() == RunEvent.objects.count() == 1


def test_fifty_inputs_under_one_id_make_one_run_and_tell_the_others() -> None:
    spec()
    results = in_threads(50, lambda n: launched("r", input=f"hello {n}"))
    assert Counter(type(result) for result in results) == {Run: 1, RunIdInUse: 49}
    [winner] = [result for result in results if isinstance(result, Run)]
    assert Run.objects.get().input == winner.input


def test_fifty_launches_with_one_deduplication_id_make_one_run_and_name_it() -> None:
    spec()
    results = in_threads(50, lambda n: launched(f"r{n}", dedup_id="d"))
    assert Counter(type(result) for result in results) == {Run: 1, DuplicateRun: 49}
    held = Run.objects.get().pk
    assert {error.run_id for error in results if isinstance(error, DuplicateRun)} == {held}


def test_a_deduplication_id_passes_from_hand_to_hand() -> None:
    spec()

    def hold(n: int) -> str:
        run = launched(f"r{n}", dedup_id="d")
        return cancel(run.pk, by="ana").status

    results = in_threads(20, hold)
    told = Counter(type(result) for result in results)
    assert told.keys() <= {str, DuplicateRun}
    assert told[str] == Run.objects.filter(status="cancelled").count() == Run.objects.count() > 0

"""Which processes are known to be dead without waiting for their lease."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.engine.unit.rows import executing
from tests.workflows.rows import worker
from timestep.engine.births import is_dead, own_birth
from timestep.engine.heartbeat import sweep_silent
from timestep.models import Run

pytestmark = pytest.mark.django_db


def _ended() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_living_process_is_not_dead() -> None:
    assert own_birth()
    assert not is_dead(worker("w-1", pid=os.getpid(), birth=own_birth()))


def test_a_process_that_ended_is_dead() -> None:
    assert is_dead(worker("w-1", pid=_ended(), birth=own_birth()))


def test_a_number_that_was_given_again_is_another_process() -> None:
    place = own_birth().rpartition(" ")[0]
    assert is_dead(worker("w-1", pid=os.getpid(), birth=f"{place} 12"))


@pytest.mark.parametrize("birth", ["", "another-boot pid:[1] 12", "12"])
def test_of_another_machine_nobody_knows(birth: str) -> None:
    assert not is_dead(worker("w-1", pid=_ended(), birth=birth))


@pytest.mark.usefixtures("dbos", "gate")
def test_the_dead_are_swept_at_once_and_the_living_are_not() -> None:
    worker("dead", pid=_ended(), birth=own_birth())
    worker("lives", pid=os.getpid(), birth=own_birth())
    executing("of-dead", "dead")
    executing("of-living", "lives")
    assert sweep_silent("me") == 1
    statuses = dict(Run.objects.values_list("run_id", "status"))
    assert statuses == {"of-dead": "queued", "of-living": "running"}

"""What those are told who wait for runs while the program stops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future

import pytest

from tests.services.rows import standing
from timestep.engine.execution import Ended
from timestep.errors import ProgramStopped
from timestep.library.endings import Endings
from timestep.models import Run, RunStatus


@pytest.mark.django_db(transaction=True)
def test_who_waits_while_the_program_stops_is_told_where_the_run_goes_on() -> None:
    standing("going", RunStatus.RUNNING)
    standing("ended", RunStatus.RUNNING)
    endings = Endings(lambda: ["going", "ended"])
    endings.start()
    awaited = {run_id: endings.of(run_id) for run_id in ("going", "ended")}
    Run.objects.filter(run_id="ended").update(status=RunStatus.SUCCEEDED)
    endings.stop()
    assert awaited["ended"].result(5) is None
    for wait in (lambda: awaited["going"], lambda: endings.of("going")):
        with pytest.raises(ProgramStopped, match=r"run going .* or when the script is started"):
            asyncio.run(_waited(wait))


async def _waited(wait: Callable[[], Future[Ended | None]]) -> None:
    await asyncio.wrap_future(wait())

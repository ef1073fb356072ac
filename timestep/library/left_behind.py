"""What a program leaves at its end that nobody else can execute: the log says so."""

from __future__ import annotations

import logging

from django.db import OperationalError

from timestep.models import Run, RunStatus
from timestep.scripts import is_session, own_home

logger = logging.getLogger(__name__)

_NAMED = 5
_MOST = 1000


def tell_left_behind() -> None:
    """Warn of runs that have not ended and whose agents live in this program's own file."""
    home = own_home()
    going = Run.objects.filter(status__in=(RunStatus.QUEUED, RunStatus.RUNNING))
    own = going.filter(spec__body__needs__script=home).order_by("created_at", "run_id")
    try:
        ids = list(own.values_list("run_id", flat=True)[:_MOST])
    except OperationalError as error:
        logger.warning("this program ends, and cannot see what it leaves: %s", error)
        return
    if ids:
        named = ", ".join(ids[:_NAMED]) + (" …" if len(ids) > _NAMED else "")
        logger.warning("%s left queued (%s): %s", _count(len(ids)), named, _mend(home))


def _count(number: int) -> str:
    return f"{number}{'+' if number == _MOST else ''} run{'s are' if number > 1 else ' is'}"


def _mend(home: str) -> str:
    if is_session(home):
        return (
            f"the agent lives in {home}, which has no file and ends here, so nothing can go on "
            "with it. Save the agent in a file, launch from there, and cancel what is left"
        )
    return f"the agent lives in {home}. Start that again, and it goes on"

"""The limits of queues."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from django.db import transaction

from timestep.errors import InvalidInput
from timestep.models import Queue
from timestep.notify import notify_dispatch
from timestep.services.launch import checked_queue

_MOST = 2**31 - 1


@transaction.atomic
def set_limits(name: str, limits: Mapping[str, Any]) -> Queue:
    """Set what is given of a queue's limits; in force at each worker's next look, at once.

    Args:
        name: The queue; made with the default limits if there is none.
        limits: `limit` (run starts per period), `period` (seconds), `concurrency` (runs at one
            time over all workers), `worker_concurrency` (on each); None for no limit.

    Raises:
        InvalidInput: A value cannot be used; `field` names it.
    """
    for field in limits.keys() - _COLUMNS.keys():
        raise InvalidInput(field, f"use one of {', '.join(_COLUMNS)}")
    checked_queue(name)
    checked = {
        column: check(field, limits[field])
        for field, (column, check) in _COLUMNS.items()
        if field in limits
    }
    Queue.objects.get_or_create(name=name)
    queue = Queue.objects.select_for_update().get(name=name)
    for column, value in checked.items():
        setattr(queue, column, value)
    queue.save()
    notify_dispatch()
    return queue


def _whole(field: str, value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST:
        raise InvalidInput(field, "use a whole number from 0, or None for no limit")
    return value


def _seconds(field: str, value: Any) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not value > 0:
        raise InvalidInput(field, "use a number of seconds above 0")
    return float(value)


_COLUMNS: dict[str, tuple[str, Callable[[str, Any], Any]]] = {
    "limit": ("limit", _whole),
    "period": ("period_seconds", _seconds),
    "concurrency": ("concurrency", _whole),
    "worker_concurrency": ("worker_concurrency", _whole),
}

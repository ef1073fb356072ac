"""Events that a program has not read yet; where there are many, pieces of one text become one."""

from __future__ import annotations

import threading
from typing import Any, cast

from agents import RawResponsesStreamEvent, StreamEvent

# So many wait as they came. A program that reads them as they come never sees two made one.
MOST_WHOLE = 1_000


class Waiting:
    """Events on their way from the thread of a run to the thread of a program.

    What a model says in millions of pieces takes the memory of its text, and no more.
    """

    def __init__(self) -> None:
        self._events: list[StreamEvent] = []
        # Of the last event, the pieces that were added to it.
        self._pieces: list[str] = []
        self._lock = threading.Lock()

    def add(self, event: StreamEvent) -> bool:
        """Add an event; whether it is the first that waits, so that somebody must be told."""
        with self._lock:
            place = _place(event)
            full = len(self._events) >= MOST_WHOLE
            if full and place is not None and place == _place(self._events[-1]):
                self._pieces.append(_delta(event))
                return False
            self._join()
            self._events.append(event)
            return len(self._events) == 1

    def taken(self) -> list[StreamEvent]:
        """What waits, in order; it waits no more."""
        with self._lock:
            self._join()
            events, self._events = self._events, []
        return events

    def _join(self) -> None:
        if self._pieces:
            last = self._events[-1]
            whole = {"delta": "".join([_delta(last), *self._pieces])}
            data = cast("Any", last).data.model_copy(update=whole)
            self._events[-1], self._pieces = RawResponsesStreamEvent(data), []


def _delta(event: StreamEvent) -> str:
    """The piece of text of an event that has a place."""
    return str(cast("Any", event).data.delta)


def _place(event: StreamEvent) -> tuple[object, ...] | None:
    """Of what text the event is a piece; None where it is no such event."""
    data = event.data if isinstance(event, RawResponsesStreamEvent) else None
    if not isinstance(getattr(data, "delta", None), str):
        return None
    names = ("type", "item_id", "output_index", "content_index", "summary_index")
    return tuple(getattr(data, name, None) for name in names)

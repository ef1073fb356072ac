"""Batches of events, rendered and encoded once for however many sockets get them."""

from __future__ import annotations

import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Literal

from django.template.loader import render_to_string

from approvals.access import Sight
from timestep.events.feed import EventRow, as_message, merge_deltas
from timestep.masked_html import masked_html
from timestep.models import Run
from workflows.selectors.live import live_context

Format = Literal["html", "json"]
FORMATS: tuple[Format, ...] = ("html", "json")


class Frame(str):
    """One text message. Its bytes on the wire are made once and shared by all sockets.

    Frames of a server are not masked, so without compression they are the same for everybody.
    """

    seq: int

    @classmethod
    def of(cls, text: str, seq: int) -> Frame:
        """A frame after which the receiver has everything up to `seq`."""
        # What a model or tool wrote may hold lone surrogates, which no text frame can carry.
        frame = cls(text.encode("utf-8", "replace").decode("utf-8"))
        frame.seq = seq
        return frame

    @cached_property
    def wire(self) -> bytes:
        """The websocket frame (RFC 6455, 5.2): FIN and text, the length, the payload."""
        payload = self.encode("utf-8")
        size = len(payload)
        if size < 126:
            return bytes((0x81, size)) + payload
        if size < 1 << 16:
            return bytes((0x81, 126)) + size.to_bytes(2, "big") + payload
        return bytes((0x81, 127)) + size.to_bytes(8, "big") + payload


class Batch:
    """Everything that happened in `after < seq <= last`, in both formats once somebody needs it."""

    # Whether it has a position among the others, so that who has it already is not sent it again.
    placed = True

    def __init__(self, after: int, last: int, render: dict[Format, Callable[[], list[Frame]]]):
        self.after = after
        self.last = last
        self._render = render
        self._frames: dict[Format, list[Frame]] = {}
        self._lock = threading.Lock()

    def ready(self, form: Format) -> list[Frame] | None:
        """The frames if they have been rendered."""
        return self._frames.get(form)

    def frames(self, form: Format) -> list[Frame]:
        """The frames, rendered now if need be. May read the database: not for the event loop."""
        with self._lock:
            if form not in self._frames:
                self._frames[form] = self._render[form]()
            return self._frames[form]

    def since(self, position: int) -> Batch:
        """The part after `position`; a batch that cannot be divided is given whole."""
        return self

    def seen_by(self, sight: Sight) -> Batch:
        """What somebody with this sight gets of it; who watches one run has been let in before."""
        return self


class OutageNotice(Batch):
    """The word to a page that the database is away, or is back; it has no position."""

    placed = False

    def __init__(self, *, away: bool) -> None:
        super().__init__(0, 0, {"html": self._frame})
        self._away = away
        # Made now: nobody who is sent it has to wait for a database that is away.
        self.frames("html")

    def _frame(self) -> list[Frame]:
        return [Frame.of(json.dumps({"away": self._away}), 0)]


class FeedBatch(Batch, ABC):
    """What changed in many runs, of which somebody may see a part.

    Most people see all, and share the frames; so do those who see the same part.
    """

    def __init__(self, after: int, last: int, render: dict[Format, Callable[[], list[Frame]]]):
        super().__init__(after, last, render)
        self._parts: dict[Sight, Batch] = {}

    def seen_by(self, sight: Sight) -> Batch:
        """The batch itself, or its part; called on the event loop."""
        if sight.unlimited:
            return self
        if sight not in self._parts:
            self._parts[sight] = self.part(sight)
        return self._parts[sight]

    @abstractmethod
    def part(self, sight: Sight) -> Batch:
        """The same batch, whose frames are made for this sight."""


class RunBatch(Batch):
    """Consecutive events of one run."""

    def __init__(self, run_id: str, after: int, last: int, rows: Sequence[EventRow]) -> None:
        super().__init__(after, last, {"html": self._html, "json": self._json})
        self.run_id = run_id
        self.rows = merge_deltas(rows)
        self._unmerged = rows

    def since(self, position: int) -> RunBatch:
        """The events after this seq."""
        rest = [row for row in self._unmerged if row.seq > position]
        return RunBatch(self.run_id, position, self.last, rest)

    def _json(self) -> list[Frame]:
        return [Frame.of(json.dumps(as_message(row)), row.seq) for row in self.rows]

    def _html(self) -> list[Frame]:
        if not self.rows:
            return []
        try:
            context = live_context(self.run_id, self.rows)
        except Run.DoesNotExist:
            return []
        return [
            Frame.of(masked_html(render_to_string("workflows/run/_live.html", context)), self.last)
        ]

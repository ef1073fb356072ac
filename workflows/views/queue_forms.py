"""The limits of a queue as people type them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from timestep.errors import InvalidInput
from timestep.models import Queue

_WHOLE = ("limit", "concurrency", "worker_concurrency")
_LONGEST = 30


@dataclass
class LimitsForm:
    """The fields as they were typed, empty for no limit, and what is wrong with which of them."""

    name: str = ""
    limit: str = "50"
    period: str = "60"
    concurrency: str = ""
    worker_concurrency: str = ""
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, queue: Queue) -> LimitsForm:
        """The limits that a queue has."""
        return cls(
            name=queue.name,
            limit=_text(queue.limit),
            period=f"{queue.period_seconds:g}",
            concurrency=_text(queue.concurrency),
            worker_concurrency=_text(queue.worker_concurrency),
        )

    @classmethod
    def sent(cls, data: QueryDict) -> LimitsForm:
        """What a browser sent."""
        fields = ("name", "period", *_WHOLE)
        texts: dict[str, Any] = {name: data.get(name, "").strip()[:200] for name in fields}
        return cls(**texts)

    def limits(self) -> dict[str, Any]:
        """What is to be set. Raises InvalidInput for what is no number."""
        found: dict[str, Any] = {name: _whole(name, getattr(self, name)) for name in _WHOLE}
        return found | {"period": _seconds("period", self.period)}


def _text(value: int | None) -> str:
    return "" if value is None else str(value)


def _whole(name: str, text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST):
        raise InvalidInput(name, "use a whole number from 0, or leave it empty for no limit")
    return int(text)


def _seconds(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InvalidInput(name, "use a number of seconds above 0") from None

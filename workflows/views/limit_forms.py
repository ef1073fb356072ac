"""A model limit as people type it."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.http import QueryDict

from timestep.errors import InvalidInput
from timestep.models import ModelLimit

_LONGEST = 30


@dataclass
class LimitForm:
    """The fields as they were typed, empty for no limit, and what is wrong with which of them."""

    pattern: str = ""
    requests: str = ""
    tokens: str = ""
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, limit: ModelLimit) -> LimitForm:
        """What a limit allows."""
        return cls(limit.pattern, _text(limit.requests_per_minute), _text(limit.tokens_per_minute))

    @classmethod
    def sent(cls, data: QueryDict) -> LimitForm:
        """What somebody has sent."""
        return cls(
            data.get("pattern", "")[:1000],
            data.get("requests", "").strip()[:_LONGEST],
            data.get("tokens", "").strip()[:_LONGEST],
        )

    def figures(self) -> tuple[int | None, int | None]:
        """Requests and tokens. Raises InvalidInput."""
        return _number("requests", self.requests), _number("tokens", self.tokens)


def _text(value: int | None) -> str:
    return "" if value is None else str(value)


def _number(name: str, text: str) -> int | None:
    if not text:
        return None
    digits = text.replace(",", "").replace(" ", "")
    if not (digits.isascii() and digits.isdigit()):
        raise InvalidInput(name, "use a whole number from 1, or nothing for no limit")
    return int(digits)

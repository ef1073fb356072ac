"""What people type into fields, read one by one."""

from __future__ import annotations

from django.http import QueryDict

from timestep.errors import InvalidInput
from timestep.masking import MASK


def sent_text(data: QueryDict, name: str) -> str:
    """A text of several lines as it was typed: browsers send line ends as CRLF."""
    return data.get(name, "").replace("\r\n", "\n")


def refuse_masked(name: str, text: str) -> None:
    """Refuse a text that was shown with parts of it masked. Raises InvalidInput."""
    if MASK in text:
        raise InvalidInput(name, f"holds {MASK} in place of what is not shown; type it anew")


def typed_number(name: str, text: str, kind: type[int] | type[float]) -> int | float | None:
    """The number in a field; None in an empty one. Raises InvalidInput."""
    if not text:
        return None
    try:
        return kind(text)
    except (ValueError, OverflowError):
        raise InvalidInput(name, "must be a number") from None

"""What a launch form sends, read and checked."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest, QueryDict

from timestep.errors import InvalidInput
from timestep.masking import masked
from workflows.views.typed import refuse_masked, sent_text, typed_number


def current_user(request: HttpRequest) -> User:
    """The signed-in user; views that call this have checked that there is one."""
    if not isinstance(request.user, User):
        raise TypeError("this view needs login_required")
    return request.user


@dataclass
class LaunchForm:
    """The fields as they were typed, and what is wrong with which of them."""

    input: str = ""
    as_items: bool = False
    session_id: str = ""
    queue: str = ""
    priority: str = ""
    timeout_seconds: str = ""
    dedup_id: str = ""
    version: str = ""
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def sent(cls, data: QueryDict) -> LaunchForm:
        """What a browser sent."""
        texts: dict[str, Any] = {name: data.get(name, "").strip() for name in _TEXTS}
        return cls(input=sent_text(data, "input"), as_items=data.get("as_items") == "on", **texts)

    @classmethod
    def of(cls, last: str | list[Any] | None) -> LaunchForm:
        """A form with an earlier input ready; what is masked has to be typed again."""
        last = masked(last)
        if last is None or isinstance(last, str):
            return cls(input=last or "")
        return cls(input=json.dumps(last, ensure_ascii=False, indent=2), as_items=True)

    def options(self) -> dict[str, Any]:
        """The keyword arguments of `launch_agent`. Raises InvalidInput naming the field."""
        refuse_masked("input", self.input)
        return {
            "input": self._items() if self.as_items else self.input,
            "session_id": self.session_id or None,
            "queue": self.queue or None,
            "dedup_id": self.dedup_id or None,
            "priority": typed_number("priority", self.priority, int),
            "timeout_seconds": typed_number("timeout_seconds", self.timeout_seconds, float),
            "version": typed_number("version", self.version, int),
        }

    @property
    def opened(self) -> bool:
        """Whether an option beyond the input is set or wrong."""
        texts = (getattr(self, name) for name in _TEXTS)
        return self.as_items or any(texts) or bool(self.errors.keys() - {"input", ""})

    def _items(self) -> Any:
        try:
            return json.loads(self.input)
        except (ValueError, RecursionError):
            raise InvalidInput("input", "is not JSON; untick “as items” to send text") from None


_TEXTS = ("session_id", "queue", "priority", "timeout_seconds", "dedup_id", "version")

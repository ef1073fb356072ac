"""The fields of a schedule as people type them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.core.exceptions import ValidationError
from django.http import QueryDict

from timestep.errors import InvalidInput
from timestep.masking import masked_text
from timestep.models import Overlap, Schedule
from timestep.zones import zone_of
from workflows.services.inputs import input_as_text, parsed_input
from workflows.services.launching import checked_input
from workflows.services.local_times import as_typed, read_time
from workflows.views.typed import refuse_masked, sent_text, typed_number

_LONGEST = 300
_TEXTS = (
    "name", "agent", "agent_version", "cron", "timezone", "session_id", "queue", "priority",
    "timeout_seconds", "overlap", "starts_at", "ends_at", "pause_after_failures",
)  # fmt: skip
_NUMBERS: Mapping[str, type[int] | type[float]] = {
    "agent_version": int,
    "priority": int,
    "timeout_seconds": float,
    "pause_after_failures": int,
}
_TIMES = ("starts_at", "ends_at")
# What people wrote, which may hold what is not to be shown.
_WRITTEN = ("input", "session_id", "queue", "name", "agent")


@dataclass
class ScheduleForm:
    """The fields as they were typed, and what is wrong with which of them."""

    name: str = ""
    agent: str = ""
    agent_version: str = ""
    input: str = ""
    cron: str = ""
    timezone: str = "UTC"
    session_id: str = ""
    queue: str = ""
    priority: str = ""
    timeout_seconds: str = ""
    overlap: str = Overlap.ALLOW.value
    starts_at: str = ""
    ends_at: str = ""
    pause_after_failures: str = ""
    catch_up: bool = False
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def sent(cls, data: QueryDict) -> ScheduleForm:
        """What a browser sent."""
        texts: dict[str, Any] = {name: data.get(name, "").strip()[:_LONGEST] for name in _TEXTS}
        return cls(input=sent_text(data, "input"), catch_up=data.get("catch_up") == "on", **texts)

    @classmethod
    def of(cls, schedule: Schedule) -> ScheduleForm:
        """The fields of a schedule, masked; its times in its own zone."""
        exact = cls._exact(schedule)
        texts: dict[str, Any] = {name: masked_text(getattr(exact, name)) for name in _WRITTEN}
        return replace(exact, **texts)

    @classmethod
    def _exact(cls, schedule: Schedule) -> ScheduleForm:
        texts: dict[str, Any] = {name: _as_text(getattr(schedule, name)) for name in _TEXTS}
        zone = zone_of(schedule.timezone)
        for name in _TIMES:
            at = getattr(schedule, name)
            texts[name] = as_typed(at, zone) if at is not None and zone is not None else ""
        return cls(input=input_as_text(schedule.input), catch_up=schedule.catch_up, **texts)

    def fields(self, kept: Schedule | None = None) -> dict[str, Any]:
        """The fields as `save_schedule` takes them.

        Args:
            kept: The schedule that is changed: what was masked, and is as it was shown, stays.

        Raises:
            ValidationError: Messages by field.
        """
        if kept is None:
            return self._fields()
        exact = ((name, getattr(self._exact(kept), name)) for name in _WRITTEN)
        same: dict[str, Any] = {
            name: text for name, text in exact if getattr(self, name) == masked_text(text)
        }
        return replace(self, **same)._fields(known=same)

    def _fields(self, known: Mapping[str, str] | None = None) -> dict[str, Any]:
        errors: dict[str, str] = {}
        fields: dict[str, Any] = {name: getattr(self, name) for name in _TEXTS}
        fields |= {"catch_up": self.catch_up, "session_id": self.session_id or None}
        for name in ("input", *_NUMBERS, *_TIMES):
            try:
                fields[name] = self._read(name)
            except InvalidInput as error:
                errors[name] = error.message
        for name in set(_WRITTEN) - set(known or ()):
            try:
                refuse_masked(name, getattr(self, name))
            except InvalidInput as error:
                errors[name] = error.message
        if errors:
            raise ValidationError({name: [message] for name, message in errors.items()})
        return fields

    def refuse(self, error: ValidationError) -> None:
        """Keep what is wrong, by field."""
        self.errors = {name: " ".join(found) for name, found in error.message_dict.items()}

    @property
    def is_new(self) -> bool:
        """Whether nothing was typed or saved yet."""
        return not (self.name or self.cron)

    @property
    def opened(self) -> bool:
        """Whether an option beyond the usual fields is set or wrong."""
        options = set(_TEXTS) - {"name", "agent", "cron", "timezone", "overlap"}
        usual = {"name", "agent", "cron", "timezone", "input", "overlap", "catch_up"}
        return any(getattr(self, name) for name in options) or bool(self.errors.keys() - usual)

    def _read(self, name: str) -> Any:
        if name == "input":
            return checked_input(parsed_input(self.input))
        text: str = getattr(self, name)
        if name in _TIMES:
            return read_time(name, text, zone_of(self.timezone))
        return typed_number(name, text, _NUMBERS[name])


def _as_text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}" if value == float(f"{value:g}") else repr(value)
    return "" if value is None else str(value)

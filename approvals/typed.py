"""Arguments as they come back from the edit form: what was not touched keeps its very value, and
what was typed gets the type of its control."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from approvals.fields import ArgumentField, argument_fields
from approvals.models import ApprovalRequest
from approvals.services.schemas import checked_text
from approvals.wording import arguments_now
from timestep.errors import InvalidInput

PREFIX = "argument."
_LEFT_OUT = object()


def typed_arguments(asked: ApprovalRequest, sent: Mapping[str, str]) -> Any:
    """The whole arguments of the form.

    Raises:
        InvalidInput: Something typed is not of the type of its control; the field is
            `argument.<name>`.
    """
    now = arguments_now(asked)
    fields = argument_fields(asked)
    if not isinstance(now, dict):
        (whole,) = fields
        text = _sent(whole, sent)
        return now if text is None or text == _lines(whole.typed) else checked_text(text)
    found = {one.name: _value(one, sent, now.get(one.name, _LEFT_OUT)) for one in fields}
    return {name: value for name, value in found.items() if value is not _LEFT_OUT}


def _value(field: ArgumentField, sent: Mapping[str, str], now: Any) -> Any:
    text = _sent(field, sent)
    if field.control == "kept" or text is None or text == _lines(field.typed):
        return now
    if field.control in ("text", "long"):
        return text
    if not text.strip():
        return _emptied(field)
    return _parsed(field, text.strip())


def _sent(field: ArgumentField, sent: Mapping[str, str]) -> str | None:
    text = sent.get(PREFIX + field.name)
    return None if text is None else _lines(text)


def _lines(text: str) -> str:
    """Browsers send line ends of their own."""
    return text.replace("\r\n", "\n")


def _emptied(field: ArgumentField) -> Any:
    if field.required:
        raise InvalidInput(PREFIX + field.name, "is needed")
    return _LEFT_OUT


def _parsed(field: ArgumentField, text: str) -> Any:
    name = PREFIX + field.name
    value = _json(name, text) if field.control == "json" else _loads(text)
    if field.control == "whole" and (not isinstance(value, int) or isinstance(value, bool)):
        raise InvalidInput(name, "must be a whole number such as 25")
    if field.control == "number" and (
        not isinstance(value, int | float) or isinstance(value, bool)
    ):
        raise InvalidInput(name, "must be a number such as 25.00")
    if field.control == "yesno" and not isinstance(value, bool):
        raise InvalidInput(name, "must be yes or no")
    if field.control == "choice" and text not in dict(field.choices):
        raise InvalidInput(name, "must be one of the choices")
    return value


def _json(name: str, text: str) -> Any:
    """A value typed as JSON; what says a key twice, or is no JSON, is refused."""
    try:
        return checked_text(f'{{"value": {text}}}')["value"]
    except InvalidInput:
        raise InvalidInput(name, 'must be JSON, such as ["a", "b"], without a key twice') from None


def _loads(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None

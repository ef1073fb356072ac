"""Form fields of the admin: lists of names, and inputs."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.fields import InvalidJSONInput

from workflows.services.inputs import input_as_text, parsed_input


class NamesField(forms.CharField):
    """A list as JSON, or as names with commas or line ends between them."""

    widget = forms.Textarea(attrs={"rows": 4, "cols": 60})

    def prepare_value(self, value: Any) -> Any:
        """One name per line; JSON where an entry is more than a name."""
        if not isinstance(value, list):
            return value
        if all(isinstance(one, str) for one in value):
            return "\n".join(value)
        return json.dumps(value, indent=1)

    def to_python(self, value: Any) -> Any:
        """The list. What its entries may be is for the service to say."""
        text = value if isinstance(value, str) else json.dumps(value or [])
        if not text.strip().startswith("["):
            return [name.strip() for name in text.replace(",", "\n").splitlines() if name.strip()]
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise ValidationError("Enter valid JSON, or one name per line.") from None

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare lists, not their spelling."""
        try:
            return bool((initial or []) != self.to_python(data or ""))
        except ValidationError:
            return True


class InputField(forms.CharField):
    """The input of a run: a text, or the JSON list of Responses API items."""

    widget = forms.Textarea(attrs={"rows": 6, "cols": 80})

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"strip": False, **options})

    def prepare_value(self, value: Any) -> Any:
        """Items as JSON."""
        return input_as_text(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        """The text, or the items if it is their JSON."""
        text = super().to_python(value)
        return parsed_input(text.replace("\r\n", "\n")) if isinstance(text, str) else text

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare inputs, not their spelling."""
        return bool(initial != self.to_python(data))


class JsonField(forms.JSONField):
    """JSON whose every malformation is a message: too deep a nesting, too long a number."""

    def to_python(self, value: Any) -> Any:
        """The value. Django's field expects no other error than that of the syntax."""
        try:
            return super().to_python(value)
        except (RecursionError, ValueError):
            raise ValidationError("Enter valid JSON.", code="invalid") from None

    def bound_data(self, data: Any, initial: Any) -> Any:
        """What is shown again: the text as it was sent, where it is not JSON."""
        try:
            return super().bound_data(data, initial)
        except (RecursionError, ValueError):
            return InvalidJSONInput(data)

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the value is another."""
        try:
            return super().has_changed(initial, data)
        except (RecursionError, ValueError):
            return True

"""Forms of the admin over rows that hold what may not be shown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django import forms

from timestep.masking import MASK, masked

if TYPE_CHECKING:
    _Base = forms.ModelForm[Any]
else:
    _Base = object


class MaskedFields(_Base):
    """Shows the mask in place of secrets, and keeps what the row has where nothing is changed."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._exact: dict[str, Any] = {}
        for name, field in self.fields.items():
            value = self.get_initial_for_field(field, name)
            if isinstance(value, str | dict | list) and (shown := masked(value)) != value:
                self._exact[name], self.initial[name] = value, shown

    def clean(self) -> dict[str, Any]:
        """Put back what was masked; refuse a mask that somebody edited around."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for name, value in list(cleaned.items()):
            exact = self._exact.get(name)
            if exact is not None and value == masked(exact):
                cleaned[name] = exact
            elif _holds_mask(value) and not _holds_mask(exact):
                self.add_error(name, f"Holds {MASK} in place of what is not shown; type it anew.")
        return cleaned


class MaskedForm(MaskedFields, forms.ModelForm[Any]):
    """The form of an admin that has none of its own."""


def _holds_mask(value: Any) -> bool:
    return isinstance(value, str | dict | list) and MASK in json.dumps(value, default=str)

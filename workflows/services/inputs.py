"""Inputs as people type them: a text, or the JSON of Responses API items."""

from __future__ import annotations

import json
from typing import Any


def parsed_input(text: str) -> str | list[Any]:
    """The input items if the text is the JSON list of such items, else the text itself.

    Items are objects with a `type` or a `role`; any other JSON is a text like all others.
    """
    if not text.lstrip().startswith("["):
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, list) and value and all(map(_is_item, value)) else text


def input_as_text(value: str | list[Any]) -> str:
    """The text that `parsed_input` reads back as this input."""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def _is_item(value: Any) -> bool:
    return isinstance(value, dict) and ("type" in value or "role" in value)

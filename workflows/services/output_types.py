"""Output types: the JSON schema that an agent's final output must follow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from timestep.errors import InvalidInput
from workflows.services.json_values import checked_json

FIELD = "output_type"
MOST_BYTES = 200_000


def checked_output_type(value: Any) -> dict[str, Any] | None:
    """The schema, or None for text. Raises InvalidInput that says which part is wrong."""
    if value in (None, ""):
        return None
    if not isinstance(value, dict):
        raise InvalidInput(FIELD, "must be a JSON schema (an object), or empty for text")
    checked_json(FIELD, value, MOST_BYTES)
    try:
        Draft202012Validator.check_schema(value)
    except SchemaError as error:
        place = "/".join(str(part) for part in error.path) or "top level"
        raise InvalidInput(FIELD, f"is no JSON schema at {place}: {error.message[:300]}") from None
    if value.get("type") != "object":
        raise InvalidInput(FIELD, 'must have "type": "object" at the top level')
    for reference in _references(value):
        _check_reference(value, reference)
    return value


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, member in value.items():
            if key in ("$ref", "$dynamicRef") and isinstance(member, str):
                yield member
            else:
                yield from _references(member)
    elif isinstance(value, list):
        for member in value:
            yield from _references(member)


def _check_reference(schema: Any, reference: str) -> None:
    """Only places within the schema: nothing is ever fetched to validate an output."""
    if reference != "#" and not reference.startswith("#/"):
        raise InvalidInput(FIELD, f"$ref {reference!r} must point into the schema itself (#/…)")
    place = schema
    for part in reference[2:].split("/") if reference != "#" else []:
        name = part.replace("~1", "/").replace("~0", "~")
        try:
            place = place[int(name)] if isinstance(place, list) else place[name]
        except (KeyError, IndexError, ValueError, TypeError):
            raise InvalidInput(FIELD, f"$ref {reference!r} points to nothing") from None

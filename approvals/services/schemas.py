"""Arguments that a person typed, checked against the JSON schema of their tool."""

from __future__ import annotations

import json
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError, best_match
from referencing import Registry
from referencing.exceptions import Unresolvable

from approvals.models import ApprovalRequest
from timestep.arguments import parse_arguments
from timestep.errors import InvalidInput
from timestep.storable import storable_json

FIELD = "arguments"
MOST_CHARACTERS = 200_000
_MESSAGE_LIMIT = 300


def checked_text(text: str) -> Any:
    """The value of arguments typed as JSON, its numbers as they were typed.

    Raises:
        InvalidInput: It is no JSON object, or one that no database keeps as it is.
    """
    if len(text) > MOST_CHARACTERS:
        raise InvalidInput(FIELD, f"is longer than {MOST_CHARACTERS:,} characters")
    value = parse_arguments(storable_json(text))
    if not isinstance(value, dict):
        raise InvalidInput(FIELD, 'must be one JSON object such as {"amount": 25.0}, no key twice')
    return value


def checked(request: ApprovalRequest, arguments: Any) -> dict[str, Any]:
    """The arguments, if the tool of a request takes them.

    Raises:
        InvalidInput: It does not, or nobody knows what it takes.
    """
    if request.schema is None:
        raise InvalidInput(FIELD, "cannot be edited: the schema of this tool is not known here")
    try:
        value: dict[str, Any] = checked_text(json.dumps(arguments))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(FIELD, f"is no JSON: {str(error)[:_MESSAGE_LIMIT]}") from None
    problem = _problem(request.schema, value)
    if problem:
        raise InvalidInput(FIELD, problem)
    return value


def _problem(schema: Any, value: Any) -> str:
    """What is wrong with the value, the deepest first; empty if nothing is."""
    try:
        Draft202012Validator.check_schema(schema)
        # An empty registry: nothing is fetched to look at what a decider typed.
        found = best_match(Draft202012Validator(schema, registry=Registry()).iter_errors(value))
    except (SchemaError, Unresolvable, RecursionError):
        return "cannot be checked: the schema of this tool is not one"
    return _described(found) if found is not None else ""


def _described(error: ValidationError) -> str:
    message = error.message
    if len(message) > _MESSAGE_LIMIT:
        message = message[:_MESSAGE_LIMIT] + "…"
    place = error.json_path.removeprefix("$").removeprefix(".")
    return f"at {place[:100]}: {message}" if place else message

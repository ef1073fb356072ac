"""The arguments of a call as people read and edit them: typed by the schema, else by the values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from approvals.models import ApprovalRequest
from approvals.wording import arguments_now
from timestep.masking import masked
from timestep.values import Field, field

Control = Literal["text", "long", "number", "whole", "yesno", "choice", "json", "kept"]

# What of a value, and how many values, a card shows before it must be opened.
SHOWN = 1_000
FIELDS_SHOWN = 14
_HELP_LIMIT = 120
_LONG = 80
_MISSING = object()


@dataclass(frozen=True)
class ArgumentField:
    """One argument. `now` and `was` are None where it is not given; `was` is as proposed.

    Args:
        name: As the tool knows it.
        label: As people read it.
        help: What the schema says of it.
        now: What the call would be made with.
        was: What the model proposed, where that was another.
        control: How it is edited; `kept` cannot be.
        typed: Its value as text of the control.
        choices: The values of a `choice` or a `yesno`, as JSON, with their words.
        required: Whether the tool needs it.
        changed: Whether an approver edited it.
    """

    name: str
    label: str
    help: str
    now: Field | None
    was: Field | None
    control: Control
    typed: str
    choices: tuple[tuple[str, str], ...] = ()
    required: bool = False
    changed: bool = False

    @property
    def truncated(self) -> bool:
        """Whether something of it is not shown."""
        return any(one is not None and one.rest for one in (self.now, self.was))


def argument_fields(asked: ApprovalRequest, *, whole: bool = False) -> list[ArgumentField]:
    """The arguments of a request, in the order in which they were given, then what was left out.

    Args:
        asked: The request.
        whole: Show all of every value, however long.
    """
    now = arguments_now(asked)
    if not isinstance(now, dict):
        return [_field("", now, asked.arguments, {}, whole=whole, required=True)]
    before = asked.arguments if isinstance(asked.arguments, dict) else {}
    properties = schema_properties(asked.schema)
    required = set((asked.schema or {}).get("required") or ())
    return [
        _field(
            name,
            now.get(name, _MISSING),
            before.get(name, _MISSING),
            properties.get(name, {}),
            whole=whole,
            required=name in required,
        )
        for name in dict.fromkeys([*now, *before, *properties])
    ]


def schema_properties(schema: Any) -> dict[str, dict[str, Any]]:
    """The schemas of the single arguments; what is none is left out."""
    found = schema.get("properties") if isinstance(schema, dict) else None
    pairs = found.items() if isinstance(found, dict) else ()
    return {name: one for name, one in pairs if isinstance(one, dict)}


def is_truncated(asked: ApprovalRequest) -> bool:
    """Whether the card does not show all arguments until it is opened."""
    given = shown_fields(argument_fields(asked))
    return len(given) > FIELDS_SHOWN or any(one.truncated for one in given)


def shown_fields(fields: list[ArgumentField]) -> list[ArgumentField]:
    """Those that have a value, or had one."""
    return [one for one in fields if one.now is not None or one.was is not None]


def _field(
    name: str, now: Any, was: Any, schema: dict[str, Any], *, whole: bool, required: bool
) -> ArgumentField:
    given = {"now": now, "was": was}
    seen = {key: _masked(name, value) for key, value in given.items() if value is not _MISSING}
    hidden = "now" in seen and seen["now"] != now
    control, choices = _control(schema, None if now is _MISSING else now)
    shown = {key: field(name, value, None if whole else SHOWN) for key, value in seen.items()}
    same = now is was or ((now is not _MISSING and was is not _MISSING) and _same(now, was))
    return ArgumentField(
        name=name,
        label=_label(name, schema),
        help=_help(schema),
        now=shown.get("now"),
        was=None if same else shown.get("was"),
        control="kept" if hidden else control,
        typed="" if hidden or now is _MISSING else _typed(control, now),
        choices=choices,
        required=required,
        changed=not same,
    )


def _masked(name: str, value: Any) -> Any:
    return next(iter(masked({name: value}).values())) if name else masked(value)


def _same(one: Any, other: Any) -> bool:
    """Equal with their types: 1, 1.0 and true are three values."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _label(name: str, schema: dict[str, Any]) -> str:
    """The schema's title where somebody gave it one, else the name as words."""
    words = name.replace("_", " ").strip()
    title = str(schema.get("title") or "")
    if title and title.lower() != words.lower():
        return title[:_HELP_LIMIT]
    return words[:1].upper() + words[1:]


def _help(schema: dict[str, Any]) -> str:
    said = str(schema.get("description") or "").strip().split("\n", 1)[0]
    return said if len(said) <= _HELP_LIMIT else f"{said[: _HELP_LIMIT - 1]}…"


def _control(schema: dict[str, Any], value: Any) -> tuple[Control, tuple[tuple[str, str], ...]]:
    plain = plain_schema(schema)
    options = plain.get("enum")
    if isinstance(options, list) and options:
        words = [
            (json.dumps(one), one if isinstance(one, str) else json.dumps(one)) for one in options
        ]
        return "choice", tuple(words)
    control = _by_type(plain.get("type"), value)
    return control, (("true", "yes"), ("false", "no")) if control == "yesno" else ()


def plain_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema without the choice of leaving the value null."""
    branches = schema.get("anyOf") or schema.get("oneOf")
    if isinstance(branches, list):
        real = [one for one in branches if isinstance(one, dict) and one.get("type") != "null"]
        return {**schema, **real[0]} if len(real) == 1 else {"type": "any"}
    kinds = schema.get("type")
    if isinstance(kinds, list):
        named = [kind for kind in kinds if kind != "null"]
        return {**schema, "type": named[0] if len(named) == 1 else "any"}
    return schema


def _by_type(kind: Any, value: Any) -> Control:
    """The control for a type; without one, for the value. A value of another type is JSON."""
    wanted: dict[str, tuple[type, ...]] = {
        "boolean": (bool,), "integer": (int,), "number": (int, float), "string": (str,)
    }  # fmt: skip
    kind = kind if kind else _type_of(value)
    fits = value is None or isinstance(value, wanted.get(str(kind), ()))
    if not fits or (isinstance(value, bool) and kind != "boolean"):
        return "json"
    if kind == "string":
        return (
            "long" if isinstance(value, str) and (len(value) > _LONG or "\n" in value) else "text"
        )
    controls: dict[str, Control] = {"boolean": "yesno", "integer": "whole", "number": "number"}
    return controls.get(str(kind), "json")


def _type_of(value: Any) -> str:
    return next(_types_of(value), "any")


def _types_of(value: Any) -> Iterator[str]:
    for kind, name in ((bool, "boolean"), (int, "number"), (float, "number"), (str, "string")):
        if isinstance(value, kind):
            yield name


def _typed(control: Control, value: Any) -> str:
    if value is None and control != "json":
        return ""
    if isinstance(value, str) and control in ("text", "long"):
        return value
    return json.dumps(value, ensure_ascii=False, indent=2 if control == "json" else None)

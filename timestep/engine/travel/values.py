"""Plain values and small objects as JSON, with a tag wherever JSON alone would be ambiguous.

Numbers, texts and lists stand for themselves; `{"dict": …}`, `{"tuple": …}`, `{"object": …}`,
`{"type": …}`, `{"ref": …}`, `{"registered": …}`, `{"env": …}` and their like for all else.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import math
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from enum import Enum
from pathlib import Path, PurePath
from typing import Any

from pydantic import BaseModel

from timestep.engine.travel.builder import Builder, entry, is_function, refuse, variable
from timestep.engine.travel.describer import Describer
from timestep.engine.travel.secrets import SECRET, SECRET_MAPS
from timestep.engine.travel.type_forms import build_type, describe_type
from timestep.storable import storable


class Values:
    """Describes values.

    Args:
        describer: Where problems and needs are gathered.
        guarded: Whether what looks like a secret is replaced by the name of a variable.
    """

    def __init__(self, describer: Describer, *, guarded: bool = False) -> None:
        self._describer = describer
        self._guarded = guarded
        self._forms: list[tuple[Any, Callable[[Any, str], Any]]] = [
            (Enum, self._enum),
            (str, describer.text),
            (int, lambda value, path: value),
            (float, self._number),
            (list, self._list),
            (tuple, lambda value, path: {"tuple": self._list(value, path)}),
            (Mapping, self._dict),
            (timedelta, lambda value, path: {"seconds": value.total_seconds()}),
            (PurePath, lambda value, path: {"path": describer.text(str(value), path)}),
            (type, lambda value, path: {"type": describe_type(describer, value, path)}),
            (BaseModel, self._model),
        ]

    def part(self, value: Any, path: str) -> Any:
        """A value as JSON; what cannot be is noted as a problem."""
        if value is None:
            return None
        for kind, form in self._forms:
            if isinstance(value, kind):
                return form(value, path)
        if dataclasses.is_dataclass(value):
            return self._dataclass(value, path)
        return self._describer.code(value, path, "function" if callable(value) else "object")

    def _number(self, value: float, path: str) -> float:
        if not math.isfinite(value):
            self._describer.problem(path, f"is {value}, which JSON has no word for", "change it")
        return value

    def _list(self, value: Any, path: str) -> list[Any]:
        return [self.part(item, f"{path}[{index}]") for index, item in enumerate(value)]

    def _dict(self, value: Mapping[Any, Any], path: str) -> dict[str, Any]:
        if not all(isinstance(key, str) for key in value):
            self._describer.problem(path, "has keys that are no texts", "use texts as keys")
            return {"dict": {}}
        return {
            "dict": {self._describer.text(k, path): self._item(k, value[k], path) for k in value}
        }

    def _item(self, key: str, value: Any, path: str) -> Any:
        where = f"{path}[{key!r}]"
        if self._guarded and key in SECRET_MAPS and isinstance(value, Mapping):
            return secret_map(self._describer, value, where)
        if self._guarded and SECRET.search(key):
            return self._secret(key, value, where)
        return self.part(value, where)

    def _secret(self, key: str, value: Any, path: str) -> Any:
        if isinstance(value, str):
            return self._describer.hidden(value, path, key)
        if isinstance(value, list):
            return [self._secret(key, item, f"{path}[{at}]") for at, item in enumerate(value)]
        if isinstance(value, Mapping) and isinstance(value.get("value"), str):
            rest = {name: item for name, item in value.items() if name != "value"}
            part = self._dict(rest, path)
            part["dict"]["value"] = self._describer.hidden(value["value"], path, key)
            return part
        return self.part(value, path)

    def _enum(self, value: Enum, path: str) -> Any:
        form = self._describer.code(type(value), path, "type")
        return {"enum": form, "name": value.name}

    def _dataclass(self, value: Any, path: str) -> Any:
        names = [field.name for field in dataclasses.fields(value) if field.init]
        fields = {name: self.part(getattr(value, name), f"{path}.{name}") for name in names}
        return {"object": describe_type(self._describer, type(value), path), "fields": fields}

    def _model(self, value: BaseModel, path: str) -> Any:
        form = describe_type(self._describer, type(value), path)
        try:
            written = value.model_dump(mode="json", exclude_unset=True, by_alias=True)
            json.dumps(written, allow_nan=False)
            same = storable(written) == written and type(value).model_validate(written) == value
        except Exception:  # noqa: BLE001 - validators and serializers are foreign code
            same = False
        if not same:
            self._describer.problem(
                path, "is not the same after being written as JSON and read back", "simplify it"
            )
            written = {}
        return {"object": form, "json": written}


def secret_map(describer: Describer, value: Mapping[Any, Any], path: str) -> dict[str, Any]:
    """A map none of whose values may be stored: headers, the environment of a process."""
    hidden: dict[str, Any] = {}
    for key, item in value.items():
        where = f"{path}[{key!r}]"
        if isinstance(key, str) and isinstance(item, str):
            hidden[describer.text(key, path)] = describer.hidden(item, where, key)
        else:
            describer.problem(where, f"is a {type(item).__name__}", "use texts")
    return {"dict": hidden}


def parts_of(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every tagged part in a description; the user's own dictionaries are none."""
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, list):
            waiting.extend(found)
        elif isinstance(found, Mapping):
            yield found
            for key, item in found.items():
                if key in ("dict", "fields") and isinstance(item, Mapping):
                    waiting.extend(item.values())
                elif key != "json":
                    waiting.append(item)


def names_variable(part: Mapping[str, Any]) -> bool:
    """Whether a part stands for the value of an environment variable."""
    return "env" in part and "scheme" in part


def has_variables(part: Any) -> bool:
    """Whether a part takes anything from the environment."""
    return any(names_variable(found) for found in parts_of(part))


def build_value(builder: Builder, part: Any, path: str) -> Any:
    """The value that a part describes.

    Raises:
        SpecNotBuildable: Something in it is not here, not allowed, or not readable.
    """
    if part is None or isinstance(part, str | bool | int | float):
        return part
    if isinstance(part, list):
        return [build_value(builder, item, f"{path}[{at}]") for at, item in enumerate(part)]
    if isinstance(part, Mapping):
        for tag, form in _FORMS.items():
            if tag in part:
                return form(builder, part, path)
    return refuse(path, f"is {part!r:.60}, which says nothing")


def _built_dict(builder: Builder, part: Any, path: str) -> dict[str, Any]:
    items = entry(part, "dict", dict, path)
    return {key: build_value(builder, item, f"{path}[{key!r}]") for key, item in items.items()}


def _built_tuple(builder: Builder, part: Any, path: str) -> tuple[Any, ...]:
    return tuple(build_value(builder, entry(part, "tuple", list, path), path))


def _built_enum(builder: Builder, part: Any, path: str) -> Enum:
    made = builder.code(part["enum"], path, "type", _is_enum)
    name = entry(part, "name", str, path)
    if name not in made.__members__:
        refuse(path, f"needs {made.__name__}.{name:.60}, which is not there")
    found: Enum = made.__members__[name]
    return found


def _is_enum(value: Any) -> bool:
    return inspect.isclass(value) and issubclass(value, Enum)


def _is_data_class(value: Any) -> bool:
    return inspect.isclass(value) and (
        issubclass(value, BaseModel) or dataclasses.is_dataclass(value)
    )


def _built_object(builder: Builder, part: Any, path: str) -> Any:
    made = build_type(builder, part["object"], path)
    if not _is_data_class(made):
        refuse(path, f"is made of {made!r:.60}, which is no class of data")
    try:
        if issubclass(made, BaseModel):
            return made.model_validate(entry(part, "json", dict, path))
        fields = entry(part, "fields", dict, path)
        return made(**{k: build_value(builder, v, f"{path}.{k}") for k, v in fields.items()})
    except (TypeError, ValueError) as error:
        return refuse(path, f"is no {made.__name__}: {error!s:.300}")


_FORMS: dict[str, Callable[[Builder, Any, str], Any]] = {
    "dict": _built_dict,
    "tuple": _built_tuple,
    "object": _built_object,
    "enum": _built_enum,
    "type": lambda builder, part, path: build_type(builder, part["type"], path),
    "seconds": lambda builder, part, path: timedelta(
        seconds=entry(part, "seconds", (int, float), path)
    ),
    "path": lambda builder, part, path: Path(entry(part, "path", str, path)),
    "env": lambda builder, part, path: variable(part, path),
    "ref": lambda builder, part, path: builder.code(part, path, "function", _is_usable),
    "registered": lambda builder, part, path: builder.code(part, path, "function", is_function),
}


def _is_usable(value: Any) -> bool:
    return not inspect.isclass(value) and not inspect.ismodule(value)

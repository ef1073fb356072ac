"""A `RunConfig` field by field.

All fields travel but live ones: a model object, a model provider with clients of its own, a
sandbox. Callbacks go by import path, the key for tracing by the name of its variable.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from agents import InputGuardrail, OutputGuardrail, RunConfig
from agents.models.interface import ModelProvider
from agents.models.multi_provider import MultiProvider
from agents.models.openai_provider import shared_http_client

from timestep.engine.travel.builder import Builder, entry, is_function, refuse
from timestep.engine.travel.describer import Describer
from timestep.engine.travel.guardrails import build_guardrails, describe_guardrails
from timestep.engine.travel.model_settings import build_settings, describe_settings
from timestep.engine.travel.values import Values, build_value

# Fields with a form of their own; all others are plain values or callbacks.
OWN = ("model_provider", "model_settings", "input_guardrails", "output_guardrails", "sandbox")
PLAIN = tuple(f.name for f in dataclasses.fields(RunConfig) if f.name not in OWN)
CALLBACKS = (
    "handoff_input_filter",
    "handoff_history_mapper",
    "session_input_callback",
    "call_model_input_filter",
    "tool_error_formatter",
)


def describe_config(describer: Describer, config: RunConfig, path: str) -> Any:
    """Every field that another process can have as well."""
    if isinstance(config.model, str | None):
        values = Values(describer, guarded=True)
        part = {name: values.part(getattr(config, name), f"{path}.{name}") for name in PLAIN}
    else:
        part = {}
        describer.problem(f"{path}.model", "is a live object", "give the name of the model")
    if config.sandbox is not None:
        describer.problem(f"{path}.sandbox", "is a live object", "leave it out")
    settings = config.model_settings
    return part | {
        "model_provider": _provider(describer, config.model_provider, f"{path}.model_provider"),
        "model_settings": settings
        and describe_settings(describer, settings, f"{path}.model_settings"),
        "input_guardrails": describe_guardrails(
            describer, config.input_guardrails, f"{path}.input_guardrails"
        ),
        "output_guardrails": describe_guardrails(
            describer, config.output_guardrails, f"{path}.output_guardrails"
        ),
    }


def build_config(builder: Builder, part: Any, path: str) -> RunConfig:
    """The configuration that a part describes.

    Raises:
        SpecNotBuildable: Something in it is not here, not allowed, or does not fit.
    """
    if not isinstance(part, dict) or not part.keys() <= {*PLAIN, *OWN}:
        refuse(path, "is no run configuration that this version of the SDK knows")
    found = {
        name: build_value(builder, part[name], f"{path}.{name}") for name in PLAIN if name in part
    }
    for name in CALLBACKS:
        if found.get(name) is not None and not is_function(found[name]):
            refuse(f"{path}.{name}", "is no function")
    found |= _built_own(builder, part, path)
    try:
        return RunConfig(**found)
    except (TypeError, ValueError) as error:
        return refuse(path, f"is no run configuration: {error!s:.300}")


def _built_own(builder: Builder, part: dict[str, Any], path: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, kind in (
        ("input_guardrails", InputGuardrail),
        ("output_guardrails", OutputGuardrail),
    ):
        found[name] = build_guardrails(builder, part.get(name), f"{path}.{name}", kind)
    if part.get("model_settings") is not None:
        found["model_settings"] = build_settings(
            builder, part["model_settings"], f"{path}.model_settings"
        )
    if part.get("model_provider") is not None:
        code = entry(part, "model_provider", dict, path)
        found["model_provider"] = builder.code(code, path, "model provider", _is_provider)
    return found


def _is_provider(value: Any) -> bool:
    return isinstance(value, ModelProvider)


def _provider(describer: Describer, provider: ModelProvider, path: str) -> Any:
    """None stands for the SDK's own, as it is without arguments."""
    if type(provider) is MultiProvider and _settings_of(provider) == _settings_of(MultiProvider()):
        return None
    return describer.code(provider, path, "object")


def _settings_of(provider: MultiProvider) -> list[Any]:
    plain: Callable[[Any], bool] = lambda value: value is None or isinstance(value, str | bool)  # noqa: E731
    inner = (vars(provider.openai_provider) | {"_client": _given_client(provider)}).items()
    own = vars(provider).items()
    return [provider.provider_map, *(item for item in (*own, *inner) if plain(item[1]))]


def _given_client(provider: MultiProvider) -> Any:
    """The client that a program gave; None where the SDK has made one when it was first used."""
    client = provider.openai_provider._client
    made_by_sdk = client is not None and client._client is shared_http_client()
    return None if made_by_sdk else client

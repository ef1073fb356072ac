"""The names of the models in an agent spec: refused at launch where nobody could serve them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from timestep.errors import InvalidInput
from timestep.providers import split_model_name


def refuse_unknown_models(body: dict[str, Any]) -> None:
    """Refuse a spec in which a model has a prefix that no provider has.

    A model provider of the program's own knows its own names: those are left to it.

    Raises:
        InvalidInput: There is one; `field` is `model`.
    """
    configs = list(_configs(body))
    if any(config.get("model_provider") is not None for config in configs):
        return
    for config in configs:
        _check(config.get("model"), "run_config")
    if _of(body, "run_config").get("model"):
        return  # It takes the place of the agents' own.
    for key, agent in _of(body, "agents").items():
        if isinstance(agent, dict):
            _check(agent.get("model"), f"agent {agent.get('name') or key}")


def _check(model: Any, whose: str) -> None:
    if not model or not isinstance(model, str):
        return
    try:
        split_model_name(model)
    except InvalidInput as error:
        raise InvalidInput("model", f"{model!r:.100} of {whose}: {error.message}") from None


def _configs(value: Any) -> Iterator[dict[str, Any]]:
    """The run configurations in a spec: its own, and those of agents used as tools."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            found = part.get("run_config")
            if isinstance(found, dict):
                yield found
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part


def _of(body: dict[str, Any], name: str) -> dict[str, Any]:
    found = body.get(name)
    return found if isinstance(found, dict) else {}

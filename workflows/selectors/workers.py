"""Workers that are alive, and which keys none of them has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from timestep.errors import InvalidInput
from timestep.models import Worker
from timestep.providers import Provider, split_model_name
from timestep.services.workers import living_processes, living_workers


@dataclass(frozen=True)
class MissingKey:
    """A provider whose key no living worker has, though an agent's model needs it."""

    agent: str
    model: str
    provider: str
    variable: str


def alive_workers() -> list[Worker]:
    """Workers that were heard of in the last ten seconds and have not stopped."""
    return list(living_workers())


def alive_processes() -> list[Worker]:
    """Workers that are alive, and scripts that execute what they launched."""
    return list(living_processes())


def unserved(queues: Iterable[str]) -> set[str]:
    """Those of the queues that no living worker takes from, though there are workers."""
    workers = alive_workers()
    if not workers:
        return set()
    return {name for name in queues if not any(one.serves(name) for one in workers)}


def missing_keys(models: Mapping[str, str]) -> list[MissingKey]:
    """What is missing for these models (agent → model). Nothing while no worker is alive:
    then nobody knows, and pages say that no worker is alive.
    """
    workers = alive_workers()
    reachable = {prefix for one in workers for prefix, usable in one.providers.items() if usable}
    found = []
    for agent, model in models.items() if workers else ():
        provider = _provider(model)
        if provider is not None and provider.env_key and provider.prefix not in reachable:
            found.append(MissingKey(agent, model, provider.label, provider.env_key))
    return found


def _provider(model: str) -> Provider | None:
    try:
        return split_model_name(model)[0]
    except InvalidInput:
        return None  # A provider that was taken out of the table since; launching says so.

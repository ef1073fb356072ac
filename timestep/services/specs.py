"""Storing agent specs by their digest."""

from __future__ import annotations

from typing import Any

from timestep.digests import digest
from timestep.models import AgentSpec
from timestep.services.spec_models import refuse_unknown_models


def store_spec(body: dict[str, Any]) -> AgentSpec:
    """Store a spec body once and return its row.

    Args:
        body: The JSON closure of agents (see docs/concepts.md, "Agent spec").

    Raises:
        InvalidInput: A model in it has a prefix that no provider has.
    """
    refuse_unknown_models(body)
    spec, _ = AgentSpec.objects.get_or_create(digest=digest(body), defaults={"body": body})
    return spec

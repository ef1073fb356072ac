"""Plain runs, for what need not be durable."""

from __future__ import annotations

from typing import Any

from agents import Agent, Model, ModelProvider, RunConfig, Runner
from agents.models.default_models import get_default_model

from timestep.engine.providers import model_for


async def run(agent: Agent[Any], run_input: Any, session: Any, *, stream: bool) -> Any:
    """The SDK's own run, with models by our names and without traces leaving the process."""
    config = RunConfig(model_provider=_ByName(), tracing_disabled=True)
    if stream:
        return Runner.run_streamed(agent, run_input, session=session, run_config=config)
    return await Runner.run(agent, run_input, session=session, run_config=config)


class _ByName(ModelProvider):
    def get_model(self, model_name: str | None) -> Model:
        return model_for(model_name or get_default_model())

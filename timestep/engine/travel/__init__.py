"""Agents as JSON: described in one process, built in another."""

from timestep.engine.travel.building import build, build_run_config
from timestep.engine.travel.contexts import build_value, describe_value
from timestep.engine.travel.describing import describe
from timestep.engine.travel.missing import missing_here
from timestep.engine.travel.own_parts import trust_own_modules
from timestep.engine.travel.problems import CannotTravel, Problem
from timestep.engine.travel.registered import (
    register_agent,
    register_function,
    register_guardrail,
    register_tool,
)

__all__ = [
    "CannotTravel",
    "Problem",
    "build",
    "build_run_config",
    "build_value",
    "describe",
    "describe_value",
    "missing_here",
    "register_agent",
    "register_function",
    "register_guardrail",
    "register_tool",
    "trust_own_modules",
]

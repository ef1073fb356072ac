"""What the agents of these tests are made of: importable, as code that travels must be."""

from __future__ import annotations

import functools
import subprocess
import sys
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Generic, TypedDict, TypeVar

from agents import (
    Agent,
    AgentHooks,
    AgentOutputSchemaBase,
    FunctionToolResult,
    GuardrailFunctionOutput,
    HandoffInputData,
    RunContextWrapper,
    RunHooks,
    ToolGuardrailFunctionOutput,
    ToolInputGuardrail,
    ToolsToFinalOutputResult,
    function_tool,
    input_guardrail,
    output_guardrail,
    tool_input_guardrail,
    tool_output_guardrail,
)
from agents.mcp import MCPServerStdio
from agents.models.interface import ModelProvider
from agents.retry import retry_policies
from agents.run import ModelInputData
from pydantic import BaseModel, SecretStr

from timestep.tools import tool_options

T = TypeVar("T")


class Size(Enum):
    SMALL = "s"
    LARGE = "l"


@dataclass
class Money:
    amount: int
    currency: str = "EUR"


class Report(BaseModel):
    title: str
    lines: list[str] = []


class Row(TypedDict):
    name: str
    count: int


class Page(BaseModel):
    report: Report
    number: int = 1


async def tool_check(data: Any) -> ToolGuardrailFunctionOutput:
    return ToolGuardrailFunctionOutput.allow()


@tool_input_guardrail
def check_arguments(data: Any) -> ToolGuardrailFunctionOutput:
    return ToolGuardrailFunctionOutput.allow()


@tool_output_guardrail(name="output-check")
def check_output(data: Any) -> ToolGuardrailFunctionOutput:
    return ToolGuardrailFunctionOutput.allow()


HAND_MADE_CHECK: ToolInputGuardrail[Any] = ToolInputGuardrail(tool_check, name="by hand")


def look_ahead(call: dict[str, Any]) -> str:
    """What a call would do, as people are shown it."""
    return f"Do it to {call['text']}"


@tool_options(idempotent=True, title="Look up")
@function_tool
def look_up(order: str) -> str:
    """Look up an order."""
    return order


@function_tool(needs_approval=True, tool_input_guardrails=[check_arguments])
async def refund(order: str, amount: int) -> str:
    """Refund an order."""
    return f"{order} {amount}"


def made(prefix: str) -> Any:
    @function_tool(name_override=f"{prefix}_made")
    def inside(text: str) -> str:
        return prefix + text

    return inside


bound_by_name = made("first")


def instruct(context: RunContextWrapper[Any], agent: Agent[Any]) -> str:
    return f"You are {agent.name}."


def prompt(data: Any) -> Any:
    return {"id": "p"}


@input_guardrail
def no_secrets(context: Any, agent: Agent[Any], found: Any) -> GuardrailFunctionOutput:
    return GuardrailFunctionOutput(None, tripwire_triggered=False)


@output_guardrail(name="polite")
async def polite(context: Any, agent: Agent[Any], output: Any) -> GuardrailFunctionOutput:
    return GuardrailFunctionOutput(None, tripwire_triggered=False)


def plain_check(context: Any, agent: Agent[Any], found: Any) -> GuardrailFunctionOutput:
    return GuardrailFunctionOutput(None, tripwire_triggered=False)


def only_last(data: HandoffInputData) -> HandoffInputData:
    return data


def enabled(context: RunContextWrapper[Any], agent: Any) -> bool:
    return True


async def on_handoff(context: RunContextWrapper[Any]) -> None: ...


async def on_money(context: RunContextWrapper[Any], money: Money) -> None: ...


async def extract(result: Any) -> str:
    return str(result.final_output)


async def on_stream(event: Any) -> None: ...


def build_input(options: Any) -> str:
    return str(options)


def resolve_meta(context: Any) -> dict[str, Any]:
    return {}


def filter_input(data: Any) -> ModelInputData:
    found: ModelInputData = data.model_data
    return found


async def asks(context: RunContextWrapper[Any], arguments: dict[str, Any], call_id: str) -> bool:
    return True


def failed(context: RunContextWrapper[Any], error: Exception) -> str:
    return "failed"


def decide(
    context: RunContextWrapper[Any], results: list[FunctionToolResult]
) -> ToolsToFinalOutputResult:
    return ToolsToFinalOutputResult(is_final_output=False)


class Audit(AgentHooks[Any]):
    """Hooks of an agent."""


class RunAudit(RunHooks[Any]):
    """Hooks of a run."""


AUDIT = Audit()
RUN_AUDIT = RunAudit()


class Methods:
    @staticmethod
    def instruct(context: RunContextWrapper[Any], agent: Agent[Any]) -> str:
        return "static"

    def bound(self, context: RunContextWrapper[Any], agent: Agent[Any]) -> str:
        return "bound"


class Speaker:
    def __call__(self, context: RunContextWrapper[Any], agent: Agent[Any]) -> str:
        return "called"


CALLABLE = Speaker()
RETRY = retry_policies.any(retry_policies.network_error(), retry_policies.never())


class Outer:
    class Inner(BaseModel):
        value: int


class Box(BaseModel, Generic[T]):
    content: T


class Schema(AgentOutputSchemaBase):
    def is_plain_text(self) -> bool:
        return False

    def name(self) -> str:
        return "schema"

    def json_schema(self) -> dict[str, Any]:
        return {"type": "object"}

    def is_strict_json_schema(self) -> bool:
        return False

    def validate_json(self, json_str: str) -> Any:
        return json_str


SCHEMA = Schema()


def plain_tool(text: str, times: int = 1) -> str:
    """Repeat a text.

    Args:
        text: What to repeat.
        times: How often.
    """
    return text * times


async def slow_tool(text: str) -> str:
    """Take your time."""
    return text


async def approve(*asked: Any) -> Any:
    return {"approve": True}


async def asks_shell(context: Any, action: Any, call_id: str) -> bool:
    return True


async def dispose(*, run_context: Any, computer: Any) -> None: ...


async def execute(*request: Any, **more: Any) -> Any:
    return "done"


# What a module has beside what was written in it.
sys_exit = sys.exit
run_command = subprocess.run
PARTIAL = functools.partial(subprocess.run)
A_TEXT = "a text"


class OwnServer(MCPServerStdio):
    """A server of a class of its own."""


class Auth:
    """Signs requests."""


SERVER = OwnServer({"command": "c"})
AUTH = Auth()


class Provider(ModelProvider):
    def get_model(self, model_name: str | None) -> Any:
        raise AssertionError("a description asks nothing of it")


PROVIDER = Provider()


def map_history(items: list[Any]) -> list[Any]:
    return items


def join_input(history: list[Any], new: list[Any]) -> list[Any]:
    return [*history, *new]


def format_error(arguments: Any) -> str | None:
    return None


@dataclass
class Order:
    number: int
    prices: list[Money]
    reports: dict[str, Report]
    size: Any
    total: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.total = sum(price.amount for price in self.prices)


class Hidden(BaseModel):
    key: SecretStr

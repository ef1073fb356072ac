"""Arguments that no tool can be called with: no JSON, nested too deeply, or of another shape.

Such a call could not be made whatever a person says of it. So nobody is asked: the model is told at
once, in the SDK's words, and can call again.
"""

from __future__ import annotations

import json
from typing import Any, cast

from agents import FunctionTool, ModelBehaviorError
from agents._function_tool_arguments import can_prepare_without_user_code
from agents.tool import (
    _FailureHandlingFunctionToolInvoker,
    default_tool_error_function,
    maybe_invoke_function_tool_failure_error_function,
)
from agents.tool_context import ToolContext
from pydantic import BaseModel, ValidationError

from timestep.storable import DEEP, is_deep

# The verdict on such a call, in the checkpoint of the response that made it.
UNREADABLE = "unreadable"
_MOST_FAULTS = 5


def fault_of(name: str, arguments: str) -> str | None:
    """Why a tool cannot be called with these arguments, in the SDK's words; else None.

    Args:
        name: The tool's.
        arguments: What the model wrote, as it is recorded.
    """
    base = f"Invalid JSON input for tool {name}"
    try:
        value = json.loads(arguments) if arguments else {}
    except (ValueError, RecursionError):
        return f"{base}: {DEEP}" if arguments.endswith(DEEP) else base
    if is_deep(value):
        return f"{base}: {DEEP}"
    return None if isinstance(value, dict) else f"{base}: expected a JSON object"


def misfit_of(tool: FunctionTool, arguments: str) -> str | None:
    """Why arguments, which are a JSON object, do not fit the tool; None where nobody can say.

    Only what is checked without code of the tool's author is known before the call.
    """
    model = _model_of(tool)
    if model is None or not can_prepare_without_user_code(model):
        return None
    try:
        model.model_validate(json.loads(arguments) if arguments else {})
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        said = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in faults[:_MOST_FAULTS]]
        return f"Invalid JSON input for tool {tool.name}: {'; '.join(said)}"
    return None


def read_by_sdk(tool: FunctionTool) -> bool:
    """Whether the SDK itself reads the arguments, and calls nothing where it cannot."""
    return isinstance(tool.on_invoke_tool, _FailureHandlingFunctionToolInvoker)


async def refusal(tool: FunctionTool, context: ToolContext[Any], fault: str) -> str:
    """What the model is told of a call that is not made: what its tool says of such an error."""
    error = ModelBehaviorError(fault)
    told = await maybe_invoke_function_tool_failure_error_function(
        function_tool=tool, context=context, error=error
    )
    # The SDK's own words say only that something went wrong, which the model cannot mend.
    bare = told in (None, default_tool_error_function(context, error))
    return f"The call was not made: {fault}" if bare else str(told)


def _model_of(tool: FunctionTool) -> type[BaseModel] | None:
    """The model of the parameters that the SDK made of a function, or of an agent's tool."""
    invoke = getattr(tool.on_invoke_tool, "_invoke_tool_impl", None)
    if tool._is_agent_tool:
        adapter = _variables(invoke).get("params_adapter")
        found = getattr(adapter, "_type", None)
    else:
        prepare = getattr(invoke, "__agents_prepare_arguments__", None)
        found = getattr(_variables(prepare).get("schema"), "params_pydantic_model", None)
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None


def _variables(function: Any) -> dict[str, Any]:
    """The variables of an SDK function's closure; nothing where it is another kind of object."""
    code = getattr(function, "__code__", None)
    if code is None:
        return {}
    cells = cast("tuple[Any, ...]", function.__closure__ or ())
    return {name: cell.cell_contents for name, cell in zip(code.co_freevars, cells, strict=True)}

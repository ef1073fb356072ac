"""What tools that work on this machine do, for the tests of the engine; all of it is noted."""

from __future__ import annotations

import asyncio
from typing import Any

from agents import (
    ApplyPatchTool,
    AsyncComputer,
    ComputerTool,
    CustomTool,
    LocalShellCommandRequest,
    LocalShellTool,
    ShellCallOutcome,
    ShellCommandOutput,
    ShellCommandRequest,
    ShellResult,
    ShellTool,
)
from agents.editor import ApplyPatchOperation, ApplyPatchResult

from tests.campaign.journal import note
from tests.campaign.tools import once_only
from timestep.tools import tool_options

Json = dict[str, Any]


def run_command(request: LocalShellCommandRequest) -> str:
    """The older kind of shell; in a thread, because it is not async."""
    note(request.data.call_id, "local_shell", "start")
    return f"ran {' '.join(request.data.action.command)}"


async def run_commands(request: ShellCommandRequest) -> ShellResult:
    """A shell: `linger` takes long the first time, `fail` cannot be run."""
    [command] = request.data.action.commands
    note(request.data.call_id, "shell", "start")
    if command == "fail":
        raise OSError("no shell here")
    if command == "linger" and once_only(f"shell-{request.data.call_id}"):
        await asyncio.sleep(60)
    said = ShellCommandOutput(f"out of {command}", "err", ShellCallOutcome("exit", 3), command)
    return ShellResult([said], provider_data={"by": "test"})


@tool_options(idempotent=True)
async def look_around(request: ShellCommandRequest) -> str:
    """A shell whose commands may be repeated."""
    await run_commands(request)
    return "looked"


async def answer(context: Any, given: str) -> str:
    """A custom tool."""
    note(context.tool_call_id, "answer", "start")
    return f"answer to {given}"


async def approve_once(context: Any, item: Any) -> Any:
    """Answers in a person's place; says yes the first time only."""
    note(item.call_id, "approve_once", "start")
    return {"approve": once_only(f"approved-{item.call_id}")}


class Editor:
    """Notes what it would do to files."""

    def create_file(self, operation: ApplyPatchOperation) -> ApplyPatchResult:
        """Create."""
        note(operation.path, "create_file", "start")
        return ApplyPatchResult("completed", f"created {operation.path}")

    def update_file(self, operation: ApplyPatchOperation) -> str:
        """Change."""
        note(operation.path, "update_file", "start")
        return f"updated {operation.path} with {operation.diff}"

    async def delete_file(self, operation: ApplyPatchOperation) -> None:
        """Delete."""
        note(operation.path, "delete_file", "start")


class Screen(AsyncComputer):
    """A computer whose screenshots say how much was done at it."""

    environment = "browser"
    dimensions = (100, 100)

    def __init__(self) -> None:
        self._done: list[str] = []

    async def _did(self, what: str) -> None:
        note(what, "screen", "start")
        self._done.append(what)

    async def screenshot(self) -> str:
        """All that was done."""
        note("screenshot", "screen", "start")
        return "|".join(self._done)

    async def click(self, x: int, y: int, button: Any) -> None:
        """Click; takes no modifier keys."""
        await self._did(f"click {x} {y} {button}")

    async def double_click(self, x: int, y: int) -> None:
        """Click twice."""

    async def scroll(self, x: int, y: int, scroll_x: int, scroll_y: int) -> None:
        """Scroll."""

    async def type(self, text: str) -> None:
        """Type; `linger` takes long the first time."""
        await self._did(f"type {text}")
        if "linger" in text and once_only(f"screen-{text}"):
            await asyncio.sleep(60)

    async def wait(self) -> None:
        """Wait."""

    async def move(self, x: int, y: int) -> None:
        """Move."""

    async def keypress(self, keys: list[str]) -> None:
        """Press keys."""

    async def drag(self, path: list[tuple[int, int]]) -> None:
        """Drag."""


EDITOR = Editor()


async def screen(*, run_context: Any) -> Screen:
    """Makes a computer for a run."""
    return Screen()


async def accept(data: Any) -> bool:
    """Looks at what the provider warns of."""
    note(data.tool_call.call_id, "accept", "start")
    return once_only(f"accept-{data.tool_call.call_id}")


def all_tools() -> list[Any]:
    """One tool of each kind."""
    return [
        LocalShellTool(run_command),
        ShellTool(run_commands),
        ApplyPatchTool(EDITOR),
        CustomTool("answer", "Answers.", answer),
        ComputerTool(screen, on_safety_check=accept),
    ]


def shell(call_id: str, command: str) -> Json:
    """A model's call of a shell."""
    item = {"type": "shell_call", "id": f"sh_{call_id}", "call_id": call_id, "status": "completed"}
    return item | {"action": {"commands": [command], "max_output_length": None, "timeout_ms": None}}


def local_shell(call_id: str, *command: str) -> Json:
    """A model's call of the older kind of shell."""
    action = {"type": "exec", "command": list(command), "env": {}}
    item = {"type": "local_shell_call", "id": f"ls_{call_id}", "call_id": call_id}
    return item | {"action": action, "status": "completed"}


def patch(call_id: str, kind: str, path: str, **more: str) -> Json:
    """A model's patch of a file."""
    item = {"type": "apply_patch_call", "id": f"ap_{call_id}", "call_id": call_id}
    return item | {"status": "completed", "operation": {"type": kind, "path": path, **more}}


def custom(call_id: str, given: str) -> Json:
    """A model's call of the custom tool."""
    item = {"type": "custom_tool_call", "id": f"ct_{call_id}", "call_id": call_id}
    return item | {"name": "answer", "input": given}


def computer(call_id: str, *actions: Json, checks: list[Json] | None = None) -> Json:
    """A model's call at the computer."""
    item: Json = {"type": "computer_call", "id": f"cu_{call_id}", "call_id": call_id}
    item |= {"status": "completed", "actions": list(actions)}
    return item | {"pending_safety_checks": checks or []}

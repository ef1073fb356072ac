"""The SDK's tools that are no function tools: their settings are fields of a dataclass."""

from __future__ import annotations

from typing import Any

import agents

HOSTED: dict[str, type[Any]] = {
    name: getattr(agents, name)
    for name in (
        "ApplyPatchTool",
        "CodeInterpreterTool",
        "ComputerTool",
        "CustomTool",
        "FileSearchTool",
        "HostedMCPTool",
        "ImageGenerationTool",
        "LocalShellTool",
        "ProgrammaticToolCallingTool",
        "ShellTool",
        "ToolSearchTool",
        "WebSearchTool",
    )
}

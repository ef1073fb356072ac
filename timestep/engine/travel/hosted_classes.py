"""The SDK's tools that are no function tools: their settings are fields of a dataclass."""

from __future__ import annotations

from typing import Any

from agents import (
    ApplyPatchTool,
    CodeInterpreterTool,
    ComputerTool,
    CustomTool,
    FileSearchTool,
    HostedMCPTool,
    ImageGenerationTool,
    LocalShellTool,
    ProgrammaticToolCallingTool,
    ShellTool,
    ToolSearchTool,
    WebSearchTool,
)

HOSTED: dict[str, type[Any]] = {
    made.__name__: made
    for made in (
        ApplyPatchTool,
        CodeInterpreterTool,
        ComputerTool,
        CustomTool,
        FileSearchTool,
        HostedMCPTool,
        ImageGenerationTool,
        LocalShellTool,
        ProgrammaticToolCallingTool,
        ShellTool,
        ToolSearchTool,
        WebSearchTool,
    )
}

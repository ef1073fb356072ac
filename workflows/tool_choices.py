"""The tools of a definition: a name, and perhaps an override of "needs approval"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ToolChoice:
    """A tool that an operator gave to an agent."""

    name: str
    needs_approval: bool | None = None

    def effective(self, needs_approval: bool) -> bool:
        """Whether approval is needed, given what the tool itself says."""
        return needs_approval if self.needs_approval is None else self.needs_approval

    def as_json(self) -> str | dict[str, Any]:
        """The entry as definitions keep it."""
        if self.needs_approval is None:
            return self.name
        return {"name": self.name, "needs_approval": self.needs_approval}


def tool_choices(entries: list[Any]) -> list[ToolChoice]:
    """The choices in a saved definition, whose entries were checked when it was saved."""
    return [
        ToolChoice(entry)
        if isinstance(entry, str)
        else ToolChoice(entry["name"], entry.get("needs_approval"))
        for entry in entries
    ]

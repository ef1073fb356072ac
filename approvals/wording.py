"""What approving a call does, in words: the tool's own where it has some, else its arguments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from approvals.models import ApprovalRequest
from timestep.letters import told
from timestep.masking import masked, masked_text
from timestep.values import brief

ACT_LIMIT = 140
_VALUE_LIMIT = 40


@dataclass(frozen=True)
class Act:
    """One line; `whole` says that nothing of the call is left out of it."""

    text: str
    whole: bool


def arguments_now(asked: ApprovalRequest) -> Any:
    """What the call would be made with: edited, or as proposed."""
    return asked.arguments if asked.edited_arguments is None else asked.edited_arguments


def title_of(asked: ApprovalRequest) -> str:
    """The tool's title, or its name as words."""
    return asked.title or asked.tool.replace("_", " ").strip().capitalize() or asked.tool


def preview_of(asked: ApprovalRequest) -> str:
    """The tool's own words for this call; they say nothing of arguments edited since."""
    return masked_text(asked.preview) if asked.edited_arguments is None else ""


def act_of(asked: ApprovalRequest) -> Act:
    """What approving does, in one line."""
    if preview := preview_of(asked):
        return _cut(preview.strip(), whole=True)
    given = masked(arguments_now(asked))
    pairs = given.items() if isinstance(given, dict) else [("", given)]
    words = [(f"{name} {brief(value, _VALUE_LIMIT)}".strip(), value) for name, value in pairs]
    whole = all(not text.endswith("…") for text, _ in words)
    return _cut(f"{title_of(asked)}: {', '.join(text for text, _ in words)}", whole=whole)


def _cut(line: str, *, whole: bool) -> Act:
    shown = told(" ".join(line.split()))
    if len(shown) <= ACT_LIMIT:
        return Act(shown, whole)
    return Act(f"{shown[: ACT_LIMIT - 1]}…", False)

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


def launched_with(given: Any) -> str:
    """The input of a run in words: a text as it is, of a list of items the user's last one."""
    if not isinstance(given, list):
        return given if isinstance(given, str) else brief(given)
    said = [item for item in given if isinstance(item, dict) and item.get("role") == "user"]
    last = _content(said[-1].get("content")) if said else brief(given[-1] if given else None)
    count = f"{len(given)} items; " if len(given) != 1 else ""
    return f"{count}the last from the user: {last}" if said and count else f"{count}{last}"


def _content(content: Any) -> str:
    """The texts of a message, and of what is none its kind."""
    if not isinstance(content, list):
        return content if isinstance(content, str) else brief(content)
    parts = [part if isinstance(part, dict) else {"text": part} for part in content]
    return " ".join(str(part.get("text") or f"[{part.get('type')}]") for part in parts)


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

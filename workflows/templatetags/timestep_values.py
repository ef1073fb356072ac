"""Arguments, outputs and inputs: hostile values of any size, shown bounded and escaped."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.safestring import SafeString

from approvals.fields import is_truncated
from approvals.models import ApprovalRequest, RequestKind
from approvals.wording import act_of
from timestep.letters import isolated, marked, told
from timestep.masking import masked, masked_text
from timestep.values import fields_of, pretty
from workflows.selectors.timeline_rows import parsed

register = template.Library()


@register.inclusion_tag("ui/_value.html")
def value(given: Any) -> dict[str, Any]:
    """Show a value, masked: an object as typed fields, anything else as bounded text."""
    given = masked(given)
    fields = fields_of(given)
    return {"fields": fields, "named": bool(fields[0].name), "raw": isinstance(given, dict)}


@register.filter
def visible(text: Any) -> SafeString:
    """Escaped, masked text in a line of other words; letters that hide something are marked."""
    return isolated(_shown(text))


@register.filter
def written(text: Any) -> SafeString:
    """The same for an element of its own, which says `dir="auto"` itself."""
    return marked(_shown(text))


@register.filter
def streamed(text: Any) -> SafeString:
    """The same for a part of a text whose rest is still to come."""
    return marked(_shown(text), open_ended=True)


@register.filter
def plain(text: Any) -> str:
    """The same where no elements can stand: attributes, options, the title of a page."""
    return told(_shown(text))


def _shown(text: Any) -> str:
    return "" if text is None else masked_text(str(text))


@register.filter
def from_json(given: Any) -> Any:
    """The value of a JSON text, or the text where it is none."""
    return parsed(given)


@register.filter
def act(asked: ApprovalRequest) -> str:
    """What approving does, in one line."""
    return act_of(asked).text


@register.filter
def shown_whole(asked: ApprovalRequest) -> bool:
    """Whether the one line of a call leaves nothing out, so that it can be approved on it."""
    is_call = asked.kind == RequestKind.TOOL_CALL
    return is_call and act_of(asked).whole and not is_truncated(asked)


@register.filter
def first_line(text: Any) -> str:
    """The first line of a text, short."""
    line = str(text or "").strip().split("\n", 1)[0]
    return line if len(line) <= 200 else f"{line[:199]}…"


@register.filter
def as_json(given: Any) -> str:
    """A value as indented JSON, masked."""
    return pretty(masked(given))


@register.filter
def as_text(given: Any) -> str:
    """The text for an editable field: a string as it is, anything else as JSON."""
    return given if isinstance(given, str) else "" if given is None else pretty(given)

"""What people are told of a request: a letter, and the body that webhooks get.

What a model wrote goes out marked, masked and short. Nothing in a message decides anything: its
link opens the request.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.urls import reverse

from approvals.masking import masked, masked_text
from approvals.models import Delivery, NoticeKind
from approvals.wording import act_of
from timestep.letters import told

_SUBJECTS = {
    NoticeKind.ASKED: "Approval needed",
    NoticeKind.REMINDER: "Still waiting for approval",
    NoticeKind.ESCALATED: "Escalated: approval needed",
    NoticeKind.HANDED_OVER: "Handed over to you",
}
# What mail programs turn into links; a link in a letter is to be ours.
_LINK = re.compile(r"(?i)(?:\b[a-z][a-z0-9+.-]{0,20}://|\bwww\.)\S+")


@dataclass(frozen=True)
class Message:
    """What is told, as plain text."""

    subject: str
    act: str
    facts: dict[str, str]
    link: str

    @property
    def text(self) -> str:
        """The letter."""
        facts = "\n".join(f"{name}: {value}" for name, value in self.facts.items() if value)
        return (
            f"{self.act}\n\n{facts}\n\nLook at it and decide here:\n{self.link}\n\n"
            "Opening the page decides nothing.\n"
        )


def message_of(delivery: Delivery) -> Message:
    """What a delivery tells."""
    notice, request = delivery.notice, delivery.notice.request
    run = request.run
    launcher = run.launched_by.get_username() if run.launched_by else ""
    subject = (
        f"{_SUBJECTS[NoticeKind(notice.kind)]}: {_line(request.tool)} ({_line(request.agent)})"
    )
    facts = {
        "Run": f"{masked_text(run.run_id)} of {_line(run.agent)}",
        "Launched by": _line(launcher or run.launched_from),
        "Why it is asked": _line(request.why),
        "Deadline": _moment(request.deadline_at),
    }
    address = reverse("approval", args=[request.approval_id])
    link = f"{settings.TIMESTEP_PUBLIC_URL}{address}"
    shown = {name: masked_text(value) for name, value in facts.items()}
    return Message(masked_text(subject), _line(act_of(request).text), shown, link)


def body_of(delivery: Delivery) -> dict[str, Any]:
    """What a webhook gets: `text` for Slack and its like, the rest for programs."""
    message, request = message_of(delivery), delivery.notice.request
    facts = [f"{name}: {_slack(value)}" for name, value in message.facts.items() if value]
    lines = [f"*{_slack(message.subject)}*", _slack(message.act), *facts]
    shown: dict[str, Any] = masked(
        {
            "text": "\n".join([*lines, f"<{message.link}|Look at it and decide>"]),
            "unfurl_links": False,
            "unfurl_media": False,
            "event": f"approval.{delivery.notice.kind}",
            "delivery": delivery.pk,
            "approval_id": request.approval_id,
            "run_id": request.run_id,
            "kind": request.kind,
            "agent": request.agent,
            "tool": request.tool,
            "act": message.act,
            "policy": request.policy_name,
            "deadline_at": request.deadline_at.isoformat() if request.deadline_at else None,
            "url": message.link,
        }
    )
    return shown


def _line(text: str) -> str:
    """One line, masked and marked, in which no address is a link."""
    shown = masked_text(told(" ".join(text.split())))
    return _LINK.sub(lambda found: found[0].replace("://", "[:]//").replace(".", "[.]"), shown)


def _moment(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if at else ""


def _slack(text: str) -> str:
    """As Slack wants it: without these three letters nothing can be called or linked to."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

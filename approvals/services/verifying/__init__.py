"""Whether rows still say what the audit trail says of them; each that does not is named."""

from __future__ import annotations

from collections.abc import Iterator

from approvals.services.verifying.differing import Difference
from approvals.services.verifying.requests import changed_requests, gone_requests
from approvals.services.verifying.settings import changed_settings

__all__ = ["Difference", "differences"]


def differences() -> Iterator[Difference]:
    """What was added, changed or deleted behind the trail, read in pages: memory stays bounded.

    Requests with their votes, grants, decisions and claims, what the resumed runs were told of the
    decisions, policies, and who agents are for.
    """
    yield from changed_requests()
    yield from gone_requests()
    yield from changed_settings()

"""Questions about approval requests, as pages, the admin and the command line ask them."""

from approvals.selectors.requests import (
    decided,
    decision_of,
    for_run,
    get,
    pending,
    pending_count,
    recent,
)

__all__ = ["decided", "decision_of", "for_run", "get", "pending", "pending_count", "recent"]

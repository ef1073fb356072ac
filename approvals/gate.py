"""The approval gate of this product: the engine calls it, and it keeps what people decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from approvals.models import Policy
from approvals.policies.matching import Call, active_policies, judge
from approvals.services.denials import record_denied
from approvals.services.grants import use_grant
from approvals.services.programs import check_left_to_programs, record_program
from approvals.services.requests import open_requests, void_requests
from timestep.arguments import parse_arguments
from timestep.gate import Interruption, ToolCall, Verdict


class RecordingGate:
    """Implements `timestep.gate.ApprovalGate`; named by the setting `TIMESTEP_APPROVAL_GATE`."""

    def check(self, calls: Sequence[ToolCall]) -> list[Verdict]:
        """Judge by the tool's own flag and the policy that the call meets: the stricter counts.

        A call that would ask goes ahead where such calls were approved for the rest of the run.
        """
        policies = active_policies()
        return [self._verdict(call, policies) for call in calls]

    def _verdict(self, call: ToolCall, policies: list[Policy]) -> Verdict:
        seen = Call(call.agent, call.tool, parse_arguments(call.arguments))
        found = judge(seen, asks=call.asks, policies=policies)
        if found.verdict == "ask" and use_grant(call, found):
            return "allow"
        if found.verdict == "deny":
            record_denied(call, found)
        return found.verdict

    def interrupted(self, run_id: str, revision: int, waiting: list[Interruption]) -> None:
        """Open a request per waiting call, in the transaction that marks the run."""
        open_requests(run_id, revision, waiting)

    def decided(
        self, run_id: str, revision: int, decisions: list[dict[str, Any]], by: str
    ) -> list[dict[str, Any]]:
        """Close the requests as a program decided, in the transaction that resumes the run."""
        return record_program(run_id, revision, decisions, by)

    def launched_with(self, approved: list[tuple[ToolCall, bool]]) -> None:
        """Refuse where a policy leaves one of the calls to people."""
        for call, always in approved:
            check_left_to_programs(call, always=always)

    def closed(self, run_id: str, reason: str) -> None:
        """Void what waits, in the transaction that ends the run."""
        void_requests(run_id, reason)

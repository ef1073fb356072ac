"""An installation in which everything was done that the audit trail keeps a record of."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from approvals.gate import RecordingGate
from approvals.models import AgentAccess, ApprovalRequest, Policy
from approvals.services import agent_access, claims
from approvals.services.decisions import decide, resolve_unknown
from approvals.services.erasing import erase
from approvals.services.expiry import expire_due
from approvals.services.policies import record_deleted, save_policy
from tests.approvals.rows import ask, ask_about_unknown, awaiting_run, refund_call
from tests.policies.rows import asked, group, member
from timestep.gate import ToolCall
from timestep.services.cancel import cancel
from timestep.services.resume import resume_by_program

EDITED = {"order_id": 4711, "amount": 12.5}


class Everything:
    """Who takes part, and the requests by what became of each."""

    def __init__(self) -> None:
        self.ana, self.bo = member("ana", "Finance"), member("bo", "Finance", "Legal")
        self.ids: dict[str, str] = {}
        self._without_policy()
        self._with_policies()
        self._settings()

    def _without_policy(self) -> None:
        for name in ("approved", "rejected", "erased"):
            self.ids[name] = asked().pk
            decide(self.ids[name], approve=name == "approved", by=self.ana, reason="as agreed")
        self.ids["edited"] = asked().pk
        claims.claim(self.ids["edited"], by=self.bo)
        claims.release(self.ids["edited"], by=self.bo)
        decide(self.ids["edited"], approve=True, by=self.ana, arguments=EDITED)
        self.ids["void"] = asked().pk
        cancel(asked_run(self.ids["void"]), by="bo")
        self.ids["unknown"] = ask_about_unknown(awaiting_run(), "call_u")[0].pk
        resolve_unknown(self.ids["unknown"], outcome="happened", by=self.bo, result="paid")
        run = awaiting_run()
        first, second = ask(run, refund_call("c1"), refund_call("c2"))
        self.ids |= {"by program": first.pk, "left open": second.pk}
        told = [{"call_id": "c1", "approve": True, "reason": "", "always": False}]
        resume_by_program(run.pk, 1, told, state={"$schemaVersion": "1"}, by="program x")
        self.ids["claimed"], self.ids["handed"] = asked().pk, asked().pk
        claims.claim(self.ids["claimed"], by=self.ana)
        claims.hand_over(self.ids["handed"], by=self.ana, to=self.bo)
        erase(self.ids["erased"], reason="asked for", actor="ana", via="test")

    def _with_policies(self) -> None:
        finance = group("Finance")
        self.policy = _policy("Two", needs=[(finance, 2)], allow_for_run=True)
        for name in ("voted", "voted once", "vote void"):
            self.ids[name] = asked().pk
            decide(self.ids[name], approve=True, by=self.ana, for_run=True)
        decide(self.ids["voted"], approve=True, by=self.bo, for_run=True)
        decide(self.ids["vote void"], approve=True, by=self.bo, arguments=EDITED)
        run_id = asked_run(self.ids["voted"])
        call = ToolCall(run_id, "refunds", "refund_order", "c9", "{}", asks=True)
        with transaction.atomic():
            RecordingGate().check([call])
        Policy.objects.update(active=False)
        self._late()

    def _late(self) -> None:
        escalating = {"on_expiry": "escalate", "escalate_to": group("Legal")}
        made = _policy("Late", deadline_seconds=60, **escalating)
        self.ids["escalated"] = asked().pk
        expire_due(timezone.now() + timedelta(seconds=61))
        made.on_expiry, made.escalate_to = "reject", None
        save_policy(made, by="ana")
        self.ids["expired"] = asked().pk
        expire_due(timezone.now() + timedelta(seconds=61))
        self.ids["waiting"] = asked().pk
        Policy.objects.filter(name="Two").update(active=True)
        save_policy(Policy.objects.get(name="Two"), needs=[(group("Finance"), 2)], by="ana")

    def _settings(self) -> None:
        gone = _policy("Gone", position=900)
        with transaction.atomic():
            record_deleted(gone, "ana", "admin")
            gone.delete()
            deny = _policy("Never", effect="deny", tool="wipe")
            call = ToolCall(awaiting_run().pk, "refunds", "wipe", "c1", "{}", asks=False)
            RecordingGate().check([call])
            self.deny = deny
            self.access = AgentAccess.objects.create(agent="desk", user=self.ana, launches=True)
            agent_access.record_saved(self.access, "ana", "admin")


def _policy(name: str, **fields: object) -> Policy:
    needs = fields.pop("needs", ())
    values = {"name": name, "tool": "refund_order", "four_eyes": False} | fields
    return save_policy(Policy(**values), needs=needs, by="ana")  # type: ignore[arg-type]


def asked_run(approval_id: str) -> str:
    """The run of a request."""
    return ApprovalRequest.objects.values_list("run_id", flat=True).get(pk=approval_id)

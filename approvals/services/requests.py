"""Approval requests: what an interrupted run waits for."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Max
from django.utils import timezone

from approvals.models import ApprovalRequest, NoticeKind, RequestKind, RequestStatus
from approvals.policies.matching import Call, judge
from approvals.services import audit
from approvals.services.asking import bounds_of, put_under, save_asked
from approvals.services.notices import tell
from approvals.services.texts import SAID_BEFORE_LIMIT, bounded
from timestep.arguments import parse_arguments
from timestep.digests import canonical_json, digest
from timestep.gate import Interruption
from timestep.ids import time_ordered
from timestep.models import Run
from timestep.services.database_clock import database_now

ENGINE = "timestep"
VIA_WORKER = "worker"


def lock_run(run_id: str) -> Run | None:
    """The run, locked until the transaction ends.

    Everything here locks the run before its requests, and the audit trail last: two deciders of
    one run come one after the other, and no two transactions wait for each other.
    """
    return Run.objects.select_for_update(no_key=True).filter(run_id=run_id).first()


def open_requests(
    run_id: str, revision: int, waiting: Sequence[Interruption]
) -> list[ApprovalRequest]:
    """Record what waits, in the caller's transaction; what is recorded already is left alone.

    A tool call is asked about once per saved state. An unknown outcome is asked about again
    only after the earlier question was closed: somebody failed the run, and somebody retried it.

    Returns:
        The new requests, in the order of `waiting`.
    """
    run = lock_run(run_id)
    launcher_id = run.launched_by_id if run else None
    ids = sorted(time_ordered("apr") for _ in waiting)
    now = database_now()
    opened = []
    for approval_id, interruption in zip(ids, waiting, strict=True):
        free = _free_revision(run_id, revision, interruption)
        if free is not None:
            request = _request(approval_id, run_id, free, interruption)
            request.created_at = now
            _save_under_rules(request, launcher_id)
            _audit_opening(request)
            opened.append(request)
    tell(opened, NoticeKind.ASKED)
    return opened


def _save_under_rules(request: ApprovalRequest, launcher_id: int | None) -> None:
    """Save a new request under the policy that its call meets at this moment."""
    found = judge(Call(request.agent, request.tool, request.arguments), asks=True)
    put_under(request, found.rules, found.why, launcher_id, request.created_at)
    request.save(force_insert=True)
    save_asked(request, found.rules)


def void_requests(run_id: str, reason: str) -> int:
    """Close what still waits, in the transaction that ends the run; returns how many."""
    rows = ApprovalRequest.objects.filter(run_id=run_id, status=RequestStatus.PENDING)
    if not rows.exists():  # The case of nearly every run that ends: not worth a lock.
        return 0
    lock_run(run_id)
    ids = list(rows.values_list("approval_id", flat=True))
    rows.update(status=RequestStatus.VOID, decided_at=timezone.now())
    for approval_id in ids:
        payload = {"run_id": run_id, "reason": reason}
        audit.append(ENGINE, VIA_WORKER, "approval.void", approval_id, payload)
    return len(ids)


def _free_revision(run_id: str, revision: int, interruption: Interruption) -> int | None:
    """The revision to open a request under, or None where it was opened before."""
    call_id, kind = interruption.call_id, interruption.kind
    same = ApprovalRequest.objects.filter(run_id=run_id, kind=kind, call_id=call_id)
    if kind == RequestKind.TOOL_CALL:
        return None if same.filter(revision=revision).exists() else revision
    if same.filter(status=RequestStatus.PENDING).exists():
        return None
    last = same.aggregate(last=Max("revision"))["last"]
    return revision if last is None else max(revision, last + 1)


def _request(
    approval_id: str, run_id: str, revision: int, interruption: Interruption
) -> ApprovalRequest:
    arguments = parse_arguments(interruption.arguments)
    return ApprovalRequest(
        approval_id=approval_id,
        run_id=run_id,
        kind=interruption.kind,
        revision=revision,
        call_id=interruption.call_id,
        agent=interruption.agent,
        tool=interruption.tool,
        arguments=arguments,
        arguments_digest=digest(arguments),
        schema=interruption.schema,
        title=interruption.title,
        preview=interruption.preview,
        said_before=bounded(interruption.said_before, SAID_BEFORE_LIMIT),
    )


def shown_digest(request: ApprovalRequest) -> str:
    """Of what the card shows beside the arguments, which nothing changes later."""
    words = {"title": request.title, "preview": request.preview, "schema": request.schema}
    return digest(words | {"said_before": request.said_before})


def _audit_opening(request: ApprovalRequest) -> None:
    payload = {
        "run_id": request.run_id,
        "kind": request.kind,
        "revision": request.revision,
        "call_id": request.call_id,
        "agent": request.agent,
        "tool": request.tool,
        # As text: Postgres rewrites some numbers in JSON, and the digest must hold.
        "arguments": canonical_json(request.arguments),
        "arguments_digest": request.arguments_digest,
        "policy": request.policy_name,
        "rules": canonical_json(request.rules),
        "shown_digest": shown_digest(request),
        **bounds_of(request),
    }
    audit.append(ENGINE, VIA_WORKER, "approval.requested", request.approval_id, payload)

"""What a request asks, until when, whom, and who looks at it, against the audit trail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.contrib.auth.models import Group, User

from approvals.policies.rules import from_json
from approvals.services.asking import asked_of, bounds_of
from approvals.services.requests import shown_digest
from approvals.services.verifying.differing import differs, is_another
from approvals.services.verifying.kept import EDITED, ESCALATED, REQUESTED, Kept, payload_of
from approvals.wording import arguments_now
from timestep.digests import canonical_json, digest

_ASKED = ("run_id", "kind", "revision", "call_id", "agent", "tool")
_PUT = (REQUESTED, EDITED, ESCALATED)


def _asked(kept: Kept) -> Iterator[str]:
    """Which call it is about, and in which words."""
    request, said = kept.request, kept.last_said(REQUESTED)
    for name in _ASKED:
        if said and getattr(request, name) != said.get(name):
            yield differs(name, getattr(request, name), said.get(name))
    proposed = digest(request.arguments)
    if said and proposed != said.get("arguments_digest"):
        yield differs("the digest of its arguments", proposed, said.get("arguments_digest"))
    shown = shown_digest(request)
    if shown != said.get("shown_digest", shown):
        yield differs(
            "the digest of its title, preview, schema and words", shown, said["shown_digest"]
        )


def _bound(kept: Kept) -> Iterator[str]:
    """That it is bound to the arguments that it keeps."""
    request = kept.request
    found = digest(arguments_now(request))
    if found != request.arguments_digest:
        bound = request.arguments_digest
        yield f"its arguments have the digest {found}, and it is bound to {bound}"
    recorded = kept.last_said(REQUESTED, EDITED).get("arguments_digest", request.arguments_digest)
    if recorded != request.arguments_digest:
        yield differs("arguments_digest", request.arguments_digest, recorded)


def _ruled(kept: Kept) -> Iterator[str]:
    """By which policy, and what that said."""
    request, said = kept.request, kept.last_said(REQUESTED, EDITED)
    if request.rules_digest != digest(request.rules):
        yield differs("the digest of its rules", digest(request.rules), request.rules_digest)
    if not said:
        return
    if request.policy_name != said.get("policy"):
        yield differs("policy_name", request.policy_name, said.get("policy"))
    expected = _rules(kept, said)
    if expected and canonical_json(request.rules) != expected:
        yield differs("rules", canonical_json(request.rules), expected)


def _rules(kept: Kept, said: dict[str, Any]) -> str:
    text = str(said.get("rules") or "")
    if text and kept.of(*_PUT)[-1].act == ESCALATED:
        return canonical_json(from_json(json.loads(text)).escalated().to_json())
    return text


def _bounded(kept: Kept) -> Iterator[str]:
    """Until when, and from whom it is kept; a user who is deleted is kept from nothing any more."""
    request, said = kept.request, kept.last_said(*_PUT)
    for name, found in bounds_of(request).items():
        recorded = said.get(name, found)
        if recorded != found and not (name == "kept_from" and _is_gone(recorded)):
            yield differs(name, found, recorded)
    escalated = bool(kept.of(ESCALATED))
    if request.escalated_at is not None and not escalated:
        yield "is escalated, and no entry says so"
    if request.escalated_at is None and kept.of(*_PUT)[-1].act == ESCALATED:
        yield f"is not escalated, and entry {kept.of(ESCALATED)[-1].number} says that it is"


def _is_gone(user_id: int | None) -> bool:
    return user_id is not None and not User.objects.filter(pk=user_id).exists()


def _asks(kept: Kept) -> Iterator[str]:
    """Whom it asks, as its rules have it, but for people and groups that are gone."""
    request = kept.request
    if request.rules_digest != digest(request.rules):
        return
    rules = from_json(request.rules)
    if request.asks_everybody != rules.asks_everybody:
        yield differs("asks_everybody", request.asks_everybody, rules.asks_everybody)
    there = {(one.group_id, one.user_id) for one in request.asked.all()}
    expected = {(one.group_id, one.user_id) for one in asked_of(request, rules)}
    if there != expected and (there - expected or _still(expected - there)):
        yield differs(
            "whom it asks (group, user)", sorted(map(str, there)), sorted(map(str, expected))
        )


def _still(asked: set[tuple[int | None, int | None]]) -> bool:
    """Whether one of these groups and people has not been deleted meanwhile."""
    groups = Group.objects.filter(pk__in=[group for group, _ in asked if group])
    people = User.objects.filter(pk__in=[user for _, user in asked if user])
    return groups.exists() or people.exists()


def _looked_at(kept: Kept) -> Iterator[str]:
    """Who reviews it, and to whom it was handed."""
    claimed, handed, known = None, None, True
    for entry in kept.entries:
        if entry.act in (
            "approval.claimed",
            "approval.released",
            "approval.handed_over",
            ESCALATED,
        ):
            claimed = entry.actor if entry.act == "approval.claimed" else None
        if entry.act == "approval.handed_over":
            handed, known = payload_of(entry).get("to"), entry.payload is not None
        if entry.act == ESCALATED:
            handed = None
    if is_another(kept.request.claimed_by, claimed):
        yield differs("claimed_by", str(kept.request.claimed_by or "nobody"), claimed or "nobody")
    if known and is_another(kept.request.handed_to, handed):
        yield differs("handed_to", str(kept.request.handed_to or "nobody"), handed or "nobody")


ASKING = (_asked, _bound, _ruled, _bounded, _asks, _looked_at)

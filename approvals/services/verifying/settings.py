"""Policies and whom agents are for, against the last that the audit trail says of each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.contrib.auth.models import User

from approvals.models import AgentAccess, AuditEntry, Policy
from approvals.services import agent_access, policies
from approvals.services.verifying.differing import Difference, differs, is_another
from approvals.services.verifying.kept import payload_of

_KINDS: dict[str, type[Policy] | type[AgentAccess]] = {"policy": Policy, "access": AgentAccess}


def changed_settings() -> Iterator[Difference]:
    """Policies and rows of access that were added, changed or deleted behind the trail."""
    for kind in _KINDS:
        for subject in sorted(set(_last_entries(kind)) | set(_rows(kind))):
            if _problems(kind, subject):
                # Looked at anew: somebody may have saved it between the two reads.
                for what in _problems(kind, subject):
                    yield Difference(subject, what)


def _last_entries(kind: str) -> dict[str, AuditEntry]:
    """The last entry about each; there are as many as were ever made, which is few."""
    entries = AuditEntry.objects.filter(subject__startswith=f"{kind} ")
    acts = (f"{kind}.saved", f"{kind}.deleted")
    return {entry.subject: entry for entry in entries.filter(act__in=acts).order_by("number")}


def _rows(kind: str) -> list[str]:
    return [f"{kind} {pk}" for pk in _KINDS[kind].objects.values_list("pk", flat=True)]


def _problems(kind: str, subject: str) -> list[str]:
    row = _KINDS[kind].objects.filter(pk=subject.partition(" ")[2]).first()
    acts = (f"{kind}.saved", f"{kind}.deleted")
    entries = AuditEntry.objects.filter(subject=subject, act__in=acts)
    entry = entries.order_by("-number").first()
    if entry is None:
        return [f"({row}) has no entry: it was added behind the trail"] if row else []
    if entry.act.endswith(".deleted"):
        return [f"({row}) is there, and entry {entry.number} deleted it"] if row else []
    if row is None:
        return [f"is gone, and no entry says that it was deleted; entry {entry.number} saved it"]
    said = payload_of(entry)
    return [*(_policy(row, said) if isinstance(row, Policy) else _access(row, said))]


def _policy(row: Policy, said: dict[str, Any]) -> Iterator[str]:
    for name, found in policies.says(row).items():
        recorded = said.get(name, found)
        same = _by_ids(found) == _by_ids(recorded) if name == "rules" else found == recorded
        if not same:
            yield differs(name, found, recorded)


def _by_ids(text: str) -> dict[str, Any]:
    """Rules without the names of people and groups, which change, and without who is deleted."""
    rules: dict[str, Any] = json.loads(text)
    if not rules:
        return rules
    users = [user["id"] for user in rules["users"]]
    there = User.objects.filter(pk__in=users).values_list("pk", flat=True)
    escalate_to = rules["escalate_to"] and rules["escalate_to"]["id"]
    needs = [(need["group"] and need["group"]["id"], need["count"]) for need in rules["needs"]]
    return rules | {"users": sorted(there), "escalate_to": escalate_to, "needs": needs}


def _access(row: AgentAccess, said: dict[str, Any]) -> Iterator[str]:
    found = agent_access.says(row)
    for name in ("agent", "group", "launches", "decides"):
        if found[name] != said.get(name, found[name]):
            yield differs(name, found[name], said[name])
    if "user" in said and is_another(row.user, said["user"]):
        yield differs("user", found["user"], said["user"])

"""Saved run states: what the `RunStateStore` keeps, a row per revision and kind."""

from __future__ import annotations

import json
import zlib
from typing import Any

from django.db import models


class StateKind(models.TextChoices):
    """Who wrote a state, and what for."""

    INTERRUPTED = "interrupted", "Interrupted: written by the engine, and never changed"
    SAVED = "saved", "Saved by a program, with what it had decided by then"
    RESUMED = "resumed", "Resumed: what a program's decisions go on from"


class SavedState(models.Model):
    """`RunState.to_json()`, compressed, under (session, run, revision).

    A state without a run comes from a run that was not durable; its revisions are numbered
    within its session and agent.
    """

    run = models.ForeignKey(
        "timestep.Run",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="states",
        db_index=False,
    )
    revision = models.PositiveIntegerField()
    kind = models.CharField(max_length=12, choices=StateKind, default=StateKind.INTERRUPTED)
    session_id = models.CharField(
        max_length=200,
        blank=True,
        default="",
        help_text="The session's id as its program knows it.",
    )
    agent = models.CharField(max_length=100, blank=True, default="")
    spec_digest = models.CharField(max_length=64, blank=True, default="")
    schema_version = models.CharField(max_length=20)
    body = models.BinaryField(help_text="zlib-compressed JSON.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("run_id", "revision", "kind")
        constraints = (
            models.UniqueConstraint(
                fields=("run", "revision", "kind"), name="timestep_state_revision"
            ),
            models.UniqueConstraint(
                fields=("session_id", "agent", "revision"),
                condition=models.Q(run__isnull=True),
                name="timestep_state_plain",
            ),
        )
        indexes = (models.Index(fields=("session_id", "agent"), name="timestep_state_session"),)

    def __str__(self) -> str:
        return f"{self.run_id or self.session_id} revision {self.revision}"


def packed(state: dict[str, Any]) -> bytes:
    """A state as its row keeps it; in ASCII, since a tool may have left half a character."""
    return zlib.compress(json.dumps(state).encode("ascii"))


def unpacked(body: bytes | memoryview) -> dict[str, Any]:
    """The state of a row. Raises ValueError where the bytes are damaged."""
    try:
        state = json.loads(zlib.decompress(bytes(body)))
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if not isinstance(state, dict):
        raise ValueError("it is no JSON object")
    return state

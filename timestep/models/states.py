"""Saved run states: what the `RunStateStore` keeps, one row per revision."""

from __future__ import annotations

from django.db import models


class SavedState(models.Model):
    """`RunState.to_json()` of an interrupted run, compressed, under (session, run, revision)."""

    run = models.ForeignKey(
        "timestep.Run", on_delete=models.CASCADE, related_name="states", db_index=False
    )
    revision = models.PositiveIntegerField()
    session_id = models.CharField(max_length=200, null=True, blank=True, db_index=True)
    spec_digest = models.CharField(max_length=64)
    schema_version = models.CharField(max_length=20)
    body = models.BinaryField(help_text="zlib-compressed UTF-8 JSON.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("run_id", "revision")
        constraints = (
            models.UniqueConstraint(fields=("run", "revision"), name="timestep_state_revision"),
        )

    def __str__(self) -> str:
        return f"{self.run_id} revision {self.revision}"

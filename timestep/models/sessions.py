"""Session items: the default conversation memory, in the same database."""

from __future__ import annotations

from django.db import models


class SessionItem(models.Model):
    """One item of a session's history, in order of `id`."""

    id = models.BigAutoField(primary_key=True)
    session_id = models.CharField(max_length=200)
    item = models.JSONField()
    written_by = models.CharField(
        max_length=200,
        blank=True,
        default="",
        help_text="`<run id>/<step>/<index>` of the write, so that repeating it adds nothing.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("session_id", "id")
        indexes = (models.Index(fields=("session_id", "id"), name="timestep_session_order"),)
        constraints = (
            models.UniqueConstraint(
                fields=("session_id", "written_by"),
                condition=~models.Q(written_by=""),
                name="timestep_session_write_once",
            ),
        )

    def __str__(self) -> str:
        return f"{self.session_id}#{self.pk}"

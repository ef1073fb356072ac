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


class SessionWrite(models.Model):
    """A change of a session by a run, noted before it is made.

    A worker that dies between the change and its checkpoint leaves this row: whoever executes
    the step again sees from it how much of the change was made.
    """

    run = models.ForeignKey(
        "timestep.Run", on_delete=models.CASCADE, related_name="session_writes", db_index=False
    )
    step = models.CharField(max_length=40, help_text="`<segment>.<DBOS step id>`.")
    mark = models.JSONField(help_text="Where the session ended before the change.")
    taken = models.JSONField(null=True, help_text="The item that a pop takes away.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("run_id", "id")
        constraints = (
            models.UniqueConstraint(fields=("run", "step"), name="timestep_session_write"),
        )

    def __str__(self) -> str:
        return f"{self.run_id}/{self.step}"

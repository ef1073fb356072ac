"""Run events: what a run page shows, numbered by `seq` within a run."""

from __future__ import annotations

from django.db import models

DELTA_KIND = "model.delta"


class RunEvent(models.Model):
    """One event of a run. Deltas are folded into their step's final event when the step ends."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(
        "timestep.Run", on_delete=models.CASCADE, related_name="events", db_index=False
    )
    seq = models.PositiveBigIntegerField()
    step = models.CharField(max_length=40, blank=True, default="")
    attempt = models.PositiveIntegerField(default=0)
    kind = models.CharField(max_length=40)
    payload = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        ordering = ("run_id", "seq")
        indexes = (
            models.Index(
                fields=("at",), condition=models.Q(kind=DELTA_KIND), name="timestep_event_deltas"
            ),
        )
        constraints = (
            models.UniqueConstraint(fields=("run", "seq"), name="timestep_event_seq"),
            # A replay writes its durable events again; this makes the second writing add nothing.
            models.UniqueConstraint(
                fields=("run", "step", "attempt", "kind"),
                condition=~models.Q(kind=DELTA_KIND) & ~models.Q(step=""),
                name="timestep_event_once",
            ),
        )

    def __str__(self) -> str:
        return f"{self.run_id}#{self.seq} {self.kind}"

"""Which runs await which: a run that another one awaits needs no place besides that one's."""

from __future__ import annotations

from django.db import models


class RunAwait(models.Model):
    """A tool of one run waits for the result of another, as long as the row is there.

    It counts while `by` is executed under `epoch`, and `run` has not stopped: what a process that
    died leaves behind means nothing.
    """

    # Without constraints in the database: a release before this table deletes runs too.
    run = models.ForeignKey(
        "timestep.Run", on_delete=models.CASCADE, related_name="awaited", db_constraint=False
    )
    by = models.ForeignKey(
        "timestep.Run", on_delete=models.CASCADE, related_name="awaits", db_constraint=False
    )
    epoch = models.PositiveIntegerField(help_text="The execution of `by` that waits.")

    def __str__(self) -> str:
        return f"{self.by_id} awaits {self.run_id}"

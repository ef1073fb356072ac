"""Results of runs of a program's agents, as whole as the SDK gives them."""

from __future__ import annotations

from django.db import models


class RunResult(models.Model):
    """`RunState.to_json()` at a run's end, compressed: any process can give the same result."""

    run = models.OneToOneField(
        "timestep.Run", on_delete=models.CASCADE, primary_key=True, related_name="result"
    )
    schema_version = models.CharField(max_length=20)
    body = models.BinaryField(help_text="zlib-compressed ASCII JSON.")

    def __str__(self) -> str:
        return self.run_id

"""The tool catalogue: what workers publish about their tools. Web processes read only this."""

from __future__ import annotations

from django.db import models

from timestep.models.written_json import WrittenJSONField


class CatalogueTool(models.Model):
    """One tool as workers have it. `present` is false once no worker publishes it any more."""

    name = models.CharField(primary_key=True, max_length=100)
    description = models.TextField(blank=True, default="")
    schema = WrittenJSONField()
    schema_digest = models.CharField(max_length=64)
    needs_approval = models.BooleanField(default=False)
    idempotent = models.BooleanField(default=True)
    module = models.CharField(max_length=300)
    present = models.BooleanField(default=True)
    published_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

"""The agent spec: what a worker builds agents from, stored once by its digest."""

from __future__ import annotations

from django.db import models

from timestep.models.written_json import WrittenJSONField
from timestep.spec_version import SpecVersion


class AgentSpec(models.Model):
    """A JSON closure of agents, immutable and addressed by the SHA-256 of its canonical form."""

    digest = models.CharField(primary_key=True, max_length=64)
    body = WrittenJSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.digest[:12]

    @property
    def is_of_program(self) -> bool:
        """Whether a program described the agents, and no definitions of them are kept."""
        return bool(self.body.get("spec_version") == SpecVersion.CODE)

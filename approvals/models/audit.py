"""The audit trail: append-only, each entry hashed over the one before it."""

from __future__ import annotations

from django.db import models


class AuditEntry(models.Model):
    """One act. `entry_hash` covers `previous_hash`, so an edit or a deletion breaks the chain."""

    number = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    actor = models.CharField(max_length=200)
    via = models.CharField(max_length=200)
    act = models.CharField(max_length=60)
    subject = models.CharField(max_length=200, db_index=True)
    payload = models.JSONField(null=True, help_text="May be erased; the chain is over its digest.")
    payload_digest = models.CharField(max_length=64)
    previous_hash = models.CharField(max_length=64)
    entry_hash = models.CharField(max_length=64)

    class Meta:
        ordering = ("number",)
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.number} {self.act} {self.subject}"

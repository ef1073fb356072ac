"""What was installed once, so that deleting it does not bring it back."""

from __future__ import annotations

from django.db import models


class InstalledContent(models.Model):
    """A mark: content of this name was installed in this database."""

    name = models.CharField(primary_key=True, max_length=100)
    installed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "installed content"

    def __str__(self) -> str:
        return self.name

"""Agent definitions (editable) and agent versions (immutable, one per save)."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models

from timestep.models.written_json import WrittenJSONField


class AgentDefinition(models.Model):
    """The editable row. Saving it through `services.definitions` makes a new agent version."""

    slug = models.SlugField(primary_key=True, max_length=100)
    name = models.CharField(max_length=200)
    instructions = models.TextField(blank=True, default="")
    model = models.CharField(
        max_length=200, help_text="For example gpt-4.1, ollama/llama3 or demo/fast."
    )
    model_settings = WrittenJSONField(default=dict, blank=True)
    tools = models.JSONField(
        default=list,
        blank=True,
        help_text='Tool names, or {"name": …, "needs_approval": true|false} to override.',
    )
    handoffs = models.JSONField(default=list, blank=True, help_text="Slugs of other definitions.")
    agent_tools = models.JSONField(
        default=list,
        blank=True,
        help_text="Slugs of definitions that this agent may call as tools.",
    )
    output_type = WrittenJSONField(
        null=True, blank=True, help_text="A JSON schema, or empty for text."
    )
    max_turns = models.PositiveIntegerField(default=20, validators=[MinValueValidator(1)])
    default_queue = models.CharField(max_length=100, default="default")
    timeout_seconds = models.FloatField(
        null=True, blank=True, help_text="Executing time; empty: none."
    )
    active = models.BooleanField(default=True)
    latest_version = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("slug",)
        permissions = (("launch_agentdefinition", "Can launch an agent"),)

    def __str__(self) -> str:
        return self.slug


class AgentVersion(models.Model):
    """What a definition said when it was saved: its own fields, its neighbours by slug."""

    definition = models.ForeignKey(
        AgentDefinition, on_delete=models.CASCADE, related_name="versions"
    )
    number = models.PositiveIntegerField()
    body = WrittenJSONField()
    digest = models.CharField(max_length=64)
    saved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("definition_id", "-number")
        constraints = (
            models.UniqueConstraint(
                fields=("definition", "number"), name="workflows_agent_version_number"
            ),
        )

    def __str__(self) -> str:
        return f"{self.definition_id} v{self.number}"

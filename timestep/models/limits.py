"""Model limits: what providers allow in any minute, shared by all workers, and what was used."""

from __future__ import annotations

from django.db import models


class ModelLimit(models.Model):
    """What a provider allows in any minute, for one model or for all that begin with a prefix."""

    pattern = models.CharField(
        primary_key=True,
        max_length=200,
        help_text="A model (openai/gpt-4.1), or a prefix that ends with * (openai/*).",
    )
    requests_per_minute = models.PositiveIntegerField(
        null=True, blank=True, help_text="Empty: no limit."
    )
    tokens_per_minute = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="Input and output together; empty: no limit."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("pattern",)
        permissions = (("operate_modellimit", "Can change model limits"),)

    def __str__(self) -> str:
        return self.pattern


class ModelTurn(models.Model):
    """A model call's place under one limit: it waits, then holds an estimate, then what it used.

    A call that several limits match has a row under each, with the same `call`. Each try of a
    call takes turns of its own.
    """

    limit = models.ForeignKey(ModelLimit, on_delete=models.CASCADE, related_name="turns")
    call = models.CharField(max_length=32)
    model = models.CharField(max_length=200)
    agent = models.CharField(max_length=200)
    run = models.ForeignKey(
        "timestep.Run", on_delete=models.CASCADE, related_name="model_turns", db_index=False
    )
    epoch = models.PositiveIntegerField()
    step = models.CharField(max_length=30, blank=True)
    size = models.PositiveBigIntegerField(help_text="Characters that are sent.")
    most_output = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="The most output tokens that the call allows."
    )
    asked_at = models.DateTimeField()
    seen_at = models.DateTimeField(help_text="When the one that waits last asked for its turn.")
    taken_at = models.DateTimeField(null=True, blank=True, help_text="Empty while it waits.")
    settled_at = models.DateTimeField(null=True, blank=True)
    # By the database's clock: a minute after the provider has counted it, at the latest.
    request_until = models.DateTimeField(
        null=True, blank=True, help_text="Until when it counts as a request."
    )
    tokens_until = models.DateTimeField(
        null=True, blank=True, help_text="Until when its tokens count."
    )
    tokens = models.PositiveBigIntegerField(
        default=0, help_text="The estimate; when settled, the usage."
    )
    estimated = models.PositiveBigIntegerField(default=0)
    guessed = models.BooleanField(
        default=False, help_text="Nothing was known of such calls when it was taken."
    )
    input_tokens = models.PositiveBigIntegerField(null=True, blank=True)
    output_tokens = models.PositiveBigIntegerField(null=True, blank=True)

    class Meta:
        ordering = ("limit_id", "id")
        indexes = (
            models.Index(fields=("limit", "tokens_until"), name="timestep_turn_window"),
            models.Index(
                fields=("limit", "id"),
                condition=models.Q(taken_at__isnull=True),
                name="timestep_turn_waiting",
            ),
            models.Index(
                fields=("limit", "model", "agent", "id"),
                condition=models.Q(output_tokens__isnull=False),
                name="timestep_turn_known",
            ),
            models.Index(fields=("run",), name="timestep_turn_run"),
        )
        constraints = (
            models.UniqueConstraint(fields=("call", "limit"), name="timestep_turn_once"),
        )

    def __str__(self) -> str:
        return f"{self.limit_id} {self.run_id} {self.step}"

"""A run (one request to an agent, start to end) and its segments (one durable workflow each)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from timestep.models.written_json import WrittenJSONField


class RunStatus(models.TextChoices):
    """Where a run stands; the words are the project's, and no others are used."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    AWAITING_APPROVAL = "awaiting_approval", "Awaiting approval"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"
    TIMED_OUT = "timed_out", "Timed out"


ACTIVE_STATUSES = (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.AWAITING_APPROVAL)
ENDED_STATUSES = (
    RunStatus.SUCCEEDED,
    RunStatus.FAILED,
    RunStatus.CANCELLED,
    RunStatus.TIMED_OUT,
)

# Constraint names are part of the interface: services translate them into named errors.
ACTIVE_DEDUPLICATION = "timestep_run_active_deduplication"


class Run(models.Model):
    """One request to an agent. The row is the truth; workers reconcile it into DBOS."""

    run_id = models.CharField(primary_key=True, max_length=128)
    status = models.CharField(max_length=20, choices=RunStatus, default=RunStatus.QUEUED)
    label = models.CharField(max_length=100, blank=True, default="")

    spec = models.ForeignKey("timestep.AgentSpec", on_delete=models.PROTECT, related_name="runs")
    agent = models.CharField(max_length=100, help_text="Slug of the agent that starts the run.")
    agent_version = models.PositiveIntegerField(null=True, blank=True)
    input = WrittenJSONField(help_text="A string, or a list of Responses API input items.")
    input_digest = models.CharField(max_length=64)
    context = WrittenJSONField(null=True, blank=True)
    max_turns = models.PositiveIntegerField(default=20)
    engine_version = models.PositiveIntegerField()

    session_id = models.CharField(max_length=200, null=True, blank=True)
    session_spec = models.JSONField(
        null=True, blank=True, help_text="How to open the session; empty: our own table."
    )
    queue = models.CharField(max_length=100, default="default")
    priority = models.PositiveIntegerField(null=True, blank=True)
    dedup_id = models.CharField(max_length=200, null=True, blank=True)
    timeout_seconds = models.FloatField(null=True, blank=True)
    delayed_until = models.DateTimeField(null=True, blank=True)
    reserved_for = models.CharField(
        max_length=100,
        null=True,
        blank=True,
        help_text="The script that launched the run for itself, as long as it lives.",
    )

    launched_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    launched_from = models.CharField(max_length=200, blank=True, default="")
    schedule = models.CharField(max_length=100, null=True, blank=True)
    scheduled_at = models.DateTimeField(null=True, blank=True)
    again_of = models.CharField(max_length=128, null=True, blank=True)

    created_at = models.DateTimeField(default=timezone.now, editable=False)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    executing_ms = models.PositiveBigIntegerField(default=0)
    executing_since = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    cancelled_by = models.CharField(max_length=200, blank=True, default="")

    final_output = WrittenJSONField(null=True, blank=True)
    error = models.JSONField(null=True, blank=True)
    requests = models.PositiveIntegerField(default=0)
    input_tokens = models.PositiveBigIntegerField(default=0)
    cached_tokens = models.PositiveBigIntegerField(default=0)
    output_tokens = models.PositiveBigIntegerField(default=0)
    reasoning_tokens = models.PositiveBigIntegerField(default=0)
    turns = models.PositiveIntegerField(default=0)

    owner = models.CharField(max_length=100, null=True, blank=True)
    epoch = models.PositiveIntegerField(default=0)
    last_seq = models.PositiveBigIntegerField(default=0)
    revision = models.PositiveIntegerField(default=0)
    takeovers = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("-created_at", "-run_id")
        permissions = (
            ("launch_run", "Can launch a run"),
            ("cancel_run", "Can cancel a run"),
            ("retry_run", "Can retry a run"),
            ("view_traceback", "Can see tracebacks of failed runs"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=("dedup_id",),
                condition=models.Q(status__in=ACTIVE_STATUSES, dedup_id__isnull=False),
                name=ACTIVE_DEDUPLICATION,
            ),
        )
        # One index per list filter, each ending in the keyset (created_at, run_id).
        indexes = (
            models.Index(
                fields=(
                    "-created_at",
                    "-run_id",
                ),
                name="timestep_run_recent",
            ),
            models.Index(
                fields=(
                    "status",
                    "-created_at",
                    "-run_id",
                ),
                name="timestep_run_by_status",
            ),
            models.Index(
                fields=(
                    "agent",
                    "-created_at",
                    "-run_id",
                ),
                name="timestep_run_by_agent",
            ),
            models.Index(
                fields=(
                    "queue",
                    "-created_at",
                    "-run_id",
                ),
                name="timestep_run_by_queue",
            ),
            models.Index(
                fields=(
                    "session_id",
                    "-created_at",
                    "-run_id",
                ),
                name="timestep_run_by_session",
            ),
            models.Index(
                fields=(
                    "schedule",
                    "-created_at",
                    "-run_id",
                ),
                name="timestep_run_by_schedule",
            ),
            models.Index(
                fields=(
                    "launched_by",
                    "-created_at",
                    "-run_id",
                ),
                name="timestep_run_by_user",
            ),
            models.Index(
                fields=("schedule",),
                condition=models.Q(status__in=ACTIVE_STATUSES, schedule__isnull=False),
                name="timestep_run_schedule_active",
            ),
            models.Index(fields=("finished_at",), name="timestep_run_finished"),
            models.Index(fields=("status", "finished_at"), name="timestep_run_ended"),
            models.Index(
                fields=("owner",),
                condition=models.Q(owner__isnull=False),
                name="timestep_run_owner",
            ),
        )

    def __str__(self) -> str:
        return self.run_id

    @property
    def total_tokens(self) -> int:
        """Input plus output tokens, as the SDK's `Usage.total_tokens` counts them."""
        return self.input_tokens + self.output_tokens

    @property
    def is_active(self) -> bool:
        """Whether the run is queued, running or awaiting approval."""
        return self.status in ACTIVE_STATUSES


class SegmentState(models.TextChoices):
    """How far a segment is on its way into DBOS and through it."""

    READY = "ready", "Ready"
    DISPATCHED = "dispatched", "Dispatched"
    RUNNING = "running", "Running"
    PARKED = "parked", "Parked"
    ENDED = "ended", "Ended"


class SegmentKind(models.TextChoices):
    """Why a segment is (again) ready: it decides how the dispatcher hands it over."""

    START = "start", "Start"
    RESUME = "resume", "Resume after approval"
    CONTINUE = "continue", "Continue the parked workflow"


class Segment(models.Model):
    """One DBOS workflow of a run: the first, and one per resume. Its id is `<run_id>:<n>`."""

    segment_id = models.CharField(primary_key=True, max_length=140)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="segments")
    n = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=SegmentKind, default=SegmentKind.START)
    state = models.CharField(max_length=10, choices=SegmentState, default=SegmentState.READY)
    revision = models.PositiveIntegerField(
        null=True, blank=True, help_text="The saved state that a resume starts from."
    )
    decisions = models.JSONField(default=list, blank=True)
    worker = models.CharField(max_length=100, null=True, blank=True)
    nested_calls = models.PositiveIntegerField(
        default=0, help_text="How many calls of agents as tools were given step ids."
    )
    # With a default of the database's: workers of the release before this column go on beside.
    keeps_place = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Ready, and with the place in its queue that it had on the worker it lost.",
    )
    renewed_steps = models.JSONField(
        default=dict,
        db_default=models.Value({}, models.JSONField()),
        blank=True,
        help_text="Steps whose answer retries asked for again, and where the ids after each go on.",
    )
    failed_answer = models.JSONField(
        null=True, blank=True, help_text="The answer of the model that ended the run, for a retry."
    )
    max_turns = models.PositiveIntegerField(
        null=True, blank=True, help_text="How many turns a retry allows; empty: as the run began."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    dispatched_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("run_id", "n")
        constraints = (
            models.UniqueConstraint(fields=("run", "n"), name="timestep_segment_number"),
            models.UniqueConstraint(
                fields=("run", "revision"),
                condition=models.Q(revision__isnull=False),
                name="timestep_segment_revision",
            ),
        )
        indexes = (
            models.Index(
                fields=("state", "created_at"),
                condition=models.Q(state__in=("ready", "dispatched", "running")),
                name="timestep_segment_active",
            ),
            models.Index(fields=("dispatched_at",), name="timestep_segment_dispatched"),
        )

    def __str__(self) -> str:
        return self.segment_id

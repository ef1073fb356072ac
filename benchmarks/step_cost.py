"""What an agent's step costs beside a raw DBOS step with the same payload.

    python -m benchmarks.step_cost [--database sqlite|postgres|both]

Both kinds alternate inside one workflow, so that they share the machine's moods. Both call the same
model, which answers at once, and record the same JSON; the agent's step streams to the event
writer, asks the gate, and keeps ids and verdicts besides.
"""

from __future__ import annotations

from benchmarks.harness import (
    Verdicts,
    each_database,
    installation,
    percentile,
    spread,
    use_django,
)


def _measure(database: str) -> None:
    verdicts = Verdicts()
    with installation(database) as stack:
        use_django(stack)
        # After the set-up of Django, which its models need.
        from benchmarks.step_workflow import timed_steps  # noqa: PLC0415

        raw, ours = timed_steps()
    print(f"raw DBOS step: {spread(raw)} ms")
    print(f"agent step:    {spread(ours)} ms")
    ratio = percentile(ours, 50) / percentile(raw, 50)
    verdicts.at_most("agent step / raw DBOS step, medians", ratio, 1.2, "times")
    verdicts.exit()


if __name__ == "__main__":
    each_database("benchmarks.step_cost", __doc__, _measure)

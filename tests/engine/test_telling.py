"""Messages to people, with a real worker that is killed while it sends one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.utils import timezone

from approvals.models import Delivery, DeliveryStatus, Webhook
from tests.approvals.test_deliveries import Receiver
from tests.campaign.double import call, script
from tests.campaign.installation import Installation, agent, until


@pytest.fixture
def receiver(engine: Installation) -> Iterator[Receiver]:
    """The other end of a webhook that is told of one agent's calls."""
    made = Receiver()
    hook = Webhook.objects.create(name="told", url=made.url, secret="s", agent="teller")
    yield made
    hook.delete()
    made.close()


def _asks_while(engine: Installation, receiver: Receiver) -> Delivery:
    """A run asks, and the worker dies once the receiver has the message: what is kept of it."""

    def die() -> None:
        receiver.before_answer = lambda: None
        engine.kill()

    receiver.before_answer = die
    text = "killed-while-telling"
    engine.double.says(script(text, {"calls": [call("pay", tag="a", seconds=0)]}, {"text": "ok"}))
    engine.launch([agent("teller", tools=["pay"])], text)
    until(lambda: "worker" not in engine.stack.processes, 60, "the worker dies")
    return Delivery.objects.get(webhook__name="told")


def test_a_message_in_flight_is_sent_again_under_its_id(
    engine: Installation, receiver: Receiver
) -> None:
    """It was taken, but the worker died before it knew: the next one cannot know either."""
    kept = _asks_while(engine, receiver)
    mine = Delivery.objects.filter(pk=kept.pk)
    assert (kept.status, kept.attempts, len(receiver.got)) == (DeliveryStatus.PENDING, 1, 1)
    assert kept.next_at > timezone.now()  # Nobody else sends it while its worker may be at it.
    mine.update(next_at=timezone.now())
    engine.ready()
    sent = until(lambda: mine.filter(status=DeliveryStatus.SENT).first(), 60, "it is sent")
    (first, body), (second, again) = receiver.got
    assert first["X-Timestep-Delivery"] == second["X-Timestep-Delivery"] == str(kept.pk)
    assert (body, sent.attempts) == (again, 2)

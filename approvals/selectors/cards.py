"""Requests as their cards show them, to one person: what is asked, why, and what they may do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.contrib.auth.models import User
from django.db.models import prefetch_related_objects

from approvals.access import may_with_run
from approvals.fields import FIELDS_SHOWN, ArgumentField, argument_fields, shown_fields
from approvals.models import ApprovalRequest, RequestKind, Vote
from approvals.policies.counting import missing
from approvals.policies.people import Decider
from approvals.policies.rules import Rules, rules_of
from approvals.selectors.before import Before, decided_before
from approvals.selectors.voids import why_void
from approvals.services.claims import is_claimed
from approvals.services.standing import standings
from approvals.wording import Act, act_of, arguments_now, launched_with, preview_of, title_of
from timestep.masking import masked, masked_text

WORDS_SHOWN = 600
INPUT_SHOWN = 280


@dataclass(frozen=True)
class Card:
    """One request as one person sees it.

    Args:
        asked: The request, with its run and its decision.
        user: Who looks.
        why_not: Why they may not decide; empty where they may.
        before: What was decided like this before.
        whole: Whether everything is shown, however long.
        in_the_way: Why the run could not go on after a decision; empty where it could.
        why_void: What closed it before anybody decided; empty where nothing did.
    """

    asked: ApprovalRequest
    user: User
    why_not: str
    before: Before | None = None
    whole: bool = False
    in_the_way: str = ""
    why_void: str = ""

    @property
    def may(self) -> bool:
        """Whether the person may decide it now."""
        return self.asked.is_pending and not self.why_not

    @property
    def is_unknown(self) -> bool:
        """Whether it asks what became of a call."""
        return self.asked.kind == RequestKind.OUTCOME_UNKNOWN

    @property
    def title(self) -> str:
        """The tool's title, or its name as words."""
        return title_of(self.asked)

    @property
    def preview(self) -> str:
        """The tool's own words for this call."""
        return preview_of(self.asked)

    @cached_property
    def act(self) -> Act:
        """What approving does, in one line."""
        return act_of(self.asked)

    @cached_property
    def all_fields(self) -> list[ArgumentField]:
        """All arguments, those that were left out too."""
        return argument_fields(self.asked, whole=self.whole)

    @property
    def fields(self) -> list[ArgumentField]:
        """The arguments to show."""
        given = shown_fields(self.all_fields)
        return given if self.whole else given[:FIELDS_SHOWN]

    @cached_property
    def truncated(self) -> bool:
        """Whether arguments are cut here, so that they must be opened before approving."""
        given = shown_fields(self.all_fields)
        return len(given) > len(self.fields) or any(one.truncated for one in given)

    @property
    def is_edited(self) -> bool:
        """Whether the call would be made with other arguments than the model proposed."""
        return self.asked.edited_arguments is not None

    @property
    def is_editable(self) -> bool:
        """Whether arguments can be edited: only where it is known what the tool takes."""
        return self.may and not self.is_unknown and self.asked.schema is not None

    @cached_property
    def rules(self) -> Rules:
        """What decides it."""
        return rules_of(self.asked)

    @cached_property
    def votes(self) -> list[Vote]:
        """The approvals so far, of a request that needs several."""
        return [vote for vote in self.asked.votes.all() if vote.voided_at is None]

    @property
    def has_voted(self) -> bool:
        """Whether the person has approved it, and others have to as well."""
        return any(vote.user_id == self.user.pk for vote in self.votes)

    @property
    def missing(self) -> str:
        """Whose approvals are still needed, in words."""
        return self.rules.words(missing(self.rules, [vote.fills for vote in self.votes]))

    @property
    def is_claimed(self) -> bool:
        """Whether somebody says that they review it, and has not long forgotten it."""
        return self.asked.is_pending and is_claimed(self.asked)

    @property
    def is_mine(self) -> bool:
        """Whether the person has said that they review it."""
        return self.is_claimed and self.asked.claimed_by_id == self.user.pk

    @property
    def has_words(self) -> bool:
        """Whether the agent said something before, or the run was launched with something."""
        return bool(self.asked.said_before or self.wanted)

    @property
    def said(self) -> str:
        """The agent's words before the call."""
        return masked_text(self.asked.said_before)

    @property
    def wanted(self) -> str:
        """What the run was launched with, as text."""
        return launched_with(masked(self.asked.run.input))

    @property
    def sees_run(self) -> bool:
        """Whether the person sees the run, and not only what its agent asks."""
        return may_with_run(self.user, "see", self.asked.run)

    @property
    def raw(self) -> Any:
        """The arguments that the call would be made with."""
        return masked(arguments_now(self.asked))

    @property
    def proposed(self) -> Any:
        """The arguments that the model proposed."""
        return masked(self.asked.arguments)


def cards_of(
    requests: Sequence[ApprovalRequest], decider: Decider, *, whole: bool = False
) -> list[Card]:
    """The cards of some requests, with as many queries as for one, and one per kind of call."""
    prefetch_related_objects(list(requests), "votes")
    pending = [one for one in requests if one.is_pending]
    before, in_the_way, void = decided_before(pending), standings(pending), why_void(requests)
    return [
        Card(
            asked=one,
            user=decider.user,
            why_not=decider.why_not(one) if one.is_pending else "",
            before=before.get((one.agent, one.tool)) if one.is_pending else None,
            whole=whole,
            in_the_way=in_the_way.get(one.pk, ""),
            why_void=void.get(one.pk, ""),
        )
        for one in requests
    ]

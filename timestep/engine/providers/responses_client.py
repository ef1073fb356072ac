"""A client of the Responses API whose calls cost the same however long the conversation is."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from openai import AsyncOpenAI
from openai.resources.responses import AsyncResponses


class _Responses(AsyncResponses):
    async def create(  # type: ignore[override] # its overloads; all but two are passed on
        self,
        *,
        input: Any,  # noqa: A002 - the API's word
        extra_body: Any = None,
        **given: Any,
    ) -> Any:
        """Create a response; the conversation is sent as it is.

        The client tries each item of `input` against every kind of item there is, to rename
        keys that have the same name on the wire: about a millisecond of the event loop for each
        item, at every model call. What `extra_body` holds it sends untouched.
        """
        body = {"input": input} | dict(extra_body or {})
        return await super().create(extra_body=body, **given)


class ResponsesClient(AsyncOpenAI):
    """OpenAI's client, but for how `responses.create` treats its input."""

    @cached_property
    def responses(self) -> AsyncResponses:
        """The Responses API."""
        return _Responses(self)

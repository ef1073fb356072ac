"""The page between an action of the admin and its act, which asks for what the act needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import HttpRequest
from django.template.response import TemplateResponse


def was_asked(request: HttpRequest) -> bool:
    """Whether the page was sent, and did not just come from the list."""
    return "sent" in request.POST


def ask(
    model_admin: admin.ModelAdmin[Any],
    request: HttpRequest,
    keys: Sequence[str],
    form: forms.Form,
    *,
    title: str,
    word: str,
    template: str = "admin/act.html",
    **more: Any,
) -> TemplateResponse:
    """The page; what it sends names the same rows and the same action.

    Args:
        model_admin: Whose action it is.
        request: What began the action, or was sent and is not right.
        keys: The keys of the selected rows.
        form: What is asked.
        title: The page's.
        word: What the button says.
        template: One that extends `admin/act.html`, to show more.
        more: What that one shows.
    """
    context = {
        **model_admin.admin_site.each_context(request),
        "title": title,
        "opts": model_admin.opts,
        "keys": keys,
        "form": form,
        "word": word,
        "action": request.POST.get("action", ""),
        "checkbox_name": ACTION_CHECKBOX_NAME,
        **more,
    }
    return TemplateResponse(request, template, context)

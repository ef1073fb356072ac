"""Webhooks, and the log of what was delivered, in the admin."""

from __future__ import annotations

import secrets
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from approvals.admin_lists import ReadOnlyAdmin
from approvals.admin_masks import MaskedFields
from approvals.models import Delivery, DeliveryStatus, Webhook
from approvals.services.channels import check_address


class WebhookForm(MaskedFields, forms.ModelForm[Webhook]):
    """A webhook. Its secret is never shown again: an empty field keeps it, or makes one."""

    secret = forms.CharField(
        required=False,
        max_length=200,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Signs what is sent. Empty: the one that is kept; for a new webhook, a made one.",
    )

    class Meta:
        model = Webhook
        fields = ("name", "url", "agent", "secret", "active")

    def clean_url(self) -> str:
        """The address, if it can be posted to."""
        url: str = self.cleaned_data["url"].strip()
        try:
            check_address(url)
        except forms.ValidationError as error:
            raise forms.ValidationError(error.messages) from None
        return url

    def clean_secret(self) -> str:
        """What was typed, or what is kept, or a new one."""
        typed: str = self.cleaned_data["secret"]
        return (
            typed
            or Webhook.objects.filter(pk=self.instance.pk).values_list("secret", flat=True).first()
            or secrets.token_urlsafe(32)
        )


@admin.register(Webhook)
class WebhookAdmin(admin.ModelAdmin[Webhook]):
    """Where requests are told."""

    form = WebhookForm
    list_display = ("name", "agent", "active")

    def save_model(self, request: HttpRequest, obj: Webhook, form: Any, change: bool) -> None:
        """A secret that was made is shown once."""
        super().save_model(request, obj, form, change)
        if not change and not form.data.get("secret"):
            messages.info(request, f"The secret of {obj.name}, shown only now: {obj.secret}")


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin[Delivery]):
    """The delivery log, latest first."""

    list_display = ("id", "status", "kind", "to", "attempts", "problem", "next_at", "approval_id")
    list_filter = ("status",)
    list_select_related = ("notice", "user", "webhook")
    ordering = ("-id",)
    search_fields = ("notice__request__approval_id__exact",)
    search_help_text = "A whole approval id."
    actions = ("send_again",)

    @admin.display(description="About")
    def kind(self, obj: Delivery) -> str:
        """What happened to the request."""
        return obj.notice.get_kind_display()

    @admin.display(description="Request")
    def approval_id(self, obj: Delivery) -> str:
        """The request."""
        return obj.notice.request_id

    @admin.display(description="To")
    def to(self, obj: Delivery) -> str:
        """The person or the webhook."""
        return str(obj.user or obj.webhook)

    def has_resend_permission(self, request: HttpRequest) -> bool:
        """Whether "try again now" is offered."""
        return request.user.has_perm("approvals.change_webhook")

    @admin.action(description="Try again now", permissions=["resend"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        """Make those that wait, or were given up, due now."""
        again = queryset.filter(status__in=(DeliveryStatus.PENDING, DeliveryStatus.FAILED))
        fresh = {"status": DeliveryStatus.PENDING, "attempts": 0, "ended_at": None}
        number = again.order_by().update(next_at=timezone.now(), **fresh)
        self.message_user(request, f"{number} will be tried again now.", messages.SUCCESS)

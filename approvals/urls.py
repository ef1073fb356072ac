"""Addresses of approvals."""

from __future__ import annotations

from django.urls import path

from approvals.views import batch, decide, hold, requests

urlpatterns = [
    path("", requests.approvals, name="approvals"),
    path("count/", requests.waiting_count, name="approvals_count"),
    path("decide/", batch.decide_selected, name="approvals_decide"),
    path("<str:approval_id>/", requests.approval, name="approval"),
    path("<str:approval_id>/so-far/", requests.run_so_far, name="approval_so_far"),
    path("<str:approval_id>/claim/", hold.claim_request, name="approval_claim"),
    path("<str:approval_id>/hand-over/", hold.hand_over_request, name="approval_hand_over"),
    path("<str:approval_id>/decide/", decide.decide_request, name="approval_decide"),
]

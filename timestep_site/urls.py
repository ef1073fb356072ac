"""Addresses of the site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from approvals.views import audit, policies
from workflows.views import health

admin.site.site_header = admin.site.site_title = "Timestep"
admin.site.index_title = "Administration"
handler500 = "workflows.views.problems.broken"

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("admin/", admin.site.urls),
    path("approvals/", include("approvals.urls")),
    path("audit/", audit.trail, name="audit"),
    path("audit/export.<str:form>", audit.export, name="audit_export"),
    path("policies/", policies.policies, name="policies"),
    path("", include("workflows.urls")),
]

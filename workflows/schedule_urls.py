"""Addresses of the pages of schedules."""

from __future__ import annotations

from django.urls import path

from workflows.views import schedule_actions, schedules

urlpatterns = [
    path("", schedules.schedules, name="schedules"),
    path("new/", schedules.new, name="schedule_new"),
    path("new/preview/", schedules.preview, name="schedule_preview"),
    path("<slug:schedule>/", schedules.schedule, name="schedule"),
    path("<slug:schedule>/edit/", schedules.edit, name="schedule_edit"),
    path("<slug:schedule>/run/", schedule_actions.run, name="schedule_run"),
    path("<slug:schedule>/pause/", schedule_actions.pause, name="schedule_pause"),
    path("<slug:schedule>/resume/", schedule_actions.resume, name="schedule_resume"),
    path("<slug:schedule>/backfill/", schedule_actions.backfill, name="schedule_backfill"),
    path("<slug:schedule>/delete/", schedule_actions.delete, name="schedule_delete"),
]

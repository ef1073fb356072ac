"""Addresses of the dashboard."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path
from django.views.generic import RedirectView

from workflows.views import (
    agents,
    home,
    limits,
    queue_actions,
    queues,
    run,
    run_actions,
    runs,
    search,
    stop,
    workers,
)

urlpatterns = [
    path("", home.home, name="home"),
    path("demo/launch/", home.demo_launch, name="demo_launch"),
    path("agents/", agents.agents, name="agents"),
    path("agents/<slug:slug>/", agents.agent, name="agent"),
    path("agents/<slug:slug>/launch/", agents.agent_launch, name="agent_launch"),
    path("runs/", runs.runs, name="runs"),
    path("runs/<str:run_id>/", run.run, name="run"),
    path("runs/<str:run_id>/why/", run.why_not_moving, name="run_why"),
    path("runs/<str:run_id>/priority/", queue_actions.priority, name="run_priority"),
    path("runs/<str:run_id>/queue/", queue_actions.move, name="run_move"),
    path("runs/<str:run_id>/traceback/", run.traceback, name="run_traceback"),
    path("runs/<str:run_id>/cancel/", run_actions.cancel_run, name="run_cancel"),
    path("runs/<str:run_id>/again/", run_actions.again, name="run_again"),
    path("runs/<str:run_id>/retry/", run_actions.retry_run, name="run_retry"),
    path("queues/", queues.queues, name="queues"),
    path("queues/new/", queue_actions.new, name="queue_new"),
    path("queues/<str:name>/", queues.queue, name="queue"),
    path("queues/<str:name>/limits/", queue_actions.limits, name="queue_limits"),
    path("queues/<str:name>/pause/", queue_actions.pause, name="queue_pause"),
    path("queues/<str:name>/resume/", queue_actions.resume, name="queue_resume"),
    path("queues/<str:name>/delete/", queue_actions.delete, name="queue_delete"),
    path("schedules/", include("workflows.schedule_urls")),
    path("workers/", workers.workers, name="workers"),
    path("workers/<str:worker_id>/", workers.worker, name="worker"),
    path("workers/<str:worker_id>/drain/", workers.drain, name="worker_drain"),
    path("workers/<str:worker_id>/undrain/", workers.undrain, name="worker_undrain"),
    path("stop/", stop.stop, name="stop"),
    path("stop/banner/", stop.banner, name="hold_banner"),
    path("stop/place/", stop.place, name="stop_place"),
    path("stop/<int:hold_id>/release/", stop.release, name="stop_release"),
    path("limits/", limits.limits, name="limits"),
    path("limits/new/", limits.new, name="limit_new"),
    path("limits/change/", limits.change, name="limit_change"),
    path("limits/delete/", limits.delete, name="limit_delete"),
    path("search/", search.search, name="search"),
    # Browsers ask for it where a page names no icon, and for files that are no pages.
    path("favicon.ico", RedirectView.as_view(url=f"{settings.STATIC_URL}timestep/mark.svg")),
    path(
        "accounts/login/",
        LoginView.as_view(redirect_authenticated_user=True),
        name="login",
    ),
    path("accounts/logout/", LogoutView.as_view(), name="logout"),
]

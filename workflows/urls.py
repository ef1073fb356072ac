"""Addresses of the dashboard."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path
from django.views.generic import RedirectView

from workflows.views import agents, home, run, run_actions, runs, search

urlpatterns = [
    path("", home.home, name="home"),
    path("demo/launch/", home.demo_launch, name="demo_launch"),
    path("agents/", agents.agents, name="agents"),
    path("agents/<slug:slug>/", agents.agent, name="agent"),
    path("agents/<slug:slug>/launch/", agents.agent_launch, name="agent_launch"),
    path("runs/", runs.runs, name="runs"),
    path("runs/<str:run_id>/", run.run, name="run"),
    path("runs/<str:run_id>/traceback/", run.traceback, name="run_traceback"),
    path("runs/<str:run_id>/cancel/", run_actions.cancel_run, name="run_cancel"),
    path("runs/<str:run_id>/again/", run_actions.again, name="run_again"),
    path("runs/<str:run_id>/retry/", run_actions.retry_run, name="run_retry"),
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

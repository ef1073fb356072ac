"""Who gets what answer from which address: the matrix that the test holds the site to.

An outcome is `login` (sent to sign in), `403`, `404`, or `ok` (anything else: the page, or an
answer of the act itself). The columns are those of `PEOPLE`.
"""

from __future__ import annotations

from dataclasses import dataclass

PEOPLE = (
    "anonymous",  # is not signed in
    "nobody",  # is signed in, and has no role
    "viewer",
    "operator",
    "approver",
    "clerk",  # a viewer who may enter the admin
    "administrator",  # and may enter the admin
    "superuser",
)


@dataclass(frozen=True)
class Row:
    """An address, the method that is asked with, and the outcomes.

    `own`: where the address names the person's own run; else it is somebody else's. `at` stands
    for the route where that is no pattern that can be filled in.
    """

    others: str
    own: str = ""
    method: str = "get"
    at: str = ""
    sent: tuple[tuple[str, str], ...] = ()

    def outcome(self, who: str, *, own: bool) -> str:
        """What this person gets."""
        words = (self.own if own and self.own else self.others).split()
        assert len(words) == len(PEOPLE)
        return words[PEOPLE.index(who)]


#            anonymous nobody viewer operator approver clerk administrator superuser
EVERYBODY = "ok        ok     ok     ok       ok       ok    ok            ok"
SENT_AWAY = "login     login  login  login    login    login login         login"
LEAVES___ = "ok        ok     ok     ok       ok       login login         login"
SIGNED_IN = "login     ok     ok     ok       ok       ok    ok            ok"
SEES______ = "login    404    ok     ok       ok       ok    ok            ok"
LAUNCHES_ = "login     404    403    ok       403      403   ok            ok"
OPERATES_ = "login     403    403    ok       403      403   ok            ok"
DELETES__ = "login     403    403    403      403      403   ok            ok"
OWN_ACT__ = "login     403    403    ok       403      403   ok            ok"
DECIDES__ = "login     404    403    403      ok       403   ok            ok"
NEVER_OWN = "login     403    403    403      403      403   403           403"
AUDITS___ = "login     403    403    403      403      403   ok            ok"
POLICIES_ = "login     403    ok     ok       ok       ok    ok            ok"
STAFF____ = "login     login  login  login    login    ok    ok            ok"
CLERK____ = "login     login  login  login    login    ok    ok            ok"
KEEPS____ = "login     login  login  login    login    403   ok            ok"
NOBODY___ = "login     login  login  login    login    403   403           403"
MISSING__ = "login     login  login  login    login    404   404           404"

_APPROVE = (("decision", "approve"),)


def _kept(model: str, view: str) -> dict[str, Row]:
    """A model of the admin that administrators edit; `view`: who may look."""
    base = f"admin/{model}/"
    one = f"{base}<path:object_id>/"
    return {
        base: Row(view),
        f"{base}add/": Row(KEEPS____),
        f"{one}history/": Row(view),
        f"{one}delete/": Row(KEEPS____),
        f"{one}change/": Row(view),
        one: Row(STAFF____),  # leads to the one above
    }


def _shown(model: str, view: str) -> dict[str, Row]:
    """A model of the admin that nobody edits."""
    base = f"admin/{model}/"
    return _kept(model, view) | {
        f"{base}add/": Row(NOBODY___),
        f"{base}<path:object_id>/delete/": Row(NOBODY___),
    }


HTTP: dict[str, Row] = {
    "healthz": Row(EVERYBODY),
    "readyz": Row(EVERYBODY),
    "favicon.ico": Row(EVERYBODY),
    "accounts/login/": Row(EVERYBODY),
    "accounts/logout/": Row(SENT_AWAY, method="post"),
    "": Row(SIGNED_IN),
    "search/": Row(SIGNED_IN),
    "runs/": Row(SIGNED_IN),
    "agents/": Row(SIGNED_IN),
    "agents/<slug:slug>/": Row(SEES______),
    "agents/<slug:slug>/launch/": Row(LAUNCHES_, method="post"),
    "demo/launch/": Row(OPERATES_, method="post"),
    "runs/<str:run_id>/": Row(SEES______, SIGNED_IN),
    "runs/<str:run_id>/traceback/": Row(OPERATES_),
    "runs/<str:run_id>/why/": Row(SEES______, SIGNED_IN),
    "runs/<str:run_id>/priority/": Row(OPERATES_, method="post"),
    "runs/<str:run_id>/queue/": Row(OPERATES_, method="post"),
    "queues/": Row(POLICIES_),
    "queues/new/": Row(OPERATES_, method="post"),
    "queues/<str:name>/": Row(POLICIES_),
    "queues/<str:name>/limits/": Row(OPERATES_, method="post"),
    "queues/<str:name>/pause/": Row(OPERATES_, method="post"),
    "queues/<str:name>/resume/": Row(OPERATES_, method="post"),
    "queues/<str:name>/delete/": Row(OPERATES_, method="post"),
    "schedules/": Row(POLICIES_),
    "schedules/new/": Row(OPERATES_),
    "schedules/new/preview/": Row(POLICIES_),
    "schedules/<slug:schedule>/": Row(POLICIES_),
    "schedules/<slug:schedule>/edit/": Row(OPERATES_),
    "schedules/<slug:schedule>/run/": Row(OPERATES_, method="post"),
    "schedules/<slug:schedule>/pause/": Row(OPERATES_, method="post"),
    "schedules/<slug:schedule>/resume/": Row(OPERATES_, method="post"),
    "schedules/<slug:schedule>/backfill/": Row(OPERATES_),
    "schedules/<slug:schedule>/delete/": Row(DELETES__, method="post"),
    "workers/": Row(POLICIES_),
    "workers/<str:worker_id>/": Row(POLICIES_),
    "workers/<str:worker_id>/drain/": Row(OPERATES_, method="post"),
    "workers/<str:worker_id>/undrain/": Row(OPERATES_, method="post"),
    "limits/": Row(POLICIES_),
    "limits/new/": Row(OPERATES_, method="post"),
    "limits/change/": Row(OPERATES_, at="limits/change/?pattern=*"),
    "limits/delete/": Row(OPERATES_, method="post", sent=(("pattern", "*"),)),
    "stop/": Row(POLICIES_),
    "stop/banner/": Row(SIGNED_IN),
    "stop/place/": Row(OPERATES_, method="post"),
    "stop/<int:hold_id>/release/": Row(OPERATES_, method="post"),
    "runs/<str:run_id>/cancel/": Row(LAUNCHES_, SIGNED_IN, method="post"),
    "runs/<str:run_id>/again/": Row(LAUNCHES_, OWN_ACT__, method="post"),
    "runs/<str:run_id>/retry/": Row(LAUNCHES_, OWN_ACT__, method="post"),
    "approvals/": Row(SIGNED_IN),
    "approvals/count/": Row(SIGNED_IN),
    "approvals/decide/": Row(SIGNED_IN, method="post"),
    "approvals/<str:approval_id>/": Row(SEES______, SIGNED_IN),
    "approvals/<str:approval_id>/so-far/": Row(SEES______, SIGNED_IN),
    "approvals/<str:approval_id>/decide/": Row(DECIDES__, NEVER_OWN, method="post", sent=_APPROVE),
    "approvals/<str:approval_id>/claim/": Row(DECIDES__, NEVER_OWN, method="post"),
    "approvals/<str:approval_id>/hand-over/": Row(
        DECIDES__, NEVER_OWN, method="post", sent=(("to", "other"),)
    ),
    "policies/": Row(POLICIES_),
    "audit/": Row(AUDITS___),
    "audit/export.<str:form>": Row(AUDITS___, at="audit/export.csv"),
    "admin/": Row(STAFF____),
    "admin/login/": Row(EVERYBODY),
    "admin/logout/": Row(LEAVES___, method="post"),
    "admin/password_change/": Row(STAFF____),
    "admin/password_change/done/": Row(STAFF____),
    "admin/jsi18n/": Row(STAFF____),
    "admin/autocomplete/": Row(NOBODY___),
    "admin/r/<path:content_type_id>/<path:object_id>/": Row(MISSING__, at="admin/r/0/0/"),
    "admin/^(?P<app_label>auth|approvals|workflows|timestep)/$": Row(
        STAFF____, at="admin/timestep/"
    ),
    "admin/(?P<url>.*)$": Row(MISSING__, at="admin/nothing/"),
    "admin/auth/user/<id>/password/": Row(KEEPS____),
    **_kept("auth/group", KEEPS____),
    **_kept("auth/user", KEEPS____),
    **_kept("approvals/agentaccess", KEEPS____),
    **_kept("approvals/webhook", KEEPS____),
    **_kept("approvals/policy", CLERK____),
    **_kept("workflows/agentdefinition", CLERK____),
    **_kept("timestep/schedule", CLERK____),
    **_kept("timestep/modellimit", CLERK____),
    **_shown("approvals/delivery", KEEPS____),
    **_shown("approvals/approvalrequest", CLERK____),
    **_shown("approvals/decision", CLERK____),
    **_shown("approvals/auditentry", KEEPS____),
    **_shown("workflows/agentversion", CLERK____),
    **_kept("timestep/queue", CLERK____),
    **_shown("timestep/worker", CLERK____),
    **_shown("timestep/hold", CLERK____),
    **_shown("timestep/run", CLERK____),
    **_shown("timestep/tick", CLERK____),
}

# Outcomes of sockets are `ok` or the code that they are closed with.
SIGNED_IN_ = "4401      ok     ok     ok       ok       ok    ok            ok"
SEES_RUN__ = "4401      4404   ok     ok       ok       ok    ok            ok"
SOCKETS: dict[str, Row] = {
    "/ws/runs/": Row(SIGNED_IN_),
    "/ws/runs/<run_id>/": Row(SEES_RUN__, SIGNED_IN_),
    "/ws/approvals/": Row(SIGNED_IN_),
}

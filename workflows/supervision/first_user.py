"""The first person who can sign in."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from timestep import conf
from workflows.supervision.errors import StartRefused

PASSWORD_FILE = "admin-password"  # noqa: S105 - the file's name
DEFAULT_NAME = "admin"


@dataclass(frozen=True)
class SignIn:
    """What `up` says about signing in."""

    user: str
    how: str

    def __str__(self) -> str:
        return f"sign in as {self.user} {self.how}"


def ensure_first_user(home: Path) -> SignIn | None:
    """Create the first user where there is none, and say how to sign in.

    None when people have their own accounts and no generated password is left to tell.
    """
    name = conf.text("TIMESTEP_ADMIN_USER", DEFAULT_NAME)
    given = os.environ.get("TIMESTEP_ADMIN_PASSWORD", "")
    path = home / PASSWORD_FILE
    if not User.objects.exists():
        _create(name, given or _kept_password(path) or _generate_password(path))
    return _sign_in(name, given, path)


def _create(name: str, password: str) -> None:
    try:
        with transaction.atomic():
            User.objects.create_superuser(name, password=password)
    except IntegrityError:
        pass  # another `up` on the same database was first


def _sign_in(name: str, given: str, path: Path) -> SignIn | None:
    user = User.objects.filter(username=name, is_active=True).first()
    if user is None:
        return None
    if given and user.check_password(given):
        return SignIn(name, "with the password in TIMESTEP_ADMIN_PASSWORD")
    kept = _kept_password(path)
    if kept and user.check_password(kept):
        return SignIn(name, f"with the password {kept} (kept in {path} until it is changed)")
    path.unlink(missing_ok=True)
    return SignIn(name, "with the password you have set")


def _kept_password(path: Path) -> str:
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return ""


def _generate_password(path: Path) -> str:
    password = secrets.token_urlsafe(12)
    try:
        handle = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(password + "\n")
    except OSError as error:
        raise StartRefused(
            f"the first password cannot be kept in {path}: {error.strerror}; let this user write "
            "there, and see that the disk has room"
        ) from error
    return password

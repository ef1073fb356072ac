"""The first user: created once, told until the password is changed."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from workflows.supervision.first_user import PASSWORD_FILE, ensure_first_user

pytestmark = pytest.mark.django_db


def test_a_password_is_generated_and_kept_for_the_owner(tmp_path: Path) -> None:
    sign_in = ensure_first_user(tmp_path)
    kept = tmp_path / PASSWORD_FILE
    user = User.objects.get()
    assert user.is_superuser
    assert user.check_password(kept.read_text().strip())
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert kept.read_text().strip() in str(sign_in)
    assert str(sign_in).startswith("sign in as admin")


def test_the_second_start_says_the_same_and_creates_nobody(tmp_path: Path) -> None:
    assert ensure_first_user(tmp_path) == ensure_first_user(tmp_path)
    assert User.objects.count() == 1


def test_a_changed_password_is_no_longer_told(tmp_path: Path) -> None:
    ensure_first_user(tmp_path)
    user = User.objects.get()
    user.set_password("her own words")
    user.save()
    assert "you have set" in str(ensure_first_user(tmp_path))
    assert not (tmp_path / PASSWORD_FILE).exists()


def test_a_given_password_is_neither_kept_nor_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIMESTEP_ADMIN_USER", "ana")
    monkeypatch.setenv("TIMESTEP_ADMIN_PASSWORD", "correct-horse")
    said = str(ensure_first_user(tmp_path))
    assert User.objects.get(username="ana").check_password("correct-horse")
    assert "ana" in said
    assert "correct-horse" not in said
    assert not list(tmp_path.iterdir())


def test_nobody_is_created_where_people_are(tmp_path: Path) -> None:
    User.objects.create_user("bo")
    assert ensure_first_user(tmp_path) is None
    assert User.objects.count() == 1


def test_a_start_that_died_before_the_user_was_made_keeps_its_password(tmp_path: Path) -> None:
    (tmp_path / PASSWORD_FILE).write_text("kept from before\n")
    ensure_first_user(tmp_path)
    assert User.objects.get().check_password("kept from before")

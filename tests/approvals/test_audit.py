"""The chain: what it finds."""

from __future__ import annotations

import pytest
from django.db import transaction

from approvals.models import AuditEntry
from approvals.services import audit
from approvals.services.erasing import erase

pytestmark = pytest.mark.django_db


@pytest.fixture
def chain() -> list[AuditEntry]:
    return [audit.append("ana", "page", "test", f"thing {n}", {"n": n}) for n in range(1, 6)]


def _problems() -> list[tuple[int, str]]:
    return [(problem.number, problem.what) for problem in audit.verify().problems]


def test_a_whole_chain_verifies(chain: list[AuditEntry]) -> None:
    found = audit.verify(head=chain[2].entry_hash)
    assert found.ok
    assert (found.entries, found.head, found.erased) == (5, chain[-1].entry_hash, 0)


def test_an_empty_chain_verifies() -> None:
    assert audit.verify().ok


def test_numbers_count_up_from_one(chain: list[AuditEntry]) -> None:
    assert [entry.number for entry in chain] == [1, 2, 3, 4, 5]
    assert chain[0].previous_hash == audit.GENESIS


@pytest.mark.parametrize("field", ["actor", "via", "act", "subject", "payload_digest"])
def test_an_edit_is_found(chain: list[AuditEntry], field: str) -> None:
    AuditEntry.objects.filter(number=3).update(**{field: "mallory"})
    assert (3, "was edited") in _problems()


def test_an_edited_payload_is_found(chain: list[AuditEntry]) -> None:
    AuditEntry.objects.filter(number=3).update(payload={"n": 4})
    assert _problems() == [(3, "has another payload than was recorded")]


def test_an_edit_with_its_own_hash_made_fit_is_found(chain: list[AuditEntry]) -> None:
    entry = AuditEntry.objects.get(number=3)
    entry.actor = "mallory"
    entry.entry_hash = audit.hash_of(entry)
    entry.save()
    assert _problems() == [(4, "does not follow from the entry before it")]


def test_an_erased_payload_leaves_the_chain_whole(chain: list[AuditEntry]) -> None:
    erase(chain[2].subject, reason="asked for", actor="ana", via="test")
    found = audit.verify()
    assert found.ok
    assert found.erased == 1


@pytest.mark.parametrize("number", [1, 3])
def test_a_deletion_is_found(chain: list[AuditEntry], number: int) -> None:
    AuditEntry.objects.filter(number=number).delete()
    assert [problem.number for problem in audit.verify().problems] == [number + 1]


def test_reordering_is_found(chain: list[AuditEntry]) -> None:
    AuditEntry.objects.filter(number=2).update(number=99)
    AuditEntry.objects.filter(number=3).update(number=2)
    AuditEntry.objects.filter(number=99).update(number=3)
    assert {2, 3} <= {number for number, _ in _problems()}


def test_truncation_is_found_against_an_exported_head(chain: list[AuditEntry]) -> None:
    AuditEntry.objects.filter(number__gt=3).delete()
    assert audit.verify().ok
    assert not audit.verify(head=chain[-1].entry_hash).ok


def test_payloads_survive_the_database(chain: list[AuditEntry]) -> None:
    payload = {"text": "ä\u2028\U0001f600", "yes": True, "none": None, "count": 2**60}
    audit.append("ana", "page", "test", "thing", payload)
    assert audit.verify().ok


@pytest.mark.django_db(transaction=True)
def test_an_entry_outside_a_transaction_is_refused() -> None:
    with pytest.raises(transaction.TransactionManagementError, match="transaction of the act"):
        audit.append("ana", "page", "test", "thing", {})


@pytest.mark.django_db(transaction=True)
def test_an_act_that_is_rolled_back_leaves_no_gap() -> None:
    with transaction.atomic():
        audit.append("ana", "page", "test", "thing", {})
        transaction.set_rollback(True)
    with transaction.atomic():
        assert audit.append("ana", "page", "test", "thing", {}).number == 1

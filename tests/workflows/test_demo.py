"""Demo content is installed once."""

from __future__ import annotations

import pytest

from tests.workflows.rows import agent, in_threads, tool
from timestep.demo import DEMO_AGENTS
from timestep.models import Schedule
from workflows.errors import ImportRefused
from workflows.models import AgentDefinition, InstalledContent
from workflows.services.demo import install_demo_content
from workflows.services.specs import spec_body, version_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def demo_tools() -> None:
    for name in {name for one in DEMO_AGENTS for name in one["tools"]}:
        tool(name, needs_approval=name == "refund_order")


@pytest.mark.usefixtures("demo_tools")
def test_it_is_installed_and_can_be_launched() -> None:
    assert install_demo_content() is True
    slugs = list(AgentDefinition.objects.values_list("slug", flat=True))
    assert slugs == ["concierge", "refunds", "support-desk"]
    assert "refunds" in spec_body(version_of("support-desk"))["agents"]
    assert Schedule.objects.get().paused is True


@pytest.mark.usefixtures("demo_tools")
def test_what_was_deleted_does_not_come_back() -> None:
    install_demo_content()
    AgentDefinition.objects.filter(slug="refunds").delete()
    assert install_demo_content() is False
    assert not AgentDefinition.objects.filter(slug="refunds").exists()


@pytest.mark.usefixtures("demo_tools")
def test_an_agent_of_the_same_slug_is_left_alone() -> None:
    agent("concierge", name="Mine")
    assert install_demo_content() is True
    assert AgentDefinition.objects.get(slug="concierge").name == "Mine"


def test_without_its_tools_nothing_is_installed_and_it_can_be_tried_again() -> None:
    with pytest.raises(ImportRefused, match="tools"):
        install_demo_content()
    assert InstalledContent.objects.count() == AgentDefinition.objects.count() == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("demo_tools")
def test_of_many_that_start_at_once_one_installs() -> None:
    assert sorted(in_threads(8, lambda _: install_demo_content())) == [False] * 7 + [True]

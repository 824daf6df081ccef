"""A changed configuration is a plan: what it would write is shown, and marked as its doing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.sims import Line, Sims, written

CHANGES = {
    "other words": (
        "  severity: {devrev: {words: {sev-0: [critical, high], sev-1: moderate, sev-2: low,"
        " sev-3: minor}, loses: [high]}}\n"
    ),
    "a template": '  description: {status: {template: "{description}\\nSee {datadog.url}"}}\n',
    "a field taken out and another path": "  owners: off\n  components: {datadog: off}\n",
}


@pytest.fixture
def config(line: Line, sims: Sims, tmp_path: Path) -> Path:
    """Bring the simulated services in step, with limits that hold nothing."""
    config = written(tmp_path, sims.ports)
    assert line("once").code == 0
    assert line("plan", "--json").data["operations"] == []
    return config


def changed(config: Path, name: str) -> None:
    """Change the mapping of a configuration."""
    config.write_text(config.read_text() + "fields:\n" + CHANGES[name])


@pytest.mark.parametrize("name", ["other words", "a template"])
def test_what_the_change_writes_is_marked(line: Line, config: Path, name: str) -> None:
    """Every write of the plan is said to come from the change; done once, there is rest."""
    changed(config, name)
    ran = line("plan", "--json")
    operations = ran.data["operations"]
    assert operations
    assert all(op["reason"].startswith("the configuration changed: ") for op in operations)
    text = line("plan")
    assert (
        f"configuration: {len(operations)} writes of these come from its change alone" in text.out
    )
    done = line("once", "--json")
    assert done.data["systems"]["devrev"]["failed"] == 0
    assert not done.data["quiet"]
    assert line("plan", "--json").data["operations"] == []
    assert line("once", "--json").data["quiet"]


def test_an_edit_beside_the_change_is_not_marked(line: Line, sims: Sims, config: Path) -> None:
    """What somebody edited meanwhile is written for that, and said to be."""
    record = sims.doubles["prodmanager"].records()[0]
    sims.doubles["prodmanager"].edit(record["id"], name="Edited meanwhile")
    changed(config, "a template")
    operations = line("plan", "--json").data["operations"]
    edited = [op for op in operations if "title" in op["fields"]]
    assert edited
    assert not any("configuration changed" in op["reason"] for op in edited)
    assert any("configuration changed" in op["reason"] for op in operations)


def test_a_change_that_writes_nothing_plans_nothing(line: Line, config: Path) -> None:
    """Fields that are taken out are left as they are, everywhere."""
    changed(config, "a field taken out and another path")
    assert line("plan", "--json").data["operations"] == []

"""What people outside are told of, and what instep makes in a service: said before it happens."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.sims import Line, Sims, served, written


@pytest.fixture
def config(sims: Sims, tmp_path: Path) -> Path:
    """Configure the simulated services."""
    return written(tmp_path, sims.ports)


def with_datadog(config: Path, setting: str) -> None:
    """Give the Datadog of a configuration another setting."""
    config.write_text(config.read_text().replace("type: datadog,", f"type: datadog, {setting},"))


@pytest.mark.usefixtures("config")
def test_a_plan_says_how_many_may_be_notified(line: Line, sims: Sims) -> None:
    """The plan counts creates and changes of status of the status page: just what is then made."""
    told = line("plan", "--json").data["notifications"]
    assert f"public: {told['status']} writes to status" in line("plan", "--short").out
    before = notified(sims)
    line("once")
    assert told == {"status": notified(sims) - before}
    assert line("plan", "--json").data["notifications"] == {}
    assert "public:" not in line("plan").out


def notified(sims: Sims) -> int:
    """Count the times that the status page has told its subscribers of something."""
    double = sims.doubles["prodmanager"]
    return int(double.notified // 50)  # type: ignore[attr-defined]


@pytest.mark.usefixtures("config")
def test_a_check_before_the_first_run_says_it_too(line: Line, sims: Sims) -> None:
    """Before the first run ``check`` counts what that would tell people; afterwards it does not."""
    told = line("plan", "--json").data
    first = line("check", "--online", "--json").data["first_run"]
    assert first == {"writes": len(told["operations"]), "notifications": told["notifications"]}
    assert f"a first run would make {first['notifications']['status']} public writes" in (
        line("check", "--online").out
    )
    assert sims.world.writes == 0
    line("once")
    assert line("check", "--online", "--json").data["first_run"] is None


def test_a_page_that_is_only_heard_tells_nobody(line: Line, sims: Sims, config: Path) -> None:
    """Where no status page is written to, ``check`` lists nothing for that."""
    text = config.read_text().replace("type: prodmanager,", "type: prodmanager, writable: false,")
    config.write_text(text[: text.index("  status: {from")])
    assert line("check", "--online", "--json").data["first_run"] is None
    assert sims.world.count("incidents.create") == 0


def test_a_backfill_can_be_quiet(line: Line, sims: Sims, config: Path) -> None:
    """With ``quiet: true`` a backfill imports into Datadog, with the times; a cycle declares."""
    with_datadog(config, "quiet: true")
    assert line("backfill", "--yes").code == 0
    assert sims.world.count("POST /api/v2/incidents/import") > 0
    assert sims.world.count("POST /api/v2/incidents") == sims.world.count(
        "POST /api/v2/incidents/import"
    )
    sims.doubles["devrev"].add(title="Checkout latency above 5 s")
    assert line("once").code == 0
    assert sims.world.counts["POST /api/v2/incidents"] == 1


def test_a_check_can_make_the_reference_field(line: Line, tmp_path: Path) -> None:
    """A Datadog without the field is warned of; ``--create-fields`` makes it, and only that."""
    with served(datadog={"reference_field": False}) as sims:
        written(tmp_path, sims.ports)
        told = line("check", "--online", "--json").data["answers"]["datadog"]
        assert any("--create-fields" in warning for warning in told["warnings"])
        assert sims.world.writes == 0
        made = line("check", "--create-fields", "--json").data["answers"]["datadog"]
        assert (len(made["made"]), made["warnings"]) == (1, [])
        assert sims.world.writes == 1
        assert "made: " not in line("check", "--create-fields").out
        assert line("once").code == 0


def test_what_was_refused_for_want_of_the_field_is_sent(line: Line, tmp_path: Path) -> None:
    """Creates that were refused because the field was missing go out once it is there."""
    with served(datadog={"reference_field": False}) as sims:
        written(tmp_path, sims.ports)
        assert line("once", "--json").data["systems"]["datadog"]["failed"] == 4
        line("check", "--create-fields")
        assert line("retry").code == 0
        assert line("once").code == 0
        assert [len(records) for records in sims.records()] == [6, 6, 6]


def test_in_a_system_that_is_only_heard_no_field_is_made(line: Line, tmp_path: Path) -> None:
    """``writable: false`` holds for ``--create-fields``, too."""
    with served(datadog={"reference_field": False}) as sims:
        config = written(tmp_path, sims.ports)
        with_datadog(config, "writable: false")
        assert line("check", "--create-fields", "--json").data["answers"]["datadog"]["made"] == []
        assert sims.world.writes == 0


def test_what_cannot_be_made_is_said(line: Line, tmp_path: Path) -> None:
    """Without the permission to make fields that system is refused with advice; exit 3."""
    lacking = {"reference_field": False, "lacks": "incident_settings_write"}
    with served(datadog=lacking) as sims:
        written(tmp_path, sims.ports)
        ran = line("check", "--create-fields", "--json")
        answer = ran.data["answers"]["datadog"]
        assert (ran.code, answer["ok"], answer["made"]) == (3, False, [])
        assert "incident_settings_write" in answer["advice"]


def test_links_show_people_the_other_records(line: Line, sims: Sims, config: Path) -> None:
    """With ``links: true`` each Datadog incident links to its records elsewhere, once each."""
    with_datadog(config, "links: true")
    line("once")
    line("once")
    for incident in sims.doubles["datadog"].records():
        assert len(incident["relationships"]["attachments"]["data"]) == 2

"""``check --online``: what the services have, and what of the mapping they lack."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.sims import Line, Sims, written

LACKING = """
fields:
  severity: {devrev: {words: {sev-0: critical, sev-7: high, sev-2: moderate, sev-3: [low, minor]}}}
  status:
    devrev:
      words:
        {triage: active, new: active, acknowledged: investigating, mitigated: stable,
         resolved: resolved}
      loses: [new]
  region:
    type: choice  # region
    devrev: {path: custom_fields.tnt__nowhere}  # region
    datadog: {path: fields.nowhere}  # region
  tags: {type: set, devrev: {path: tags, const: [no-such-tag]}}
"""


@pytest.fixture
def config(sims: Sims, tmp_path: Path) -> Path:
    """Configure the simulated services."""
    return written(tmp_path, sims.ports)


def test_the_presets_words_are_all_there(line: Line, sims: Sims, config: Path) -> None:
    """Against services as they come, nothing is missing, and nothing is written."""
    ran = line("check", "--online", "--json", "--config", config)
    assert ran.code == 0
    answers = ran.data["answers"]
    assert {name: answer["missing"] for name, answer in answers.items()} == {
        "devrev": [],
        "datadog": [],
        "status": [],
    }
    assert sims.world.writes == 0
    assert "status: ok" in line("check", "--online").out


def test_what_a_service_lacks_is_named(line: Line, sims: Sims, tmp_path: Path) -> None:
    """Every place and every word that would be written, with its line and what there is."""
    config = written(tmp_path, sims.ports, LACKING)
    ran = line("check", "--online", "--json", "--config", config)
    assert (ran.code, ran.data["kind"]) == (2, "config")
    missing = ran.data["answers"]["devrev"]["missing"]
    assert [(each["field"], each["path"], each["word"]) for each in missing] == [
        ("severity", "severity", "sev-7"),
        ("region", "custom_fields.tnt__nowhere", None),
        ("tags", "tags", "no-such-tag"),
    ]
    assert "sev-1" in missing[0]["has"]
    lines = config.read_text().splitlines()
    assert all(each["field"] in lines[each["line"] - 1] for each in missing)
    assert [each["path"] for each in ran.data["answers"]["datadog"]["missing"]] == [
        "fields.nowhere"
    ]
    notes = ran.data["answers"]["devrev"]["notes"]
    assert any("has no new now" in note for note in notes)
    assert any("no word for" in note and "fixing" in note for note in notes)
    assert sims.world.writes == 0
    text = line("check", "--online").out
    assert 'missing: severity has no "sev-7"' in text
    assert "missing: there is no custom_fields.tnt__nowhere" in text


def test_words_for_new_records_are_looked_up_by_name(
    line: Line, sims: Sims, tmp_path: Path
) -> None:
    """A scope that a status page does not have is missing; those that it has are named."""
    config = written(tmp_path, sims.ports)
    config.write_text(config.read_text().replace("scope: eu-west", "scope: eu-wst"))
    ran = line("check", "--online", "--json")
    (lack,) = ran.data["answers"]["status"]["missing"]
    assert (ran.code, lack["field"], lack["word"]) == (2, "create.set", "eu-wst")
    assert "eu-west" in lack["has"]
    assert "eu-wst" in config.read_text().splitlines()[lack["line"] - 1]


def test_a_system_that_can_be_given_nothing_is_told(line: Line, sims: Sims, tmp_path: Path) -> None:
    """Where nothing ever says what a new record needs, every create would be held: it is said."""
    written(tmp_path, sims.ports, "fields: {title: {status: off}}\n")
    ran = line("check", "--json")
    assert ran.data["systems"]["status"]["create"]["lacks"] == ["name"]
    assert ran.data["systems"]["devrev"]["create"]["lacks"] == []
    assert "but none can be made: nothing says name" in line("check").out

"""Whether systems are in step, told from their records: and that it can say no."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import pytest

from instep.app import connect
from instep.cli.stepping import compare
from instep.config import loads, unit_of
from instep.core.model import Mark, Record
from instep.core.unit import Unit

SYSTEMS = ("devrev", "datadog", "prodmanager")
CONFIG = """\
systems:
  devrev: {type: devrev, token: t0ken}
  datadog: {type: datadog, site: datadoghq.eu, api_key: t0ken, app_key: t0ken}
  prodmanager: {type: prodmanager, url: "http://localhost", token: t0ken}
create:
  devrev: {from: [datadog, prodmanager]}
  datadog: {from: [devrev, prodmanager]}
  prodmanager: {from: [devrev, datadog], set: {scope: eu-west, service: Checkout}}
"""
STORY: dict[str, dict[str, Any]] = {
    "devrev": {
        "title": "Checkout down",
        "severity": "sev-1",
        "stage": "mitigated",
        "identified_date": "2026-02-03T09:12:41.000Z",
        "mitigated_date": "2026-02-03T09:40:00Z",
        "applies_to_parts": ("Checkout",),
    },
    "datadog": {
        "title": "Checkout down",
        "fields.severity": "SEV-2",
        "fields.state": "stable",
        "customer_impact_start": "2026-02-03T09:12:41+00:00",
        "customer_impact_end": "2026-02-03T09:40:00+00:00",
        "fields.services": ("Checkout",),
    },
    "prodmanager": {
        "name": "Checkout down",
        "severity": "high",
        "status": "stable",
        "start_impact_date": "2026-02-03T09:12",
        "stable_date": "2026-02-03T09:40",
        "service": ("Checkout",),
    },
}


@cache
def unit_from(text: str) -> Unit:
    """Describe the unit of a configuration, with what its systems are able to do."""
    config = loads(text, "instep.yaml", {})
    unit = unit_of(config)

    async def abilities() -> dict[str, Any]:
        systems = connect(config, {})
        for system in systems.values():
            await system.close()
        return {name: system.abilities for name, system in systems.items()}

    able = asyncio.run(abilities())
    members = {name: replace(m, abilities=able[name]) for name, m in unit.members.items()}
    return replace(unit, members=members)


def record(name: str, words: dict[str, Any], mark: Mark | None = None) -> Record:
    """Make a record that says these words."""
    return Record(name, "born", "", dict(words), display=name, url=f"http://x/{name}", mark=mark)


@dataclass
class Held:
    """What three systems hold: one incident that began in DevRev, until a test changes that."""

    records: dict[str, list[Record]] = field(
        default_factory=lambda: {
            "devrev": [record("INC-1", STORY["devrev"])],
            "datadog": [record("IR-7", STORY["datadog"], Mark("devrev", "INC-1", "uid1"))],
            "prodmanager": [record("3", STORY["prodmanager"], Mark("devrev", "INC-1", "uid1"))],
        }
    )

    def say(self, system: str, **words: Any) -> Held:
        """Let a system's record say something else; ``__`` stands for a dot."""
        raw = self.records[system][0].raw
        raw.update({path.replace("__", "."): word for path, word in words.items()})
        return self

    def compared(self, config: str = CONFIG) -> list[str]:
        """Compare them."""
        unit = unit_from(config)
        return compare(unit, self.records, {name: lambda one: one.raw for name in SYSTEMS})


def test_three_spellings_of_one_incident_are_in_step() -> None:
    """Own words, precisions and zones differ; what they stand for does not."""
    assert Held().compared() == []


def test_nothing_at_all_is_in_step() -> None:
    """Three empty systems do not differ."""
    assert Held({name: [] for name in SYSTEMS}).compared() == []


@pytest.mark.parametrize(
    ("system", "words", "named"),
    [
        ("devrev", {"title": "Checkout slow"}, "title"),
        ("datadog", {"title": None}, "title"),
        ("prodmanager", {"description": "only here"}, "description"),
        ("datadog", {"fields__severity": "SEV-3"}, "severity"),
        ("datadog", {"fields__severity": "UNKNOWN"}, "severity"),
        ("prodmanager", {"severity": "moderate"}, "severity"),
        ("devrev", {"severity": None}, "severity"),
        ("datadog", {"fields__state": "active"}, "status"),
        ("devrev", {"stage": "resolved"}, "status"),
        ("prodmanager", {"start_impact_date": "2026-02-03T09:13"}, "started_at"),
        ("datadog", {"customer_impact_start": None}, "started_at"),
        ("datadog", {"customer_impact_start": "2026-02-03T09:12:42+00:00"}, "started_at"),
        ("devrev", {"mitigated_date": "2026-02-03T09:41:00Z"}, "mitigated_at"),
        ("prodmanager", {"stable_date": None}, "mitigated_at"),
        ("datadog", {"commander": ("ana@example.com",)}, "owners"),
        ("devrev", {"applies_to_parts": ("Checkout", "Search")}, "components"),
    ],
)
def test_a_field_that_differs_is_named(system: str, words: dict[str, Any], named: str) -> None:
    """One word that stands for something else is found, with the incident and all that is said."""
    (found,) = Held().say(system, **words).compared()
    assert found.startswith(f"devrev INC-1: {named} differs: ")


@pytest.mark.parametrize(
    ("system", "words"),
    [
        ("datadog", {"fields__state": "stable", "resolved": "2026-02-03T10:00:00+00:00"}),
        ("prodmanager", {"service": ("Search",)}),
        ("devrev", {"stage": "in_review"}),
        ("devrev", {"actual_close_date": "2026-02-03T10:00:00Z"}),
    ],
)
def test_what_cannot_be_written_does_not_count(system: str, words: dict[str, Any]) -> None:
    """Fields that a system only tells, and words that have no meaning, are nobody's difference."""
    assert Held().say(system, **words).compared() == []


def test_a_state_that_cannot_hold_a_field_does_not_count() -> None:
    """ProdManager holds no date of mitigation while an incident is active."""
    held = Held().say("devrev", stage="triage").say("datadog", fields__state="active")
    assert held.say("prodmanager", status="active", stable_date=None).compared() == []


def test_a_default_stands_only_where_nothing_is_said() -> None:
    """A record that cannot be made without a severity has one, and nobody else has."""
    held = Held().say("devrev", severity=None).say("datadog", fields__severity="UNKNOWN")
    assert held.compared() == []
    assert Held().say("datadog", fields__severity="UNKNOWN").compared() != []


def test_several_words_for_one_meaning_agree() -> None:
    """DevRev has one word for low and minor, Datadog one for active and investigating."""
    held = Held().say("devrev", severity="sev-3", stage="fixing", mitigated_date=None)
    held.say("datadog", fields__severity="SEV-5", fields__state="active", customer_impact_end=None)
    held.say("prodmanager", severity="minor", status="investigating", stable_date=None)
    assert held.compared() == []
    assert "status" in held.say("prodmanager", status="stable").compared()[0]


def test_a_record_that_is_missing_is_named() -> None:
    """A system that should have a record and has none is named with the incident."""
    held = Held()
    held.records["datadog"].clear()
    assert held.compared() == ["devrev INC-1: datadog has no record of it"]


def test_a_system_that_is_not_given_an_incident_lacks_nothing() -> None:
    """The rules of creation say who has to have it: by origin, and by value."""
    text = CONFIG.replace(
        "datadog: {from: [devrev,", "datadog: {when: {severity: [low]}, from: [devrev,"
    )
    held = Held()
    held.records["datadog"].clear()
    assert held.compared(text) == []
    held.say("devrev", severity="sev-3").say("prodmanager", severity="low")
    assert held.compared(text) == ["devrev INC-1: datadog has no record of it"]
    elsewhere = CONFIG.replace(
        "datadog: {from: [devrev, prodmanager]}", "datadog: {from: [prodmanager]}"
    )
    assert held.compared(elsewhere) == []


def test_a_second_record_of_one_incident_is_named() -> None:
    """Two records in one system that carry marks of one incident are one too many."""
    held = Held()
    held.records["datadog"].append(replace(held.records["datadog"][0], id="IR-8", display="IR-8"))
    assert held.compared() == ["devrev INC-1: datadog has two records of it, IR-7 and IR-8"]


def test_a_copy_without_a_mark_is_an_incident_of_its_own() -> None:
    """What joins nothing is missing everywhere else."""
    held = Held()
    held.records["datadog"] = [record("IR-7", STORY["datadog"])]
    assert held.compared() == [
        "devrev INC-1: datadog has no record of it",
        "datadog IR-7: devrev has no record of it",
        "datadog IR-7: prodmanager has no record of it",
    ]


def test_a_mark_that_leads_nowhere_is_named() -> None:
    """A record whose origin is gone is said to lead nowhere."""
    held = Held()
    held.records["devrev"].clear()
    found = held.compared()
    assert len(found) == 2
    assert all("no record is the one that its mark names" in each for each in found)


def test_marks_of_one_incident_carry_one_uid() -> None:
    """Two uids for one incident are a difference, and so is one uid for two."""
    held = Held()
    stranger = Mark("devrev", "INC-1", "uid2")
    held.records["datadog"] = [replace(held.records["datadog"][0], mark=stranger)]
    assert held.compared() == ["devrev INC-1: its records carry the uids uid1, uid2"]


def test_a_mark_may_name_the_origin_by_its_address() -> None:
    """DevRev keeps the address of the origin and not its name."""
    held = Held()
    mark = Mark("devrev", "", "uid1", "http://x/INC-1")
    held.records["datadog"] = [replace(held.records["datadog"][0], mark=mark)]
    assert held.compared() == []

"""The unit that a configuration describes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from instep.config import load, loads, unit_of, unwritable
from instep.core.fields import Decide, Kind, Policy
from instep.core.model import Word
from instep.core.rules import Direction
from instep.core.spelling import Precision, Spelling
from instep.core.unit import Limits, Unit
from tests.config.broken import ENVIRON, SYSTEMS

EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"


def built(text: str = "", systems: str = SYSTEMS) -> Unit:
    """Load a text and build its unit."""
    return unit_of(loads(text + systems, "instep.yaml", ENVIRON))


def test_the_example_is_right() -> None:
    """The example at the top loads as it stands, without a warning, and makes a unit."""
    config = load(EXAMPLE, ENVIRON)
    unit = unit_of(config)
    assert config.warnings == ()
    assert len(EXAMPLE.read_text().splitlines()) <= 60
    assert unit.limits == Limits(creates=25, updates=50, closes=10, share=0.3)
    assert unit.members["datadog"].creation is not None
    assert str(unit.members["datadog"].creation.when) == "severity is critical or high"
    assert unit.members["status"].creation is not None
    assert unit.members["status"].creation.words == {"scope": "eu-west", "service": "Checkout"}
    assert unit.fields["severity"].policy == Policy(Decide.HIGHEST)
    assert unit.fields["title"].policy == Policy(Decide.PREFER, ("datadog",))
    assert unit.members["devrev"].rules["region"].words == {"eu": ("eu",), "us": ("us",)}
    assert unwritable(unit) == ()


def test_what_the_example_comments_out_is_right_too() -> None:
    """Taking the comment signs away leaves a file that loads."""
    head, _, tail = EXAMPLE.read_text().partition("# owners: off")
    lines = ("# owners: off" + tail).splitlines()
    fields = [line.replace("# ", "  ", 1) for line in lines[: lines.index("")]]
    rest = [re.sub(r"^# (\w+:)", r"\1", line) for line in lines[lines.index("") :]]
    text = head + "\n".join([*fields, *rest])
    unit = unit_of(loads(text, "x", ENVIRON | {"HEARTBEAT_URL": "https://beat"}))
    assert loads(text, "x", ENVIRON).strict
    assert "owners" not in unit.fields
    assert "components" not in unit.members["datadog"].rules
    assert unit.members["devrev"].rules["status"].reads("triage") == ("active", "investigating")


def test_the_fields_of_the_preset_keep_their_order() -> None:
    """Fields are shown in the preset's order, then the file's own."""
    unit = built("fields: {zone: {type: line, devrev: {path: custom_fields.z}}}\n")
    assert list(unit.fields) == [
        "title",
        "description",
        "severity",
        "status",
        "started_at",
        "acknowledged_at",
        "mitigated_at",
        "resolved_at",
        "owners",
        "components",
        "zone",
    ]
    assert list(unit.members["devrev"].rules) == list(unit.fields)
    assert unit.name == "default"
    assert unit.closes == {"status": {"resolved"}}


def test_the_preset_says_how_each_service_keeps_its_values() -> None:
    """Directions, precision, zones and shapes are those of the three services."""
    members = built(systems=SYSTEMS.replace("status.example.com", "x.org")).members
    devrev, datadog, status = (members[n].rules for n in ("devrev", "datadog", "status"))
    assert devrev["resolved_at"].direction is Direction.IN
    assert datadog["resolved_at"].direction is Direction.BOTH
    assert status["resolved_at"].direction is Direction.BOTH
    assert devrev["started_at"].spelling.precision is Precision.MILLISECOND
    assert datadog["started_at"].spelling.precision is Precision.MICROSECOND
    assert status["started_at"].spelling == Spelling(precision=Precision.MINUTE, zone="UTC")
    assert status["started_at"].default == "opened"
    assert status["severity"].default == "moderate"
    assert status["title"].spelling == Spelling(tidy=True, min_length=4)
    assert datadog["owners"].spelling.single
    assert "owners" not in status
    assert "acknowledged_at" not in datadog
    assert (status["components"].direction, status["components"].path) == ("in", "service")


def test_instants_of_a_prodmanager_have_its_zone() -> None:
    """The zone is the system's, also for fields of the file's own."""
    unit = built(
        "fields: {acknowledged_at: off, seen: {type: instant, devrev: {path: custom_fields.seen}, "
        "status: {path: investigation_date}}}\n",
        SYSTEMS.replace("https://status.example.com", "https://x, timezone: Europe/Paris"),
    )
    rules = unit.members["status"].rules
    assert {rules[n].spelling.zone for n in ("seen", "started_at")} == {"Europe/Paris"}
    assert rules["seen"].spelling.precision is Precision.MINUTE
    assert unit.members["devrev"].rules["seen"].spelling == Spelling(
        precision=Precision.MILLISECOND
    )


def test_a_rule_of_the_file_lies_over_the_presets_key_by_key() -> None:
    """What the file does not say stays as the preset has it; words are replaced as a whole."""
    rules = built("fields: {title: {devrev: {path: custom_fields.t}}}\n").members["devrev"].rules
    assert rules["title"].path == "custom_fields.t"
    assert rules["title"].spelling.max_length == 256
    text = "fields: {severity: {devrev: {words: {P1: critical, P2: [high, low]}}}}\n"
    unit = built(text)
    assert unit.members["devrev"].rules["severity"].words == {
        "P1": ("critical",),
        "P2": ("high", "low"),
    }
    assert unwritable(unit) == (
        ("devrev", "severity", "moderate"),
        ("devrev", "severity", "minor"),
    )


@pytest.mark.parametrize("off", ["off", "false"])
def test_fields_and_rules_can_be_taken_out(off: str) -> None:
    """``off`` and ``false`` take out a whole field, or the rule of one system."""
    unit = built(f"fields: {{owners: {off}, title: {{datadog: {off}}}}}\n")
    assert "owners" not in unit.fields
    assert "title" not in unit.members["datadog"].rules
    assert "title" in unit.members["devrev"].rules


def test_a_field_of_another_type_has_nothing_of_the_preset() -> None:
    """A preset's field that is given another type is a field of the file's own."""
    unit = built("fields: {components: {type: line, devrev: {path: custom_fields.x}}}\n")
    assert unit.fields["components"].kind is Kind.LINE
    assert unit.fields["components"].policy == Policy()
    assert [n for n, m in unit.members.items() if "components" in m.rules] == ["devrev"]


def test_two_systems_of_one_type_have_rules_of_their_own() -> None:
    """The preset goes by type, the file by name."""
    text = (
        "fields: {title: {eu: {path: custom_fields.name}}}\n"
        "systems:\n  eu: {type: devrev, token: '${DEVREV_TOKEN}'}\n"
        "  us: {type: devrev, token: '${DD_API_KEY}', writable: false}\n"
    )
    unit = built(text, "")
    assert [m.rules["title"].path for m in unit.members.values()] == ["custom_fields.name", "title"]
    assert [m.writable for m in unit.members.values()] == [True, False]


def test_creates_come_from_all_others_unless_the_file_says() -> None:
    """A system without an entry is given nothing."""
    members = built("create: {devrev: {}}\n").members
    assert members["devrev"].creation is not None
    assert members["devrev"].creation.origins == {"datadog", "status"}
    assert members["datadog"].creation is None


def test_conditions_are_common_values() -> None:
    """What a condition asks for is made plain like any value of the field."""
    text = (
        "create: {devrev: {when: {score: 3, public: yes, started_at: '2026-01-01'}}}\n"
        "fields:\n  score: {type: number, datadog: {path: fields.a}}\n"
        "  public: {type: flag, datadog: {path: fields.b}}\n"
    )
    creation = built(text).members["devrev"].creation
    assert creation is not None
    said: dict[str, Word] = {"score": 3, "public": True, "started_at": "2026-01-01T00:00:00Z"}
    assert creation.when.holds(said)
    assert not any(creation.when.holds({**said, name: None}) for name in said)


def test_a_choice_without_order_knows_the_words_of_its_tables() -> None:
    """What one system can say and another cannot write is named."""
    unit = built(
        "fields: {region: {type: choice, devrev: {path: custom_fields.r, words: {eu: eu, us: us}}, "
        "datadog: {path: fields.r, words: {EU: eu, AP: ap}}}}\n"
    )
    assert unwritable(unit) == (("devrev", "region", "ap"), ("datadog", "region", "us"))


def test_people_are_compared_without_case() -> None:
    """The words of people are e-mails, which have no case."""
    unit = built("fields: {owners: {devrev: {words: {Ann@X.org: Ann@Y.org}}}}\n")
    assert unit.members["devrev"].rules["owners"].words == {"ann@x.org": ("ann@y.org",)}


def test_rules_that_change_change_the_fingerprint() -> None:
    """Records heard under other rules are read anew; the same file gives the same rules."""
    plain, other = built(), built("fields: {title: {devrev: {max_length: 99}}}\n")
    assert plain.members["devrev"].fingerprint == built().members["devrev"].fingerprint
    assert plain.members["devrev"].fingerprint != other.members["devrev"].fingerprint
    assert plain.members["datadog"].fingerprint == other.members["datadog"].fingerprint


def words(unit: Unit, system: str, field: str) -> tuple[Word, ...]:
    """Name the own words of a rule."""
    return tuple(unit.members[system].rules[field].words or ())


def test_an_ordered_choice_without_words_takes_only_its_values() -> None:
    """An own word outside the order can be neither compared nor written: it is mute."""
    unit = built()
    rule = unit.members["status"].rules["severity"]
    assert words(unit, "status", "severity") == unit.fields["severity"].order
    assert rule.mute("apocalyptic")
    assert all(rule.reads(value) == (value,) for value in unit.fields["severity"].order)


def test_an_empty_list_is_an_answer() -> None:
    """``closes: []`` takes away what the preset says; what is not said stays."""
    unit = built("fields: {status: {closes: []}}\n")
    assert "status" not in unit.closes
    assert built().closes["status"] == {"resolved"}

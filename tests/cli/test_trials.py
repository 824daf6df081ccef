"""Tests of a mapping: run without any system, compared path by path, shown with their place."""

from __future__ import annotations

import asyncio
import json

import pytest

from instep.app import rehearsed
from instep.cli.trials import Tried, facts, lines, proven, run
from instep.config import Config, loads
from instep.config.trial_file import load_tests
from instep.config.trials import NOT_SENT, Difference, Outcome
from instep.errors import ConfigError

ENVIRON = {"TOKEN": "t0ken-of-the-tests", "STAGE": "mitigated"}
SYSTEMS = """\
systems:
  devrev: {type: devrev, token: "${TOKEN}"}
  datadog: {type: datadog, site: datadoghq.eu, api_key: "${TOKEN}", app_key: "${TOKEN}"}
  status: {type: prodmanager, url: https://status.example.com, token: "${TOKEN}",
           timezone: Europe/Paris}
create:
  devrev: {from: [datadog]}
  status:
    from: [datadog]
    when: {severity: {at_least: high}}
    set: {scope: eu-west, service: Checkout}
"""
NOT_HIGH = "only if severity is critical or high (create.when)"
#: What is given in most of the tests.
SLOW = "{datadog: {title: Checkout slow, fields.severity: SEV-2, fields.services: [db, api]}}"


def config(tests: str = "", more: str = "") -> Config:
    """Load a configuration with tests."""
    text = SYSTEMS + more + (f"tests:\n{tests}" if tests else "")
    return loads(text, "instep.yaml", ENVIRON)


def outcome(sent: str, given: str = SLOW, edited: str = "{}", more: str = "") -> Outcome:
    """Run one test."""
    (found,) = asyncio.run(
        rehearsed(config(f"- {{given: {given}, edited: {edited}, sent: {sent}}}", more))
    )
    return found


@pytest.mark.parametrize(
    "sent",
    [
        "{devrev: {severity: sev-1, title: Checkout slow, body: ~}}",
        # What a create cannot carry counts with it, and what every new record is given.
        "{status: {name: Checkout slow, scope: eu-west, severity: high}}",
        # Sets have no order, and one name needs no brackets.
        "{devrev: {applies_to_parts: [api, db]}}",
        # The time at which a made-up record was made, in the service's own digits or with a zone.
        '{status: {start_impact_date: "2026-01-01T01:00"}}',
        '{status: {start_impact_date: "2026-01-01T01:00:00"}}',
        '{status: {start_impact_date: "2026-01-01T00:00:00Z"}}',
        "{devrev: {}, status: {}}",
    ],
)
def test_what_is_sent_as_expected_passes(sent: str) -> None:
    """Paths that are named are looked at, as their rules spell words; the others are not."""
    assert outcome(sent) == Outcome("test 1")


@pytest.mark.parametrize(
    ("sent", "difference"),
    [
        (
            "{devrev: {severity: sev-0}}",
            Difference("devrev", "severity", "sev-0", "sev-1", "words: high is sev-1"),
        ),
        (
            "{devrev: {title: ~}}",
            Difference("devrev", "title", NOT_SENT, "Checkout slow", "as it is"),
        ),
        ("{devrev: {body: x}}", Difference("devrev", "body", "x", NOT_SENT, "nothing is agreed")),
        (
            "{devrev: {body: ''}}",
            Difference("devrev", "body", None, NOT_SENT, "nothing is agreed"),
        ),
        (
            "{devrev: {actual_close_date: x}}",
            Difference("devrev", "actual_close_date", "x", NOT_SENT, "the rule reads only"),
        ),
        (
            "{devrev: {custom_fields.tnt__region: eu}}",
            Difference(
                "devrev",
                "custom_fields.tnt__region",
                "eu",
                NOT_SENT,
                "no rule of devrev is about it",
            ),
        ),
        (
            "{status: {scope: us}}",
            Difference("status", "scope", "us", "eu-west", "create.set"),
        ),
    ],
)
def test_what_is_not_is_a_difference_with_its_reason(sent: str, difference: Difference) -> None:
    """Another word, one too many, or none: and what of the mapping led there."""
    assert outcome(sent).differences == (difference,)


def test_a_system_may_be_sent_nothing() -> None:
    """``~`` for a system: each word that it is sent is a difference, and none is a pass."""
    low = "{datadog: {title: Checkout slow, fields.severity: SEV-4}}"
    assert outcome("{status: ~}", low).passed
    found = outcome("{status: ~}")
    assert {(one.expected, one.path) for one in found.differences} == {
        (NOT_SENT, path) for path in ("name", "severity", "start_impact_date", "scope", "service")
    }
    assert outcome("{status: {}}", low).differences == (
        Difference("status", "", "anything", NOT_SENT, NOT_HIGH),
    )
    assert outcome("{status: {name: x}}", low).differences == (
        Difference("status", "name", "x", NOT_SENT, NOT_HIGH),
    )


def test_what_is_held_is_not_sent() -> None:
    """A create that lacks what its service requires says so."""
    nameless = "{datadog: {fields.severity: SEV-1}}"
    assert outcome("{status: ~}", nameless).passed
    (found,) = outcome("{status: {severity: critical}}", nameless).differences
    assert found.why == "status requires name, and nothing says it"


def test_an_edit_sends_what_it_changes() -> None:
    """After everything was agreed, only the edit is looked at; what stays is not sent."""
    edited = "{fields.summary: since noon, fields.services: ~}"
    assert outcome(
        "{devrev: {body: since noon, applies_to_parts: '', title: ~, severity: ~}}", edited=edited
    ).passed
    found = outcome("{devrev: {title: Checkout slow, owned_by: a@b.io}}", edited=edited)
    assert [one.why for one in found.differences] == [
        "its record says so already",
        "its record says so already",
    ]
    (reads,) = outcome(
        "{devrev: {actual_close_date: x}}", edited=edited, given=RESOLVED
    ).differences
    assert reads.why == "the rule reads only"


RESOLVED = '{datadog: {title: Slow, fields.state: resolved, resolved: "2026-02-03T10:00:00Z"}}'


def test_a_block_of_text_may_end_its_last_line() -> None:
    """The line end that a block of YAML has behind it is no difference."""
    given = "{datadog: {title: Slow, fields.summary: 'one\n\n    two'}}"
    assert outcome('{devrev: {body: "one\\ntwo\\n"}}', given).passed


def test_a_list_that_no_rule_reads_is_a_set_too() -> None:
    """Words of create.set are compared as they stand; lists without their order."""
    more = "fields: {components: {devrev: off}}\n"
    text = SYSTEMS.replace("{from: [datadog]}", "{from: [datadog], set: {tags: [b, a]}}")
    test = f"tests: [{{given: {SLOW}, sent: {{devrev: {{tags: [a, b]}}}}}}]\n"
    (found,) = asyncio.run(rehearsed(loads(text + more + test, "instep.yaml", ENVIRON)))
    assert found == Outcome("test 1")


def test_words_that_no_rule_reads_are_named() -> None:
    """A path that is given and mapped nowhere is told, though the test passes: it may be a typo."""
    given = "{datadog: {title: Slow, fields.region: eu, fields.severity: SEV-2}}"
    found = outcome("{devrev: {title: x}}", given, "{fields.severity: SEV-1}")
    assert found.unread == ("fields.region",)
    passed = outcome("{devrev: {severity: ~}}", "{datadog: {title: Slow, fields.sevrity: SEV-2}}")
    told = list(lines([Tried(found, "x:1:1"), Tried(passed, "x:5:1")]))
    assert told[0] == "1 test of the mapping passed, 1 failed"
    assert told[-2:] == [
        "note: test 1 (x:1:1) gives what no rule reads: fields.region",
        "note: test 1 (x:5:1) gives what no rule reads: fields.sevrity",
    ]


TWO = """\
- name: a SEV-2 is told to the public
  given: {datadog: {title: Checkout slow, fields.severity: SEV-2}}
  sent: {status: {severity: high}}
- given: {datadog: {title: Checkout slow, fields.summary: x}}
  sent:
    devrev: {title: Slow, body: ''}
    status: {}
"""


def test_failures_are_shown_as_a_table_with_their_place() -> None:
    """A count of what passed; for each that failed its name, where it stands, and each path."""
    checked = config(TWO)
    found = asyncio.run(run(checked, "instep.yaml"))
    assert list(lines(found)) == [
        "1 test of the mapping passed, 1 failed",
        "",
        "failed: test 2  instep.yaml:16:3",
        "  SYSTEM  PATH   EXPECTED  SENT           THROUGH",
        "  devrev  title  Slow      Checkout slow  as it is",
        '  devrev  body   ""        x              as it is',
        f"  status  -      anything  ~              {NOT_HIGH}",
    ]
    assert list(lines(found[:1])) == ["1 test of the mapping passed"]
    assert list(lines([])) == []


def test_as_data_tests_say_the_same() -> None:
    """Name, place, whether it passed, and every difference; an emptied path is ``null``."""
    checked = config(TWO)
    found = facts(asyncio.run(run(checked, "instep.yaml")))
    assert json.loads(json.dumps(found)) == found
    assert found[0] == {
        "name": "a SEV-2 is told to the public",
        "place": "instep.yaml:13:3",
        "passed": True,
        "differences": [],
        "unread": [],
    }
    assert found[1]["differences"][1] == {
        "system": "devrev",
        "path": "body",
        "expected": None,
        "sent": "x",
        "through": "as it is",
    }


@pytest.mark.parametrize("text", [TWO, f"tests:\n{TWO}"])
def test_tests_can_stand_in_a_file_of_their_own(text: str) -> None:
    """A list, or a mapping with ``tests``: they take the place of those of the configuration."""
    found = load_tests(text, "more.yaml", config("- " + TWO.partition("- ")[2]), ENVIRON)
    assert [trial.name for trial in found.tests] == ["a SEV-2 is told to the public", ""]
    tried = asyncio.run(run(found, "more.yaml"))
    first = text.count("\n", 0, text.index("- name")) + 1
    assert [(one.outcome.passed, one.place) for one in tried] == [
        (True, f"more.yaml:{first}:3"),
        (False, f"more.yaml:{first + 3}:3"),
    ]


def test_a_file_of_tests_may_name_variables() -> None:
    """References are resolved there as in the configuration."""
    text = f'- {{given: {SLOW}, sent: {{devrev: {{stage: "${{STAGE}}"}}}}}}'
    (trial,) = load_tests(text, "more.yaml", config(), ENVIRON).tests
    assert trial.sent == {"devrev": {"stage": "mitigated"}}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ("E105", 1, 1)),
        ("one", ("E105", 1, 1)),
        ("- {given: [", ("E103", 1, 12)),
        ("- {given: {datadog: {}}, sent: {devrev: {}}, sent: {}}", ("E104", 1, 46)),
        ("{}", ("E106", 1, 1)),
        ("tests: []\ntest: 1", ("E102", 2, 1)),
        ("- {given: {datadog: {}}}", ("E106", 1, 3)),
        ("- {given: {datadog: {}}, sent: {devrev: {}}, send: 1}", ("E102", 1, 46)),
        ("- {given: {dog: {}}, sent: {devrev: {}}}", ("E115", 1, 12)),
        ("- {given: {datadog: {titel: x}}, sent: {devrev: {}}}", ("E123", 1, 22)),
        ('- {given: {datadog: {title: "${NONE}"}}, sent: {devrev: {}}}', ("E131", 1, 29)),
    ],
)
def test_what_is_wrong_with_a_file_of_tests_has_its_place(
    text: str, told: tuple[str, int, int]
) -> None:
    """The codes of a configuration, at the lines and columns of this file."""
    with pytest.raises(ConfigError) as caught:
        load_tests(text, "more.yaml", config(), ENVIRON)
    (problem,) = caught.value.problems
    assert (problem.code, problem.line, problem.column) == told, problem
    assert (caught.value.source, caught.value.text) == ("more.yaml", text)


def test_a_daemon_is_not_begun_with_a_test_that_fails() -> None:
    """What ``check`` answers 2 for is refused at the start and at a reload, with its place."""
    checked = config(TWO)
    with pytest.raises(ConfigError) as caught:
        proven(checked, "instep.yaml")
    problem = caught.value.problems[0]
    assert (problem.code, problem.line) == ("E125", checked.place("tests", 1)[0])
    assert "fails: " in problem.message
    assert "is sent" in problem.message
    assert proven(config(), "x").tests == ()

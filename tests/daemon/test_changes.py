"""What differs between two configurations, as the log names it."""

from __future__ import annotations

import pytest

from instep.config import Config, loads
from instep.daemon.changes import LONGEST, changes

PLAIN = """\
every: 60s
systems:
  devrev: {type: devrev, token: the-old-token}
  datadog: {type: datadog, site: datadoghq.eu, api_key: a-key, app_key: "${KEY}"}
  status: {type: prodmanager, url: "http://127.0.0.1:1", token: another, timezone: UTC}
create:
  status: {from: [devrev], when: {severity: critical}, set: {scope: eu-west, service: Checkout}}
fields:
  severity: {on_conflict: newest, datadog: {words: {SEV-1: critical, SEV-0: critical}}}
  title: {status: {max_length: 80}}
"""
SEVERITY = "fields.severity"


def read(text: str = PLAIN, key: str = "first-key") -> Config:
    """Read a configuration."""
    return loads(text, "instep.yaml", {"KEY": key})


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ("every: 60s", "every: 5m", "every: 60 -> 300"),
        ("every: 60s\n", "", ""),
        ("every: 60s", "every: 60s\nstop_within: 30s", ""),
        ("UTC", "UTC, rate: 50%", "systems.status.rate: 1 -> 0.5"),
        ("UTC", "UTC, writable: no", "systems.status.writable: true -> false"),
        ("UTC", "UTC, limits: {creates: 3}", "systems.status.limits.creates: added"),
        ("from: [devrev]", "from: [datadog]", "create.status.from: devrev -> datadog"),
        ("severity: critical}", "severity: [critical, high]}", "create.status.when"),
        ("scope: eu-west", "scope: us-east", "create.status.set.scope: eu-west -> us-east"),
        ("newest", "highest", f"{SEVERITY}.on_conflict: newest -> highest"),
        ("newest", "{prefer: [status]}", f"{SEVERITY}.on_conflict: newest -> prefer, status"),
        ("SEV-1: critical,", "SEV-1: high,", f"{SEVERITY}.datadog.words.SEV-1: critical -> high"),
        (", SEV-0: critical", "", f"{SEVERITY}.datadog.words.SEV-0: removed"),
        ("max_length: 80", "max_length: 70", "fields.title.status.max_length: 80 -> 70"),
        ("{status: {max_length: 80}}", "off", "fields.title"),
        ("{max_length: 80}", "off", "fields.title.status"),
    ],
)
def test_a_change_is_named_by_its_key(before: str, after: str, named: str) -> None:
    """The key stands as in the file, with both values if they are short; a default is no news."""
    assert before in PLAIN
    after_all = PLAIN.replace(before, after)
    assert changes(read(), read(after_all)) == ([named] if named else [])


def test_what_is_as_the_preset_has_it_is_not_what_says_the_same_as_no_rule() -> None:
    """A rule's own key stands over the preset's, so saying it is a change, whatever it says."""
    said = PLAIN.replace("max_length: 80", "max_length: 80, min_length: 0")
    assert changes(read(), read(said)) == ["fields.title.status.min_length: added"]
    assert changes(read(said), read()) == ["fields.title.status.min_length: removed"]


def test_what_is_new_or_gone_is_named_once() -> None:
    """A system, with all that goes with it, is one line; so is one that takes another place."""
    lines = PLAIN.splitlines(keepends=True)
    fewer = "".join(line for line in lines if "datadog: {type" not in line)
    fewer = fewer.replace(", datadog: {words: {SEV-1: critical, SEV-0: critical}}", "")
    gone = ["fields.severity.datadog: removed", "systems.datadog: removed"]
    assert changes(read(), read(fewer)) == gone
    assert changes(read(fewer), read()) == [each.replace("removed", "added") for each in gone]
    other = "".join([*lines[:2], lines[3], lines[2], *lines[4:]])
    assert changes(read(), read(other)) == ["systems: in another order"]


def test_the_order_of_words_is_a_change() -> None:
    """Of two own words for one common word the first is written: turned round they mean another."""
    words = "SEV-1: critical, SEV-0: critical"
    turned = PLAIN.replace(words, "SEV-0: critical, SEV-1: critical")
    assert changes(read(), read(turned)) == ["fields.severity.datadog.words: in another order"]


def test_no_secret_is_shown() -> None:
    """Of a secret, and of a ledger's address, only the key is named; one behind a variable too."""
    ledger = "ledger: postgresql://u:p4ss@host/db\n"
    after = PLAIN.replace("the-old-token", "the-new-token") + ledger
    assert changes(read(), read(after, key="second-key")) == [
        "ledger",
        "systems.datadog.app_key",
        "systems.devrev.token",
    ]


def test_what_is_long_is_only_named() -> None:
    """A line of the log stays a line: of long values the key is enough."""
    after = PLAIN.replace("eu-west", "e" * (LONGEST + 1))
    assert changes(read(), read(after)) == ["create.status.set.scope"]


def test_the_type_of_a_word_counts() -> None:
    """A flag is not the number that Python takes it for."""
    one, other = (PLAIN.replace("scope: eu-west", f"scope: {word}") for word in ("1", "true"))
    assert changes(read(one), read(other)) == ["create.status.set.scope: 1 -> true"]


def test_changes_are_sorted() -> None:
    """They stand in the order of their keys."""
    after = PLAIN.replace("60s", "5m").replace("max_length: 80", "max_length: 70, min_length: 2")
    assert changes(read(), read(after)) == [
        "every: 60 -> 300",
        "fields.title.status.max_length: 80 -> 70",
        "fields.title.status.min_length: added",
    ]

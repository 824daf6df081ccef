"""The page of the mapping: every example is right, and every table beside one says what happens."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from instep.app import able, connect
from instep.config import Config, loads, losses_of, unit_of
from instep.config.mapping import Create, FieldSpec, RuleSpec, Trial, Wanted, When
from instep.config.positions import read
from instep.config.presets import preset
from instep.config.trial_file import load_tests
from instep.config.trials import tried
from instep.core.fields import Decide, Kind, Policy, normal
from instep.core.merge import merge_field
from instep.core.model import Base, Incident, Side, Word
from instep.core.rehearse import rehearse
from instep.core.rules import Direction
from instep.core.spelling import Precision, Shorten
from instep.core.unit import Unit
from instep.errors import ConfigError
from tests.core.make import reference

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/reference/mapping.md").read_text(encoding="utf-8")
ENVIRON = {
    "DEVREV_TOKEN": "t-devrev",
    "DD_API_KEY": "t-api",
    "DD_APP_KEY": "t-app",
    "PRODMANAGER_TOKEN": "t-status",
}
EXAMPLE = re.compile(
    r"^<!-- in: (?P<place>[\w.]+)(?:; (?P<fate>fails|warns): (?P<code>[EW]\d+))? -->\n"
    r"```yaml\n(?P<text>.*?)```$",
    re.DOTALL | re.MULTILINE,
)
KEYS = ("place", "fate", "code", "text")
TABLE = re.compile(r"^\|.*\n\|---.*\n(?:\|.*\n)+", re.MULTILINE)
#: What stands in place of a meaning where no rule reads what is said.
UNHEARD = "not heard"
#: How a record is titled of which a table does not say it.
TITLES = {"devrev": "title", "datadog": "title", "status": "name"}


@dataclass(frozen=True)
class Example:
    """An example, where in a configuration it stands, and the rows of the tables beside it.

    ``code`` is what it fails with, or is warned of with; empty if it is right.
    """

    line: int
    place: str
    fate: str
    code: str
    text: str
    rows: list[Row] = field(default_factory=list)

    def __str__(self) -> str:
        """Name it in the list of tests."""
        return f"line {self.line}, {self.place}"


Row = dict[str, str]


def rows(text: str) -> list[Row]:
    """Take a table apart: each row by the heads of its columns."""
    lines = ([cell.strip() for cell in line.split("|")[1:-1]] for line in text.strip().split("\n"))
    head, _, *rows = lines
    return [dict(zip(head, row, strict=True)) for row in rows]


def tables(head: str) -> list[list[Row]]:
    """Take the tables of a section apart."""
    section = re.split(rf"^##+ {head}\n", PAGE, flags=re.MULTILINE)[1].partition("\n#")[0]
    return [rows(text) for text in TABLE.findall(section)]


@cache
def examples() -> tuple[Example, ...]:
    """List the examples of the page in their order, each with the tables of words behind it."""
    found: list[Example] = []
    parts = [*EXAMPLE.finditer(PAGE), *TABLE.finditer(PAGE)]
    for part in sorted(parts, key=lambda part: part.start()):
        if part.re is EXAMPLE:
            place, fate, code, text = (part[key] or "" for key in KEYS)
            line = PAGE.count("\n", 0, part.start()) + 1
            found.append(Example(line, place, fate, code, text))
        elif re.match(r"\| \w+ says ", part[0]):
            found[-1].rows.extend(rows(part[0]))
    return tuple(found)


def tree(text: str) -> Any:
    """Read YAML as instep does."""
    document = read(text)
    assert document.findings == [], text
    return document.tree


def words(cell: str) -> Any:
    """Read the words of a cell, by path; ``None`` stands for nothing at all."""
    return None if cell == "nothing" else tree("{" + cell.strip("`") + "}")


def word(cell: str) -> Any:
    """Read the one word of a cell."""
    return tree("x: " + cell.strip("`"))["x"]


def base() -> Any:
    """Give the configuration that the examples are laid over."""
    return tree(examples()[0].text)


def completed(example: Example) -> Any:
    """Lay an example over the configuration, where it belongs."""
    whole = base()
    if example.place in ("whole", "tests"):
        return whole
    inside = whole
    for key in () if example.place == "file" else example.place.split("."):
        inside = inside.setdefault(key, {})
    inside.update(deepcopy(tree(example.text)))
    return whole


def trial(row: Row) -> dict[str, Any]:
    """Make a test of the mapping of a row."""
    given, then, sent = {}, {}, {}
    for head, cell in row.items():
        system, _, does = head.partition(" ")
        if does == "says":
            said = words(cell)
            given = {system: {TITLES[system]: "Checkout slow"} | said}
        elif does == "then says":
            then = words(cell)
        elif does == "is sent":
            sent[system] = words(cell)
    return {"name": json.dumps(row), "given": given, "edited": then, "sent": sent}


def loaded(example: Example) -> Config:
    """Load an example, with its rows as tests.

    Raises:
        ConfigError: it is wrong.
    """
    if example.place == "whole":
        # As it stands: what a user would copy.
        loads(example.text, "mapping.md", ENVIRON)
    whole = completed(example)
    whole["tests"] = [*whole.get("tests", []), *map(trial, example.rows)]
    config = loads(json.dumps(whole), "mapping.md", ENVIRON)
    if example.place == "tests":
        return load_tests(example.text, "mapping.md", config, ENVIRON)
    return config


@cache
def config_of(example_line: int) -> Config:
    """Load an example that is right, once."""
    return loaded(next(one for one in examples() if one.line == example_line))


async def _unit(config: Config) -> Unit:
    """Make the unit of a configuration, with what its systems can do."""
    systems = connect(config, {})
    for system in systems.values():
        await system.close()
    return able(unit_of(config), systems)


def unit(config: Config) -> Unit:
    """Make the unit of a configuration; no system is asked anything."""
    return asyncio.run(_unit(config))


RIGHT = [example for example in examples() if example.fate != "fails"]
MEMBERS = unit_of(loads(examples()[0].text, "mapping.md", ENVIRON)).members
WRONG = [example for example in examples() if example.fate == "fails"]


def test_every_example_says_where_it_stands() -> None:
    """No block of YAML and no table of what happens is left out of the tests."""
    assert len(examples()) == PAGE.count("```yaml") > 40
    assert examples()[0].place == "whole"
    sent = [text for text in TABLE.findall(PAGE) if "is sent |" in text]
    assert sum(len(example.rows) for example in RIGHT) == sum(len(rows(text)) for text in sent) > 80
    assert not any(example.rows for example in WRONG)


@pytest.mark.parametrize("example", RIGHT, ids=str)
def test_an_example_is_right_and_does_what_is_said(example: Example) -> None:
    """It loads, with just the warning that it names, and sends what the tables beside it say."""
    config = config_of(example.line)
    assert {warning.code for warning in config.warnings} == ({example.code} - {""})
    known = unit(config)
    for system, sent in ((name, said) for one in config.tests for name, said in one.sent.items()):
        # What is not sent is not just mistyped.
        paths = known.members[system].paths | MEMBERS[system].paths
        assert (sent or {}).keys() <= paths
    outcomes = tried(known, config.tests)
    assert [one for one in outcomes if not one.passed] == []
    unheard = [json.dumps(row) for row in example.rows if row.get("means") == UNHEARD]
    assert [one.name for one in outcomes if one.unread] == unheard


@pytest.mark.parametrize("example", WRONG, ids=str)
def test_an_example_of_a_mistake_is_refused(example: Example) -> None:
    """What is shown as wrong is refused, with the code that stands beside it and no other."""
    with pytest.raises(ConfigError) as caught:
        loaded(example)
    assert [problem.code for problem in caught.value.problems] == [example.code]


@pytest.mark.parametrize("example", [one for one in RIGHT if one.rows], ids=str)
def test_what_is_said_means_what_the_page_says(example: Example) -> None:
    """Columns of meanings and of kinds of writes hold for every row."""
    config = config_of(example.line)
    known = unit(config)
    for row, said in zip(example.rows, config.tests[-len(example.rows) :], strict=True):
        ((system, given),) = said.given.items()
        done = rehearse(known, system, given, edited=said.edited)
        means = row.get("means", UNHEARD)
        for name, value in words("" if means == UNHEARD else means).items():
            assert done.incident.value(name) == normal(known.fields[name].kind, value), row
        if "as" in row:
            (other,) = said.sent
            kinds = [operation.kind for operation in done.answers[other].operations]
            assert kinds == row["as"].split(), row


@pytest.mark.parametrize(
    ("path", "made"),
    [("custom_fields.tnt__footer", "critical: Slow {copied}"), ("source", "monitoring")],
)
def test_what_a_rule_makes_is_written_over_what_somebody_wrote(path: str, made: str) -> None:
    """A person's word in the place of a template or a constant is replaced, and not heard."""
    example = next(one for one in RIGHT if re.search(rf"path: {path}\b", one.text))
    known = unit(config_of(example.line))
    for given, edited in (({path: "mine"}, {}), ({}, {path: "mine"})):
        record = {"title": "Slow", "severity": "sev-0"} | given
        done = rehearse(known, "devrev", record, edited=edited)
        assert str(done.answers["devrev"].words[path]).startswith(made)
        assert "mine" not in str(done.answers["datadog"].words)


def side(known: Unit, system: str, name: str, agreed: Word, own: Word, at: str) -> Side:
    """Make a side that agreed to a value, and says something else since."""
    rule = known.members[system].rules[name]
    assert rule.put(agreed) is not None
    return Side(
        system,
        reference(system),
        says={name: rule.own(own)},
        says_at={name: at},
        shadow={name: rule.put(agreed)},
        agreed={name: agreed},
    )


@pytest.mark.parametrize("row", tables("Conflicts")[1], ids=str)
def test_a_conflict_is_decided_as_the_table_says(row: Row) -> None:
    """What stands, and what is kept of those that lost, for every row of the table."""
    ((name, said),) = words(row["agreed"]).items()
    settings = base() | {"fields": {name: {"on_conflict": word(row["on_conflict"])}}}
    known = unit_of(loads(json.dumps(settings), "mapping.md", ENVIRON))
    agreed = normal(known.fields[name].kind, said)
    ((_, first),) = words(row["devrev says"]).items()
    ((_, later),) = words(row["datadog says later"]).items()
    sides = {
        "devrev": side(known, "devrev", name, agreed, first, "2026-01-05T09:00:00.000000Z"),
        "datadog": side(known, "datadog", name, agreed, later, "2026-01-05T10:00:00.000000Z"),
    }
    base_of = {name: Base(agreed, ("devrev",), "2026-01-05T08:00:00.000000Z")}
    merged = merge_field(
        known, Incident(1, "uid", "devrev", base=base_of, sides=sides), known.fields[name]
    )
    if row["all say"] == "waits":
        assert merged.waiting
        assert merged.base is None
        return
    assert merged.base is not None
    stands = normal(known.fields[name].kind, word(row["all say"]))
    assert merged.base.value == stands
    kept = row["kept"].strip("`")
    assert [str(loser.value) for loser in merged.losers] == ([kept] if kept else [])


def policies() -> Iterator[tuple[Decide, str]]:
    """Give every policy of the table, and for which types it is."""
    for row in tables("Conflicts")[0]:
        for name in set(re.findall(r"\w+", row["policy"])) & {*Decide}:
            yield Decide(name), row["types"]


@pytest.mark.parametrize(("decide", "types"), sorted(policies()))
def test_a_policy_fits_the_types_that_are_named(decide: Decide, types: str) -> None:
    """Each policy is taken for the types of its row, and refused with E118 for all others."""
    for kind in Kind:
        said: Any = {"prefer": ["devrev"]} if decide is Decide.PREFER else str(decide)
        spec: dict[str, Any] = {"type": str(kind), "on_conflict": said}
        spec |= {"devrev": {"path": "custom_fields.tnt__x"}}
        spec |= {"values": ["a", "b"]} if kind is Kind.CHOICE else {}
        settings = json.dumps(base() | {"fields": {"x": spec}})
        if types == "all" or f"`{kind}`" in types:
            assert loads(settings, "x", ENVIRON).fields["x"] is not None
            continue
        with pytest.raises(ConfigError) as caught:
            loads(settings, "x", ENVIRON)
        assert [problem.code for problem in caught.value.problems] == ["E118"]


def used(part: object) -> Iterator[tuple[str, str]]:
    """Name every option that is said in a part of a configuration, and every fixed word."""
    if isinstance(part, BaseModel):
        for key in part.model_fields_set:
            yield type(part).__name__, key
            yield from used(getattr(part, key))
    elif isinstance(part, Policy):
        yield from used(part.decide)
    elif isinstance(part, StrEnum):
        yield type(part).__name__, part.value
    elif isinstance(part, (tuple, dict)):
        for one in part.values() if isinstance(part, dict) else part:
            yield from used(one)


def test_every_line_of_the_language_has_an_example() -> None:
    """Each option of each part, and each word that an option takes, stands in an example."""
    parts = (RuleSpec, FieldSpec, Create, When, Wanted, Trial)
    options = {(part.__name__, key) for part in parts for key in part.model_fields}
    fixed = (Kind, Decide, Direction, Precision, Shorten)
    fixed_words = {(kind.__name__, word.value) for kind in fixed for word in kind}
    said = {found for example in RIGHT for found in used(config_of(example.line))}
    assert (options | fixed_words | {("Config", "strict"), ("Config", "tests")}) - said == set()


def test_tables_name_what_there_is() -> None:
    """Types and keys of tests are told in full; options and paths are those of the language."""
    assert [row["type"] for row in tables("Types")[0]] == [f"`{kind}`" for kind in Kind]
    options = {row["option"].strip("`").partition(":")[0] for row in tables("Text")[0]}
    assert options <= RuleSpec.model_fields.keys()
    keys = [row["key"].strip("`") for row in tables("Tests of a mapping")[0]]
    assert keys == [*Trial.model_fields]
    assert {decide for decide, _ in policies()} == {*Decide}
    assert [word for word in (*Shorten, *Precision, *Direction) if f"`{word}`" not in PAGE] == []
    for row in tables("Names that are looked up")[0]:
        places = preset(row["service"].lower()).places
        assert all(places.has(path) for path in re.findall("`(.*?)`", row["path"])), row


def spelled(name: str, rule: RuleSpec) -> Row:
    """Spell the row of a rule of a preset."""
    words = (rule.words or {}).items()
    meanings = [f"`{own}` {' or '.join(means) or 'nothing said'}" for own, means in words]
    said = {
        key: getattr(rule, key) for key in RuleSpec.model_fields if key in rule.model_fields_set
    }
    options = [
        f"`{key}: {str(value).lower() if value is True else value}`"
        for key, value in said.items()
        if key not in ("path", "words", "loses")
    ]
    told = ", ".join([*meanings, *options])
    return {"field": f"`{name}`", "path": f"`{rule.path}`", "words and options": told}


@pytest.mark.parametrize("head", ["DevRev", "Datadog", "ProdManager"])
def test_the_presets_are_told_as_they_are(head: str) -> None:
    """Each table has a row for each rule of the preset, with all that it says, and no other."""
    rules = preset(head.lower()).rules
    assert tables(head) == [[spelled(name, rule) for name, rule in rules.items()]]


def test_what_does_not_come_back_is_all_told_and_accepted() -> None:
    """Each pair of the presets stands in the table, with a reason, and in ``loses``; no other."""
    known = unit_of(config_of(examples()[0].line))
    lost = {
        (system, name, loss.word, loss.becomes, loss.through)
        for system, member in known.members.items()
        for name in member.rules
        for loss in losses_of(known, system, name)
    }
    (told,) = tables("What does not come back")
    assert {tuple(cell.strip("`") for cell in list(row.values())[:5]) for row in told} == lost
    accepted = {
        (service, name, word)
        for service in ("devrev", "datadog", "prodmanager")
        for name, rule in preset(service).rules.items()
        for word in rule.loses
    }
    assert {found[:3] for found in lost} == accepted
    assert all(len(row["reason"]) > 20 for row in told)


def anchors(page: str) -> set[str]:
    """Give the anchors of a page: its heads, as links spell them."""
    heads = re.findall(r"^##+ (.*)$", page, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head).lower().replace(" ", "-") for head in heads}


def test_every_link_leads_somewhere() -> None:
    """The contents name every section; links within the page and to others have their target."""
    assert set(re.findall(r"\]\(#([\w-]+)\)", PAGE.partition("\n## ")[0])) == anchors(PAGE)
    for name, anchor in re.findall(r"\]\(([\w./-]+\.md|(?=#))#?([\w-]*)\)", PAGE):
        other = (ROOT / "docs/reference" / (name or "mapping.md")).read_text(encoding="utf-8")
        assert not anchor or anchor in anchors(other)

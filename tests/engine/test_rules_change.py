"""Rules that make words, and rules that change: nothing is lost, moved or written for ever."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from instep.config.load import loads
from instep.core.fields import Decide, Field, Kind
from instep.core.model import Word
from instep.core.rules import Direction, Rule
from instep.core.spelling import Precision, Spelling
from instep.core.template import parse
from instep.core.unit import Limits, OnGone
from instep.engine import orders
from instep.engine.cycle import listen
from instep.errors import ConfigError, UsageError
from instep.ledger import tables
from tests.engine.steps import (
    configure,
    cycle,
    group,
    held,
    incident,
    limit,
    losers,
    only,
    rows,
)
from tests.engine.world import SEVERITY, World

#: High has another word than before, and the word that it had means less.
WORDS = {"sev-0": ("critical", "high"), "sev-1": ("moderate",), "sev-3": ("low", "minor")}
MINUTE = Spelling(precision=Precision.MINUTE, zone="Asia/Tokyo")


def change(world: World, system: str, name: str, **options: Any) -> None:
    """Change a rule, and start the program anew."""
    rules = world.unit.members[system].rules
    configure(world, system, rules={**rules, name: replace(rules[name], **options)})


def add(world: World, system: str, rule: Rule) -> None:
    """Add a rule, and start the program anew."""
    world.unit = replace(world.unit, fields={**world.unit.fields, rule.field.name: rule.field})
    configure(world, system, rules={**world.unit.members[system].rules, rule.field.name: rule})
    memory = world.memories[system]
    memory.paths = sorted({*memory.paths, rule.path})


def rest(world: World, cycles: int = 4) -> list[int]:
    """Run cycles; answers what each wrote."""
    return [cycle(world, 400).writes for _ in range(cycles)]


def said(world: World, path: str) -> dict[str, Word]:
    """Give what the only record of each system says at a path."""
    return {name: m.records[only(m)].words.get(path) for name, m in world.memories.items()}


def unclear(world: World, system: str) -> None:
    """Let the next write there take effect, its reply be lost, and the system go away."""
    faults = world.memories[system].faults
    faults.lose_reply = True
    faults.after_write = lambda *_: setattr(faults, "down", True)


@pytest.fixture
def world() -> World:
    """Make a world."""
    return World()


# What a rule makes.


def test_a_template_that_its_service_spells_as_the_plain_value_rests(world: World) -> None:
    """Not a write a cycle, for ever, where the spelling happens to be what was agreed."""
    change(world, "dev", "title", direction=Direction.OUT, template=parse("{title}!"))
    world.memories["dog"].add(title="Checkout slow")
    assert rest(world)[-1] == 0


def test_a_text_typed_where_a_template_says_nothing_stays(world: World) -> None:
    """It was never told anything there, so that there is nothing to take back."""
    footer = Rule(Field("footer", Kind.TEXT), "footer", Direction.OUT)
    add(world, "dev", replace(footer, template=parse("On call: {description}")))
    world.memories["dev"].add(title="Checkout slow", footer="typed by hand")
    rest(world)
    assert said(world, "footer")["dev"] == "typed by hand"


def test_what_a_rule_makes_can_be_dropped(world: World) -> None:
    """Once dropped it is not held again, for the same words."""
    world.memories["dev"].add(title="Checkout slow")
    rest(world)
    footer = Rule(Field("footer", Kind.TEXT), "footer", Direction.OUT)
    add(world, "dev", replace(footer, template=parse("{title}")))
    limit(world, Limits(creates=10, updates=0, closes=0, deletes=0, share=10.0))
    cycle(world)
    orders.drop(world.app, group(world, "dev"))
    cycle(world)
    assert held(world) == []


def test_a_person_cannot_take_what_a_rule_made_for_what_was_said() -> None:
    """The text with its footer would become the text, and get another footer."""
    world = World(Decide.MANUAL)
    dev, dog, page = world.memories.values()
    template = parse("{description}\n--\n{dog.id}")
    change(world, "dev", "description", direction=Direction.OUT, template=template)
    dog.add(title="Checkout slow", summary="x")
    rest(world)
    dog.edit(only(dog), summary="y")
    page.edit(only(page), description="z")
    cycle(world)
    with pytest.raises(UsageError):
        orders.resolve(world.app, 1, "description", take="dev")
    assert dev.records


def test_a_longer_template_is_written_at_full_length(world: World) -> None:
    """A limit that was raised holds for what was shortened before."""
    footer = Rule(Field("footer", Kind.TEXT), "footer", Direction.OUT)
    made = replace(footer, template=parse("T {title}"), spelling=Spelling(max_length=6))
    add(world, "dev", made)
    world.memories["dog"].add(title="Checkout slow")
    rest(world)
    assert said(world, "footer")["dev"] == "T Che…"
    add(world, "dev", replace(made, spelling=Spelling(max_length=60)))
    rest(world)
    assert said(world, "footer")["dev"] == "T Checkout slow"


@pytest.mark.parametrize("made", ['template: "{headline}!"', "direction: out"])
def test_no_place_is_heard_for_one_field_and_written_for_another(made: str) -> None:
    """What is written there would be heard, and written again, longer each time."""
    text = f"""
systems:
  devrev:  {{type: devrev, token: tokentoken}}
  datadog: {{type: datadog, site: datadoghq.eu, api_key: keykeykey, app_key: appappapp}}
create: {{devrev: {{}}}}
fields:
  headline:
    type: line
    devrev:  {{path: custom_fields.tnt__x, direction: in}}
    datadog: {{path: fields.a}}
  banner:
    type: line
    devrev:  {{path: custom_fields.tnt__x, {made}}}
    datadog: {{path: fields.b}}
"""
    with pytest.raises(ConfigError) as caught:
        loads(text, "x.yaml", {})
    assert [problem.code for problem in caught.value.problems] == ["E120"]


# Words that are on their way when the rules change.


def test_our_own_word_is_no_edit_after_the_words_changed(world: World) -> None:
    """An update whose reply was lost: nobody said moderate, so nobody is told of it."""
    dev, dog, _ = world.memories.values()
    dog.add(title="Checkout slow", severity="SEV-3")
    rest(world)
    dog.edit(only(dog), severity="SEV-2")
    unclear(world, "dev")
    cycle(world)
    dev.faults.down = False
    change(world, "dev", "severity", words=WORDS)
    rest(world)
    assert said(world, "severity") == {"dev": "sev-0", "dog": "SEV-2", "page": "high"}


def test_a_record_made_under_old_words_gets_the_new(world: World) -> None:
    """A create whose reply was lost: the record says what its word means now."""
    dev, dog, _ = world.memories.values()
    dog.add(title="Checkout slow", severity="SEV-2")
    unclear(world, "dev")
    cycle(world)
    dev.faults.down = False
    change(world, "dev", "severity", words=WORDS)
    rest(world)
    assert said(world, "severity") == {"dev": "sev-0", "dog": "SEV-2", "page": "high"}


def test_our_own_digits_are_no_edit_after_the_zone_changed(world: World) -> None:
    """An update whose reply was lost: the instant is not moved by eight hours everywhere."""
    _, dog, page = world.memories.values()
    dog.add(title="Checkout slow", impact_start="2026-01-01T11:00:00Z")
    rest(world)
    dog.edit(only(dog), impact_start="2026-01-01T12:00:00Z")
    unclear(world, "page")
    cycle(world)
    page.faults.down = False
    change(world, "page", "started_at", spelling=MINUTE)
    rest(world)
    assert said(world, "impact_start")["dog"] == "2026-01-01T12:00:00Z"
    assert said(world, "start_date")["page"] == "2026-01-01T21:00"


# Records that were away, gone or in doubt when the rules changed.


def elsewhere(world: World) -> None:
    """Let the text of one system be looked for at another path."""
    dog = world.memories["dog"]
    dog.paths = sorted({*dog.paths, "elsewhere"})
    change(world, "dog", "description", path="elsewhere")


def test_a_record_that_comes_back_under_another_path_empties_nothing(world: World) -> None:
    """It says nothing where nobody looked before; that is no edit to nothing."""
    dev, dog, _ = world.memories.values()
    dev.add(title="Checkout slow", body="p95 rose")
    rest(world)
    record = dog.records[only(dog)]
    dog.remove(record.id)
    rest(world, 2)
    elsewhere(world)
    rest(world, 2)
    dog.records[record.id] = record
    rest(world)
    assert said(world, "description")["page"] == "p95 rose"


def test_a_record_in_doubt_under_another_path_empties_nothing(world: World) -> None:
    """A listing left it out just before the path changed."""
    dev, dog, _ = world.memories.values()
    dev.add(title="Checkout slow", body="p95 rose")
    rest(world)
    dog.faults.hide = True
    world.clock.at += 60
    asyncio.run(listen(world.app))
    assert incident(world).side("dog").doubt
    elsewhere(world)
    rest(world)
    assert said(world, "description")["page"] == "p95 rose"
    assert losers(world) == []


def test_a_record_that_comes_back_is_spelled_in_the_new_words(world: World) -> None:
    """What was agreed under the old words is not taken for agreed under the new."""
    dev, dog, _ = world.memories.values()
    dog.add(title="Checkout slow", severity="SEV-2")
    rest(world)
    record = dev.records[only(dev)]
    dev.remove(record.id)
    rest(world)
    change(world, "dev", "severity", words=WORDS)
    rest(world)
    dev.records[record.id] = record
    rest(world)
    assert said(world, "severity") == {"dev": "sev-0", "dog": "SEV-2", "page": "high"}


def test_a_rule_that_comes_back_with_other_words_spells_anew(world: World) -> None:
    """Though its system was away all the time."""
    dev, dog, _ = world.memories.values()
    dog.add(title="Checkout slow", severity="SEV-2")
    rest(world)
    dev.faults.down = True
    rules = dict(world.unit.members["dev"].rules)
    severity = rules.pop("severity")
    configure(world, "dev", rules=rules)
    rest(world, 2)
    configure(world, "dev", rules={**rules, "severity": replace(severity, words=WORDS)})
    rest(world, 2)
    dev.faults.down = False
    rest(world)
    assert said(world, "severity")["dev"] == "sev-0"


def test_a_zone_that_is_new_moves_nothing_while_its_system_is_away(world: World) -> None:
    """What was last heard is made plain under the new rule before it is believed."""
    _, dog, _ = world.memories.values()
    dog.add(title="Checkout slow", impact_start="2026-01-01T11:00:00Z")
    rest(world)
    dog.faults.down = True
    change(world, "dog", "started_at", spelling=Spelling(zone="Europe/Paris"))
    rest(world)
    assert said(world, "identified")["dev"] == "2026-01-01T11:00:00Z"
    dog.faults.down = False
    rest(world)
    assert said(world, "identified")["dev"] == "2026-01-01T11:00:00Z"


# Who is believed.


def test_who_said_it_last_is_believed_though_the_digits_have_another_length(world: World) -> None:
    """The zone and the precision change at once: his word stands, and is read anew."""
    page = world.memories["page"]
    page.add(name="Checkout slow", start_date="2026-01-01T11:00", status="active")
    rest(world)
    change(world, "page", "started_at", spelling=replace(MINUTE, precision=Precision.SECOND))
    rest(world)
    assert said(world, "start_date")["page"] == "2026-01-01T11:00"
    assert said(world, "impact_start")["dog"] == "2026-01-01T02:00:00Z"


def test_a_name_that_means_another_takes_its_place_in_a_union(world: World) -> None:
    """What the name meant before goes with it."""
    change(world, "dev", "components", words={"X": ("a",)})
    world.memories["dev"].add(title="Checkout slow", parts=("X",))
    rest(world)
    change(world, "dev", "components", words={"X": ("b",)})
    rest(world)
    assert said(world, "parts")["dev"] == ("X",)
    assert said(world, "services")["dog"] == ("b",)


def test_what_is_only_added_to_brings_nothing_back(world: World) -> None:
    """A name that others took away stays away when the words change."""
    dev, dog, _ = world.memories.values()
    change(world, "dev", "components", spelling=Spelling(only_add=True))
    dev.add(title="Checkout slow", parts=("a", "b"))
    rest(world)
    dog.edit(only(dog), services=("a",))
    rest(world)
    dev.edit(only(dev), parts=("a", "b", "c"))
    rest(world)
    change(world, "dev", "components", words={"other": ("thing",)})
    rest(world)
    assert said(world, "services")["dog"] == ("a", "c")


def renamed(world: World, old: str, new: str) -> None:
    """Give a common severity another name, in the words of every system."""
    order = tuple(new if word == old else word for word in SEVERITY)
    known = replace(world.unit.fields["severity"], order=order)
    world.unit = replace(world.unit, fields={**world.unit.fields, "severity": known})
    for system, member in world.unit.members.items():
        table = member.rules["severity"].words or {}
        words = {o: tuple(new if word == old else word for word in m) for o, m in table.items()}
        change(world, system, "severity", words=words, field=known)


def test_a_common_word_can_get_another_name(world: World) -> None:
    """Though two systems had said it, or a person: nothing is left on a word that is none."""
    dev, dog, _ = world.memories.values()
    dog.add(title="Checkout slow", severity="SEV-3")
    rest(world)
    dev.edit(only(dev), severity="sev-1")
    dog.edit(only(dog), severity="SEV-2")
    rest(world)
    renamed(world, "high", "grave")
    assert sum(rest(world)) == 0
    assert incident(world).value("severity") == "grave"


def test_a_value_that_is_none_any_more_is_not_restored(world: World) -> None:
    """The attic keeps it, but no system could be told of it."""
    _, dog, page = world.memories.values()
    dog.add(title="Checkout slow", severity="SEV-2")
    rest(world)
    dog.edit(only(dog), severity="SEV-1")
    page.edit(only(page), severity="low")
    rest(world)
    renamed(world, "critical", "grave")
    rest(world)
    with pytest.raises(UsageError):
        orders.restore(world.app, rows(world, tables.conflicts)[0].id)


def test_a_field_can_get_another_type(world: World) -> None:
    """What was agreed is no value of it any more: it stops no cycle, and is sent to nobody."""
    dev = world.memories["dev"]
    own = Field("own", Kind.LINE)
    for system in ("dev", "dog"):
        add(world, system, Rule(own, "own"))
    dev.add(title="Checkout slow", own="Ann")
    rest(world)
    for system in ("dev", "dog"):
        add(world, system, Rule(replace(own, kind=Kind.INSTANT), "own"))
    assert sum(rest(world)) == 0
    dev.edit(only(dev), own="2026-01-01T11:00:00Z")
    rest(world)
    assert said(world, "own")["dog"] == "Ann"


def test_a_word_that_nobody_knows_any_more_keeps_no_record_from_being_deleted(
    world: World,
) -> None:
    """It is nobody's edit that somebody goes on with the incident."""
    dev, _, page = world.memories.values()
    configure(world, "page", on_gone=OnGone.DELETE)
    dev.add(title="Checkout slow", severity="sev-1")
    rest(world)
    change(world, "dev", "severity", words={"sev-0": ("critical",)})
    rest(world)
    page.remove(only(page))
    rest(world)
    assert not dev.records


def test_what_was_agreed_of_a_field_goes_with_the_field() -> None:
    """What all say by the time it comes back is not written over with what they said long ago."""
    world = World(Decide.HIGHEST)
    dev, dog, page = world.memories.values()
    dog.add(title="Checkout slow", severity="SEV-2")
    rest(world)
    known, fields = dict(world.unit.members), world.unit.fields
    world.unit = replace(
        world.unit, fields={name: field for name, field in fields.items() if name != "severity"}
    )
    for system, member in known.items():
        left = {name: rule for name, rule in member.rules.items() if name != "severity"}
        configure(world, system, rules=left)
    rest(world, 2)
    dog.edit(only(dog), severity="SEV-4")
    dev.edit(only(dev), severity="sev-3")
    page.edit(only(page), severity="low")
    rest(world, 2)
    world.unit = replace(world.unit, fields=fields)
    for system, member in known.items():
        configure(world, system, rules=member.rules)
    assert sum(rest(world)) == 0
    assert incident(world).value("severity") == "low"


# Beside the mapping, and not mended.

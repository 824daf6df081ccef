"""What a new file says: it is right as it is, and shows what there is."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator

import jsonschema
import pytest

from instep.config import Config, loads
from instep.config.drafts import drafts
from instep.config.editor import KINDS, meaning, schema
from instep.config.positions import read
from instep.config.starter import MODELINE, Chosen, in_full, starter, wrong
from instep.core.rules import Direction
from instep.core.unit import Limits

EVERYTHING = Chosen(
    devrev=True, site="datadoghq.eu", url="https://status.example.com", zone="Europe/Paris"
)
#: Every two systems, and all three.
CHOSEN = (
    Chosen(devrev=True, site="us5.datadoghq.com"),
    Chosen(devrev=True, url="http://10.0.0.7:8080/pm"),
    Chosen(site="datadoghq.com", url="https://status.example.com/", zone="Etc/GMT+1"),
    EVERYTHING,
)
#: A setting that is commented out, and its place; what follows a space is prose.
OFF = re.compile(r"( *)#(\w.*|  .*)")


def right(text: str, chosen: Chosen) -> Config:
    """Load a file, with its variables set."""
    names = (*chosen.variables, "HEARTBEAT_URL", "DD_BEARER")
    return loads(text, "instep.yaml", dict.fromkeys(names, "set for the tests"))


def switched_on(text: str) -> Iterator[tuple[str, str]]:
    """Give the file once for each setting that is commented out, with that one in force."""
    lines = text.partition("\n# What is mapped")[0].split("\n")
    at = 0
    for is_off, block in itertools.groupby(lines, lambda line: bool(OFF.fullmatch(line))):
        size = len(list(block))
        if is_off:
            on = [OFF.sub(r"\1\2", line) for line in lines[at : at + size]]
            key = on[0].strip().partition(":")[0]
            yield key, "\n".join([*lines[:at], *on, *lines[at + size :]])
        at += size


@pytest.mark.parametrize("make", [starter, in_full])
@pytest.mark.parametrize("chosen", CHOSEN, ids=lambda chosen: "+".join(chosen.types))
def test_a_new_file_is_right_as_it_is(make: Callable[[Chosen], str], chosen: Chosen) -> None:
    """Short or in full, for every choice of systems, ``check`` has nothing to refuse."""
    config = right(make(chosen), chosen)
    assert tuple(system.type for system in config.systems.values()) == chosen.types
    assert config.create.keys() == config.systems.keys()
    for name, create in config.create.items():
        assert {*(create.origins or ()), name} == set(config.systems)
    assert make(chosen).startswith(MODELINE)


@pytest.mark.parametrize("make", [starter, in_full])
def test_a_new_file_trusts_its_mapping_less_than_an_old_one(make: Callable[[Chosen], str]) -> None:
    """The limits that it sets are lower than the usual ones."""
    limits, usual = right(make(EVERYTHING), EVERYTHING).limits, Limits()
    assert (limits.creates, limits.updates, limits.closes, limits.share) < (
        *(usual.creates, usual.updates, usual.closes, usual.share),
    )


def test_a_short_file_is_short() -> None:
    """It has at most thirty lines of settings."""
    lines = starter(EVERYTHING).split("\n")
    assert len([line for line in lines if line and not line.startswith("#")]) <= 30


@pytest.mark.parametrize("chosen", CHOSEN, ids=lambda chosen: "+".join(chosen.types))
def test_what_is_mapped_is_shown(chosen: Chosen) -> None:
    """Each field has a line with its place in every system, and each own word of a choice one."""
    text = starter(chosen)
    shown = {line.split()[1]: line for line in text.split("\n") if re.match(r"# \w+  +\w", line)}
    for name, draft in drafts(right(text, chosen)).items():
        for rule in draft.rules.values():
            assert rule.path
            assert rule.path in shown[name].split()
            assert (f"{rule.path} (in)" in shown[name]) == (rule.direction is Direction.IN)
            words = rule.words or {}
            assert [own for own in words if not re.search(rf"# .*\b{own}\b", text)] == []


def test_the_word_that_is_written_stands_first() -> None:
    """Of several own words for one, a reader finds the one that instep writes at the front."""
    assert re.search(r"#   critical +sev-0 +SEV-1, SEV-0 +critical\n", starter(EVERYTHING))
    assert re.search(r"#   investigating +acknowledged, fixing +active +", starter(EVERYTHING))


def test_a_full_file_has_every_key() -> None:
    """Each key of the schema stands in it, said or commented out, below what it means."""
    text = in_full(EVERYTHING)
    models = {**schema()["definitions"], "Config": schema()}
    for name in ("Config", *KINDS.values(), "Limits", "SystemLimits", "Create", "RuleSpec", "Log"):
        for key in models[name]["properties"]:
            begins = re.escape(meaning(name, key)["says"][:40])
            assert re.search(rf"# {begins}[^\n]*\n([ #]*# [^\n]*\n)*[ #]*{key}:", text), (name, key)


@pytest.mark.parametrize("chosen", CHOSEN, ids=lambda chosen: "+".join(chosen.types))
def test_each_setting_of_a_full_file_can_be_switched_on(chosen: Chosen) -> None:
    """One # less makes a setting of a comment, and the file is right with it."""
    keys = set()
    for key, text in switched_on(in_full(chosen)):
        keys.add(key)
        # A bearer stands in place of the keys, which a new file names.
        right(re.sub("(api|app)_key:.*", "", text) if key == "bearer" else text, chosen)
    assert {"ledger", "timeout", "poll", "when", "tests", "fields", "log", "stop_within"} <= keys


def test_every_key_of_a_field_can_be_switched_on() -> None:
    """With all that is commented out in force, each value is of the kind that its key takes."""
    text = dict(switched_on(in_full(EVERYTHING)))["fields"]
    for _, on in switched_on(text):
        assert [*_wrong(on)] == []


def _wrong(text: str) -> Iterator[str]:
    """Give what an editor would mark."""
    found = jsonschema.Draft7Validator(schema()).iter_errors(read(text).tree)
    return (error.message for error in found)


@pytest.mark.parametrize(
    ("chosen", "path", "message", "hint"),
    [
        (
            Chosen(devrev=True, site="datadog.eu"),
            "systems.datadog.site",
            "is not a site of Datadog",
            'did you mean "datadoghq.eu"?',
        ),
        (Chosen(devrev=True, site='" #'), "systems.datadog.site", "is not a site", "valid:"),
        (Chosen(devrev=True, url="x: {y}"), "systems.status.url", "not a web address", "https://"),
        (
            Chosen(devrev=True, url="https://x", zone="Paris"),
            "systems.status.timezone",
            "not a time zone",
            "such as Europe/Paris",
        ),
    ],
)
def test_what_is_wrong_is_one_problem(chosen: Chosen, path: str, message: str, hint: str) -> None:
    """A wrong answer is told as ``check`` would tell it, whatever YAML makes of it."""
    (problem,) = wrong(chosen)
    assert problem.path == path
    assert message in problem.message
    assert hint in problem.hint

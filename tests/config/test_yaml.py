"""YAML's own traps: what a file says is what it seems to say, or is refused where it stands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from instep.config import load, loads
from instep.config.credentials import SECRET_KEYS
from instep.config.nodes import DEEPEST
from instep.config.positions import MOST_VALUES, read
from instep.config.shape import SYSTEMS
from instep.errors import ConfigError, Problem
from tests.config.broken import ENVIRON
from tests.config.broken import SYSTEMS as THREE


def problems(text: str) -> tuple[Problem, ...]:
    """Load a wrong text and give what is wrong."""
    with pytest.raises(ConfigError) as caught:
        loads(text, "instep.yaml", ENVIRON)
    return caught.value.problems


def value(text: str) -> Any:
    """Read what stands behind a key."""
    document = read(f"key: {text}\n")
    assert document.findings == []
    return document.tree["key"]


@pytest.mark.parametrize("key", ["on", "no", "yes", "true", "1", "010", "1:30", "2026-11-22", "="])
def test_a_key_is_text_as_it_is_spelled(key: str) -> None:
    """No key becomes a flag, a number or a date."""
    assert read(f"{key}: x").tree == {key: "x"}


#: What is more than text to some reader of YAML.
TEXTS = (
    *("yes", "No", "on", "OFF", "y", "010", "08", "-07", "0_1", "1:30", "190:20:30", "0o8", "="),
    *("2026-11-22", "2026-11-22T10:00:00Z", ".inf", "-.INF", ".nan", "1e400", "9" * 20),
)
VALUES = {
    "true": True,
    "FALSE": False,
    "~": None,
    "null": None,
    "": None,
    "1.5": 1.5,
    "0": 0,
    "-3": -3,
    "0o10": 8,
    "0x1F": 31,
    "0b11": 3,
    "1_000": 1000,
    "'1'": "1",
    "!!str 1": "1",
    "!!int '7'": 7,
    "!!bool 'true'": True,
    "!!null ''": None,
    "!!float 2": 2.0,
    "!!map {a: 1}": {"a": 1},
    "!!seq [a]": ["a"],
}


@pytest.mark.parametrize("text", TEXTS)
def test_a_word_that_others_turn_into_something_else_is_text(text: str) -> None:
    """Flags of YAML 1.1, numbers in two spellings, dates, and what is no number stay text."""
    assert value(text) == text


@pytest.mark.parametrize(("text", "means"), VALUES.items())
def test_a_value_of_yaml_is_what_it_says(text: str, means: object) -> None:
    """Flags, nothing and plain numbers are that; a tag that fits is obeyed."""
    found = value(text)
    assert found == means
    assert type(found) is type(means)


@pytest.mark.parametrize("tag", ["!!int no", "!!bool maybe", "!!null x", "!!float x", "!!int 010"])
def test_a_tag_that_does_not_fit_is_refused(tag: str) -> None:
    """A tag that the value contradicts is a mistake, not a guess."""
    (found,) = read(f"key: {tag}").findings
    assert (found.code, found.path, found.place) == ("E103", ("key",), (1, 6))


@pytest.mark.parametrize("tag", ["!x", "!!set", "!!binary", "!!python/object:os.system", "!<t:x>"])
@pytest.mark.parametrize("what", ["a", "{a: 1}", "[a]"])
def test_a_strange_tag_is_refused_wherever_it_stands(tag: str, what: str) -> None:
    """Tags are for programs that make objects of them; a key has none either."""
    assert [f.code for f in read(f"key: {tag} {what}").findings] == ["E103"]
    assert [f.code for f in read(f"{tag} key: a").findings] == ["E103"]


def test_the_version_of_yaml_changes_nothing() -> None:
    """In a file of YAML 1.1, too, ``no`` is text and ``1:30`` no number of seconds."""
    text = "%YAML 1.1\n---\na: no\nb: 1:30\nc: 010\n"
    assert read(text).tree == {"a": "no", "b": "1:30", "c": "010"}


def test_what_is_taken_in_has_the_meaning_of_yaml() -> None:
    """Own keys win over those taken in, wherever they stand; of several the first one wins."""
    text = """
one: &one {a: 1, b: 1, c: 1}
two: &two {b: 2, c: 2, d: 2, <<: {e: 3, a: 3}}
both: {c: own, <<: [*one, *two]}
"""
    assert read(text).tree["both"] == {"c": "own", "a": 1, "b": 1, "d": 2, "e": 3}


def test_a_quoted_merge_sign_is_a_key() -> None:
    """Whoever has an own word of this name puts it in quotes."""
    assert read("a: {'<<': b}").tree == {"a": {"<<": "b"}}


def test_what_is_taken_in_stands_where_it_is_written() -> None:
    """A key that is taken in is found at its text, an alias where it is used."""
    document = read("one: &one {a: 1}\ntwo:\n  <<: *one\nsix:\n  *one\n")
    assert (document.keys["two", "a"], document.values["two", "a"]) == ((1, 12), (1, 15))
    assert (document.keys["six",], document.values["six",]) == ((4, 1), (5, 3))
    assert document.values["six", "a"] == (1, 15)


def test_a_mistake_in_what_is_repeated_is_told_once() -> None:
    """An alias that stands twice does not make two mistakes of one."""
    text = "create: {devrev: &a {frm: [status], from: [status], from: x}, datadog: *a}"
    assert [(p.code, p.line) for p in problems(text + THREE)] == [("E102", 1), ("E104", 1)]


def test_an_anchor_can_be_set_anew() -> None:
    """An alias stands for the anchor that was set last above it."""
    assert read("a: &x 1\nb: *x\nc: &x 2\nd: *x").tree == {"a": 1, "b": 1, "c": 2, "d": 2}


@pytest.mark.parametrize("use", ["[%s]", "{<<: [%s]}"])
def test_a_bomb_of_aliases_is_refused_before_it_unfolds(use: str) -> None:
    """Ten lines that stand for ten milliards of values are a mistake, and nothing is made of it."""
    lines = ["a0: &a0 {k: v}"]
    lines += [f"a{i}: &a{i} " + use % ", ".join([f"*a{i - 1}"] * 10) for i in range(1, 11)]
    document = read("\n".join(lines))
    (found,) = document.findings
    assert (document.tree, found.code, len(document.values) <= MOST_VALUES) == (None, "E135", True)


def test_a_chain_of_aliases_is_refused_before_it_is_too_deep() -> None:
    """What could not be walked through is named, by nesting and by aliases."""
    chain = "a0: &a0 [1]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 3000))
    assert [f.code for f in read(chain).findings] == ["E135"]
    assert [f.code for f in read("a: " + "[" * 5000).findings] == ["E103"]
    deep = "a: " + "[" * (DEEPEST - 1) + "]" * (DEEPEST - 1)
    assert read(deep).findings == []


def test_a_character_in_two_escapes_is_one() -> None:
    """JSON is YAML: what it writes as a pair of escapes is read as the character."""
    assert value(json.dumps("\N{FIRE} x")) == "\N{FIRE} x"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_are_those_of_any_editor(end: str) -> None:
    """A mistake is found on the line that the editor shows."""
    (only,) = problems((THREE + "\nlog:\n  level: loud\n").replace("\n", end))
    assert (only.line, only.column) == (8, 10)


@pytest.mark.parametrize("sign", ["\x85", "\u2028", "\ufeff", "é", "\N{FIRE}"])
def test_signs_that_only_some_take_for_line_ends_move_nothing(sign: str) -> None:
    """Columns count characters, and only line ends end a line."""
    _, only = problems(THREE + f"# {sign}\npage: '{sign}'\nlog: {{level: loud}}\n")
    assert (only.line, only.column) == (8, 14)


def test_a_byte_order_mark_moves_no_column(tmp_path: Path) -> None:
    """The first key stands in column one, whatever an editor wrote before it."""
    file = tmp_path / "instep.yaml"
    file.write_bytes(b"\xef\xbb\xbfevry: 60s" + THREE.encode())
    with pytest.raises(ConfigError) as caught:
        load(file, ENVIRON)
    assert [(p.line, p.column) for p in caught.value.problems] == [(1, 1)]


def test_a_very_long_line_has_columns_too() -> None:
    """A file in one line is found through like any other, and a long value is not repeated."""
    long = "x" * 100_000
    config = json.dumps({"page": long, "log": {"level": "loud"}, **read(THREE).tree})
    first, second = problems(config)
    assert (first.line, first.column, second.column) == (1, 10, config.index('"loud"') + 1)
    assert len(first.message + first.hint) < 200


@pytest.mark.parametrize(
    ("text", "means"), [("00", 0), ("07", 7), ("08", 8), ("0o10", 8), ("0x10", 16), ("1_0", 10)]
)
def test_a_number_that_can_be_read_in_one_way_is_read(text: str, means: int) -> None:
    """A zero in front does no harm where eight and ten agree."""
    config = loads(f"limits: {{creates: {text}}}" + THREE, "x", ENVIRON)
    assert config.limits.creates == means


def test_an_octal_looking_word_is_text_where_text_stands() -> None:
    """Own words, names and secrets with a zero in front are kept as they are spelled."""
    text = """
create: {status: {set: {scope: 010, service: 0755}}}
fields: {tier: {type: choice, devrev: {path: custom_fields.tier, words: {010: 010}}}}
"""
    config = loads(text + THREE.replace("${DEVREV_TOKEN}", "0123"), "x", ENVIRON)
    assert config.create["status"].set == {"scope": "010", "service": "0755"}
    assert config.secrets()[0] == "0123"
    tier = config.fields["tier"]
    assert tier is not None
    assert tier.rules["devrev"] is not None
    assert tier.rules["devrev"].words == {"010": ("010",)}


def test_a_number_without_end_is_no_number() -> None:
    """Thousands of digits are told from a number, and are not repeated."""
    (only,) = problems(f"limits: {{creates: {'9' * 5000}}}" + THREE)
    assert only.code == "E112"
    assert len(only.message) < 100


def test_every_secret_of_the_models_is_treated_as_one() -> None:
    """A key that holds a secret takes references, and its value is warned of and not shown."""
    fields = [item for model in SYSTEMS.values() for item in model.model_fields.items()]
    assert {key for key, field in fields if "SecretStr" in str(field.annotation)} == SECRET_KEYS

"""Paths: how a place inside a service's record is named."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.core.paths import Places, Steps, at, below, first, follow, steps, way

KEYS = st.text(min_size=1, max_size=5).filter(lambda key: '"' not in key and "\n" not in key)
PLACES = Places(
    write=frozenset({"title", "body"}),
    read=frozenset({"state", "parts"}),
    under=frozenset({"fields"}),
)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("title", ("title",)),
        ("custom_fields.tnt__region", ("custom_fields", "tnt__region")),
        ("parts[0].name", ("parts", 0, "name")),
        ("parts[-1]", ("parts", -1)),
        ("grid[0][12]", ("grid", 0, 12)),
        ('fields["eu.west"]', ("fields", "eu.west")),
        ("fields['a \"b\" [0]'].c", ("fields", 'a "b" [0]', "c")),
        ('["two words"].x', ("two words", "x")),
        ('fields["0"]', ("fields", "0")),
        ("é.名", ("é", "名")),
    ],
)
def test_a_path_has_steps(path: str, found: Steps) -> None:
    """Keys stand between dots, indexes and quoted keys in brackets."""
    assert steps(path) == found
    assert way(path) == found


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("", "a path starts with a key"),
        ("[0]", "a path starts with a key"),
        (".title", '".title" cannot be read, at character 1'),
        ("title.", '"." cannot be read, at character 6'),
        ("a..b", '"..b" cannot be read, at character 2'),
        ("a b", '" b" cannot be read, at character 2'),
        ("a[0]b", '"b" cannot be read, at character 5'),
        ("a.[0]", '".[0]" cannot be read, at character 2'),
        ("a[]", '"[]" cannot be read, at character 2'),
        ("a[x]", '"[x]" cannot be read, at character 2'),
        ("a[1.5]", '"[1.5]" cannot be read, at character 2'),
        ('a["x]', '"["x]" cannot be read, at character 2'),
        ("a[\"x']", '"["x\']" cannot be read, at character 2'),
        ('a[""]', '"[""]" cannot be read, at character 2'),
        ("a]", '"]" cannot be read, at character 2'),
    ],
)
def test_what_is_no_path_is_refused(path: str, message: str) -> None:
    """What cannot be read is named, and where it stands; it has no steps."""
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the whole message is compared
        steps(path)
    assert str(raised.value) == message
    assert way(path) == ()
    assert first(path) == ""


@given(KEYS, st.lists(KEYS | st.integers(-9, 99), max_size=4))
def test_every_key_can_be_named(start: str, rest: list[str | int]) -> None:
    """A key that is quoted may hold dots, brackets and blanks; steps come back as they were."""
    whole = (start, *rest)
    quoted = "".join(f"[{step}]" if isinstance(step, int) else f'["{step}"]' for step in whole)
    assert steps(quoted) == whole


@given(st.text(alphabet="ab.[]\"' 01-", max_size=9))
def test_a_text_is_a_path_or_is_refused(text: str) -> None:
    """Whatever somebody writes has steps, of which the first is a key, or is refused in words."""
    try:
        found = steps(text)
    except ValueError as error:
        assert str(error)  # noqa: PT017 - either outcome is right
    else:
        assert isinstance(found[0], str)
        assert all(step != "" for step in found)


RECORD: dict[str, Any] = {
    "title": "Checkout",
    "parts": [{"name": "api"}, {"name": "web"}],
    "fields": {"eu.west": {"0": "zero"}, "none": None, "flag": False},
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("title", "Checkout"),
        ("parts[0].name", "api"),
        ("parts[-1].name", "web"),
        ("parts[-2].name", "api"),
        ("parts[2]", None),
        ("parts[-3]", None),
        ("parts.name", None),
        ('parts["0"]', None),
        ('fields["eu.west"]["0"]', "zero"),
        ('fields["eu.west"][0]', None),
        ("fields.none.x", None),
        ("fields.flag", False),
        ("fields.flag.x", None),
        ("title[0]", None),
        ("missing.deeper", None),
    ],
)
def test_a_path_is_followed(path: str, found: object) -> None:
    """What stands at the end is given; where the chain breaks, there is nothing."""
    assert follow(RECORD, steps(path)) == found


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(max_size=2),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner),
    ),
    st.lists(st.sampled_from(("a", "b", 0, -1, 2)), max_size=4),
)
def test_every_record_can_be_followed(record: object, path: list[str | int]) -> None:
    """Whatever a service sends, following a path is no error, and one step after the other."""
    found = follow(record, tuple(path))
    assert follow(follow(record, tuple(path[:1])), tuple(path[1:])) == found


@pytest.mark.parametrize(
    ("path", "has", "reads", "writes"),
    [
        ("title", True, False, True),
        ("title.x", False, False, False),
        ("state", True, True, False),
        ("parts[0].name", True, True, False),
        ("fields", False, False, False),
        ("fields.region", True, False, True),
        ('fields["eu.west"]', True, False, True),
        ("fields.region[0]", True, False, False),
        ("fields[0]", False, False, False),
        ("other", False, False, False),
        ("fields..region", False, False, False),
    ],
)
def test_a_service_has_places(path: str, has: bool, reads: bool, writes: bool) -> None:
    """Paths are written whole or one step below a key; what is deeper, or elsewhere, is read."""
    assert (PLACES.has(path), PLACES.reads(path), PLACES.writes(path)) == (has, reads, writes)
    assert (path in PLACES.only_read([path])) is not writes


def test_paths_are_found_by_their_first_step() -> None:
    """A path stands below the key that it starts with, by a key; an index stands below nothing."""
    assert (first("a[0].b"), first('["x.y"].b'), first("")) == ("a", "x.y", "")
    assert below("a.b[0]", "a") == ("b", 0)
    assert below("a", "a") == below("a[0]", "a") == below("ab.c", "a") == ()
    assert at(["a", "a.b", "ab", "b[0]", "c"], "a", "b") == {"a", "a.b", "b[0]"}

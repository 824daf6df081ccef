"""Templates: text that is made of what an incident says, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.core.model import Reference, Side, Word
from instep.core.template import Template, parse, values
from tests.core.make import incident, reference, says

SAID = {"title": "Checkout slow", "datadog.url": "https://dd/1", "severity": "", "lines": "a\nb"}


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("", ""),
        ("no name", "no name"),
        ("{title}", "Checkout slow"),
        ("> {title}!", "> Checkout slow!"),
        ("{title}\nMore: {datadog.url}", "Checkout slow\nMore: https://dd/1"),
        ("{{{title}}}", "{Checkout slow}"),
        ("a {{ b }} c", "a { b } c"),
        ("{lines}\nc", "a\nb\nc"),
        ("{title}\nSeverity: {severity}\nend", "Checkout slow\nend"),
        ("{title}\nSeen in {status.url}, {datadog.url}", "Checkout slow"),
        ("{title}\n\n\n{status.url}", "Checkout slow"),
        ("\n{title}", "\nCheckout slow"),
        ("{severity}\n{status.url}", ""),
    ],
)
def test_a_template_says_what_is_said(text: str, rendered: str) -> None:
    """Names are replaced; a line of which one says nothing is left out, with what is then empty."""
    assert parse(text).render(SAID) == rendered


def test_a_value_is_no_template() -> None:
    """Brackets in a value stay as they are: what somebody types is never taken apart."""
    assert parse("{title}").render({"title": "{severity} {{x}} {"}) == "{severity} {{x}} {"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("none", ()),
        ("{title} {title}\n{a.url} {title}", ("title", "a.url")),
        ("{data-dog.id} {started_at} {{title}}", ("data-dog.id", "started_at")),
    ],
)
def test_a_template_names_what_it_uses(text: str, names: tuple[str, ...]) -> None:
    """Every name is given once, in the order in which it is met."""
    assert parse(text).names == names


@pytest.mark.parametrize(
    "text",
    [
        "{title",
        "title}",
        "{",
        "{}",
        "{ title }",
        "{title.x.y}",
        "{title.}",
        "{.url}",
        "{0}",
        "{title[0]}",
        "{title!r}",
        "{title:>9}",
        "{title:{severity}}",
        "{a + b}",
        "{f()}",
    ],
)
def test_a_bracket_holds_one_name(text: str) -> None:
    """An open bracket, an expression or a format is no template; the message shows the line."""
    with pytest.raises(ValueError, match=" in '") as raised:
        parse(f"first\n{text}")
    assert str(raised.value).endswith((repr(text), "a bracket itself is written twice"))
    assert "first" not in str(raised.value)


@given(st.text(max_size=20))
def test_any_text_is_a_template_once_its_brackets_are_doubled(text: str) -> None:
    """A text whose brackets are written twice renders as it reads, but for lines at its end."""
    found = parse(text.replace("{", "{{").replace("}", "}}"))
    assert found.names == ()
    assert found.render({}) == text.rstrip("\n")


@given(st.text(max_size=20))
def test_a_text_is_a_template_or_is_refused(text: str) -> None:
    """Whatever somebody writes, it is either taken apart or refused with a message."""
    try:
        found = parse(text)
    except ValueError as error:
        assert str(error)  # noqa: PT017 - either outcome is right
    else:
        assert found == Template(text, found.lines)
        assert found.render(dict.fromkeys(found.names, "")) == found.render({})


@given(st.lists(st.sampled_from(("{title}", "{gone}", "x", "")), max_size=6))
def test_only_whole_lines_are_left_out(lines: list[str]) -> None:
    """What is rendered are the lines of which every name says something, in their order."""
    rendered = parse("\n".join(lines)).render({"title": "t"})
    kept = [line.replace("{title}", "t") for line in lines if line != "{gone}"]
    assert rendered == "\n".join(kept).rstrip("\n")


@pytest.mark.parametrize(
    ("value", "spelled"),
    [
        ("high", "high"),
        (("api", "web"), "api, web"),
        (True, "yes"),
        (False, "no"),
        (3, "3"),
        (0.5, "0.5"),
        (None, ""),
    ],
)
def test_values_are_spelled_for_people(value: Word, spelled: str) -> None:
    """Sets are listed, flags are yes or no, and what is not agreed is empty."""
    assert values(incident(f=value)) == {"f": spelled}


def test_a_template_can_name_records() -> None:
    """Of each record that is there its number and its address can be said, and of no other."""
    nameless = Side("b", Reference("raw-id", "born"))
    gone = replace(says("c", "x"), gone=True)
    row = incident(says("a", "x"), nameless, gone, Side("d"), f="x")
    assert reference("a").url == "https://a/1"
    assert values(row) == {
        "f": "x",
        "a.id": "A-1",
        "a.url": "https://a/1",
        "b.id": "raw-id",
        "b.url": "",
    }

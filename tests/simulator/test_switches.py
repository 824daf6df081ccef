"""The switches of each double, and the page that names them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from instep.simulator.serve import KINDS, build
from instep.simulator.switches import COMMON, Switch, spell, switches

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "simulators.md"
ROW = re.compile(r"^\| `(\w+)` \| `(.*?)` \| \S.* \|$", re.MULTILINE)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("bool", "Yes", True),
        ("bool", "off", False),
        ("int", "-3", -3),
        ("float", "0.5", 0.5),
        ("float", "2", 2.0),
        ("str", "none", "none"),
        ("str", "", ""),
        ("str", '""', ""),
        ("str | None", "none", None),
        ("str | None", "UTC", "UTC"),
    ],
)
def test_a_value_is_read_by_its_kind(kind: str, text: str, value: object) -> None:
    """Each kind of parameter has its own words, and what is read has its type."""
    found = Switch("x", kind, None).read(text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("kind", "text"), [("bool", "2"), ("int", "2.5"), ("float", "inf"), ("float", "much")]
)
def test_a_value_of_another_kind_is_refused(kind: str, text: str) -> None:
    """The error says what the switch takes."""
    with pytest.raises(ValueError, match='"x" must be'):
        Switch("x", kind, None).read(text)


@pytest.mark.parametrize("kind", KINDS)
def test_every_default_is_read_as_it_is_spelled(kind: str) -> None:
    """What ``--switches`` prints can be set, and sets what was there before."""
    found = {one.name: one.read(spell(one.default)) for one in switches(kind)}
    assert found == {one.name: one.default for one in switches(kind)}
    assert build(kind, incidents=1, switches=found).ids()
    assert not COMMON & found.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_every_switch_says_what_it_does(kind: str) -> None:
    """The class describes each of its switches, which is what ``--switches`` shows."""
    assert [one.name for one in switches(kind) if len(one.says.split()) < 3] == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_names_every_switch_with_its_default(kind: str) -> None:
    """The documentation lists exactly the switches that there are."""
    page = PAGE.read_text(encoding="utf-8")
    section = page.split(f"### Switches of {kind}\n")[1].split("\n#")[0]
    assert ROW.findall(section) == [(one.name, spell(one.default)) for one in switches(kind)]

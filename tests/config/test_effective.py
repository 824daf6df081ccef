"""The effective mapping: what preset and file say together."""

from __future__ import annotations

from pathlib import Path

import pytest

from instep.config import load, loads, losses_of, unit_of
from instep.config.effective import effective, effective_yaml
from instep.core.unit import Unit
from tests.config.broken import ENVIRON, SYSTEMS

EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"
#: Every option of a rule, somewhere.
EVERY = """
strict: true
fields:
  owners: off
  severity:
    on_conflict: {prefer: [datadog, devrev]}
    devrev:
      words: {P1: critical, P2: high, P3: [moderate, low, minor], "on": ~}
      otherwise: low
      loses: [low, minor]
  description:
    devrev: {max_length: 99, shorten: words, strip: true}
    datadog: {shorten: cut, max_length: 50}
    status: {template: "{title}\\nMore: {datadog.url}"}
  region: {type: choice, devrev: {path: "custom_fields['eu.west']", words: {eu: eu}, default: eu}}
  made: {type: flag, devrev: {path: custom_fields.made, const: true}}
  seen: {type: instant, devrev: {path: custom_fields.seen, precision: day, zone: Europe/Paris}}
  tags: {type: set, on_conflict: union, devrev: {path: tags, only_add: true, words: {a: b}}}
  when: {type: instant, datadog: {path: created, direction: in}}
  size: {type: number, datadog: {path: fields.size, const: 0.5}}
"""


def unit(text: str, head: str = SYSTEMS) -> Unit:
    """Load a text and build its unit."""
    return unit_of(loads(head + text, "instep.yaml", ENVIRON))


@pytest.mark.parametrize("text", ["", EVERY], ids=["preset", "every option"])
def test_what_is_shown_means_the_same(text: str) -> None:
    """What is printed, in place of the file's own fields, makes the very same unit."""
    config = loads(SYSTEMS + text, "instep.yaml", ENVIRON)
    shown = effective_yaml(config)
    missing = [name for name, said in config.fields.items() if said is None]
    off = "".join(f"  {name}: off\n" for name in missing)
    again = unit(shown.replace("fields:\n", f"fields:\n{off}", 1))
    assert again == unit_of(config)
    assert effective(config)


def test_the_example_is_shown_as_it_is_meant() -> None:
    """The shipped example survives it, and what does not come back stands below."""
    config = load(EXAMPLE, ENVIRON)
    text = EXAMPLE.read_text()
    head = text[: text.index("\nfields:")] + "\n"
    shown = effective_yaml(config)
    assert unit(shown, head) == unit_of(config)
    lost = [
        loss
        for m in unit(shown, head).members.values()
        for n in m.rules
        for loss in losses_of(unit(shown, head), m.name, n)
    ]
    assert len(lost) == 7
    assert all(str(loss) in shown for loss in lost)
    assert "UNKNOWN: ~" in shown

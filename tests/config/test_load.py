"""What ``load`` says of files, right and wrong."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from instep.config import Config, Listen, Page, load, loads
from instep.config.schema import Datadog, ProdManager
from instep.core.unit import Limits
from instep.errors import ConfigError, Problem
from tests.config.broken import ENVIRON, SYSTEMS


def problems(text: str) -> tuple[Problem, ...]:
    """Load a wrong text and give what is wrong."""
    with pytest.raises(ConfigError) as caught:
        loads(text, "instep.yaml", ENVIRON)
    return caught.value.problems


def right(text: str) -> Config:
    """Load a text with systems below."""
    return loads(text + SYSTEMS, "instep.yaml", ENVIRON)


def test_a_key_that_nothing_acts_on_is_a_warning() -> None:
    """Nobody relies on a page that is not there yet; a rate is acted on."""
    systems = SYSTEMS.replace("site: datadoghq.eu", "site: datadoghq.eu, rate: 50%")
    config = loads(systems + "listen: 127.0.0.1:8080\n", "instep.yaml", ENVIRON)
    assert [(w.code, w.path) for w in config.warnings] == [("W204", "listen")]
    assert config.systems["datadog"].rate == 0.5


def test_a_typo_and_the_key_it_hides_are_one_problem() -> None:
    """``sight`` explains why ``site`` is missing."""
    text = SYSTEMS.replace("site: datadoghq.eu", "sight: datadoghq.eu")
    (only,) = problems(text)
    assert (only.code, only.hint) == ("E102", 'did you mean "site"?')


def test_mistyped_systems_make_no_strangers_of_their_names() -> None:
    """Of the rules of the systems nothing is said, though nobody reads who they are."""
    text = SYSTEMS.replace("systems:", "sytems:") + "fields: {title: {devrev: {tidy: true}}}\n"
    (only,) = problems(text)
    assert (only.path, only.hint) == ("sytems", 'did you mean "systems"?')


def test_all_problems_are_told_at_once() -> None:
    """YAML, secrets, models and references: one run tells all, as the file reads."""
    text = """every: 5
every: 6s
systems:
  a: {type: devrev, token: "${NOWHERE}", tken: x}
  b: {type: prodmanager, token: "${EMPTY}"}
create:
  a: {from: [c], when: {severity: urgent}}
fields:
  title: {on_conflict: union}
  region: {devrev: {path: x}}
"""
    assert [(p.line, p.code, p.path) for p in problems(text)] == [
        (1, "E108", "every"),
        (2, "E104", "every"),
        (4, "E131", "systems.a.token"),
        (4, "E102", "systems.a.tken"),
        (5, "E106", "systems.b.url"),
        (5, "E131", "systems.b.token"),
        (7, "E115", "create.a.from.0"),
        (7, "E117", "create.a.when.severity"),
        (9, "E118", "fields.title.on_conflict"),
        (10, "E106", "fields.region.type"),
        (10, "E102", "fields.region.devrev"),
    ]


def test_a_system_with_a_mistake_can_still_be_referred_to() -> None:
    """A mistake in a system does not make a stranger of it elsewhere."""
    text = (
        "systems:\n  a: {type: devrev, token: '${DEVREV_TOKEN}'}\n  b: {type: devrev}\n"
        "create: {a: {from: [b]}}\nfields: {title: {on_conflict: {prefer: [b]}, b: {path: x}}}\n"
    )
    assert [p.path for p in problems(text)] == ["systems.b.token"]


def test_words_like_no_and_on_are_text() -> None:
    """``no``, ``on`` and numbers as own words need no quotes; ``no`` is a flag where one stands."""
    config = right(
        "fields:\n  a:\n    type: choice\n"
        "    devrev: {path: custom_fields.x, words: {no: no, on: off, 1: one}}\n"
    )
    spec = config.fields["a"]
    assert spec is not None
    rule = spec.rules["devrev"]
    assert rule is not None
    assert rule.words == {"no": ("no",), "on": ("off",), "1": ("one",)}
    text = "systems: {a: {type: devrev, token: '${DEVREV_TOKEN}', writable: no}}"
    assert loads(text, "x", ENVIRON).systems["a"].writable is False


def test_defaults_are_those_of_the_core() -> None:
    """What the file does not say has the documented value."""
    config = right("")
    assert Limits(**config.limits.model_dump()) == Limits()
    assert (config.every, config.full_sweep_every, config.stop_within) == (60.0, 3600.0, 30.0)
    assert config.ledger == "sqlite:///instep.db"
    assert (config.listen, config.page, config.heartbeat) == (None, Page.SUMMARY, None)
    system = config.systems["datadog"]
    assert isinstance(system, Datadog)
    assert (system.timeout, system.rate, system.writable) == (30.0, 1.0, True)
    assert system.reference_field == "external_reference"
    assert config.warnings == ()


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("5m", 300), ("1h30m", 5400), ("2d", 172800)]
)
def test_durations_are_seconds(text: str, seconds: float) -> None:
    """Durations have units and can be put together."""
    assert right(f"every: {text}").every == seconds


@pytest.mark.parametrize("text", ["30%", "30 %", "0.3", "'30%'"])
def test_a_share_is_a_part_of_one(text: str) -> None:
    """A share is written in per cent or as a fraction."""
    assert right(f"limits: {{share: {text}}}").limits.share == 0.3


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("8080", "127.0.0.1", 8080), ("0.0.0.0:80", "0.0.0.0", 80), ("'[::1]:8080'", "::1", 8080)],
)
def test_a_port_alone_listens_on_this_machine(text: str, host: str, port: int) -> None:
    """The page is not shown to others unless an address says so."""
    assert right(f"listen: {text}").listen == Listen(host, port)


@pytest.mark.parametrize(("text", "count"), [("08", 8), ("0x10", 16), ("1_000", 1000)])
def test_whole_numbers_are_those_of_yaml(text: str, count: int) -> None:
    """A leading zero is no octal sign, and digits can be grouped."""
    assert right(f"limits: {{creates: {text}}}").limits.creates == count


def test_a_choice_without_order_and_words_can_have_any_value() -> None:
    """Where own words are common words, a condition can name any."""
    text = (
        "create: {devrev: {when: {a: anything}}}\n"
        "fields:\n  a:\n    type: choice\n    devrev: {path: custom_fields.x}\n"
        "    datadog: {path: fields.y, default: any}\n"
    )
    assert right(text).create["devrev"].when.fields["a"].values == ("anything",)


def test_an_address_loses_its_last_slash() -> None:
    """Paths can be put behind an address as it is."""
    text = SYSTEMS.replace("https://status.example.com", "https://status.example.com/")
    system = loads(text, "x", ENVIRON).systems["status"]
    assert isinstance(system, ProdManager)
    assert system.url == "https://status.example.com"


def test_a_site_is_not_needed_beside_an_address() -> None:
    """A simulator or a proxy has an address and no site."""
    text = SYSTEMS.replace("site: datadoghq.eu", "url: http://127.0.0.1:8126")
    assert loads(text, "x", ENVIRON).systems["datadog"].url == "http://127.0.0.1:8126"


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "empty"), ("# nothing\n", "empty"), ("- a\n", "a list"), ("word\n", "one value")],
)
def test_a_file_that_is_no_mapping_is_refused(text: str, message: str) -> None:
    """Empty files, lists and single words are named as such."""
    (only,) = problems(text)
    assert (only.code, only.line, only.column) == ("E105", 1, 1)
    assert message in only.message
    assert only.hint


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """Who has no configuration learns how to get one."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "instep.yaml", {})
    (only,) = caught.value.problems
    assert (only.code, only.line) == ("E101", 0)
    assert "does not exist" in only.message
    assert "instep init" in only.hint


def test_a_directory_is_not_a_file(tmp_path: Path) -> None:
    """A directory is named as one, with the file that was probably meant."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, {})
    (only,) = caught.value.problems
    assert only.code == "E101"
    assert "is a directory" in only.message
    assert str(tmp_path / "instep.yaml") in only.hint


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    """A path through a file is no path."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "file" / "instep.yaml", {})
    (only,) = caught.value.problems
    assert only.code == "E101"
    assert "not a directory" in only.message


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("line", [b"# caf\xe9\n", b"# \xc3\xa9\xc3\xa9 \xef"])
def test_a_file_that_is_not_text_is_refused_at_its_first_bad_byte(
    tmp_path: Path, mark: bytes, line: bytes
) -> None:
    """Other encodings are named with the place of the first byte that does not fit."""
    file = tmp_path / "instep.yaml"
    file.write_bytes(mark + b"every: 60s\n" + line)
    with pytest.raises(ConfigError) as caught:
        load(file, {})
    (only,) = caught.value.problems
    assert (only.code, only.line, only.column) == ("E101", 2, 6)
    assert "UTF-8" in only.hint
    assert caught.value.text.startswith("every: 60s\n# ")


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    """Editors that write one do no harm."""
    file = tmp_path / "instep.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + SYSTEMS.encode())
    assert list(load(file, ENVIRON).systems) == ["devrev", "datadog", "status"]


def test_a_dash_is_the_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """A configuration can be piped in."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(SYSTEMS.encode())))
    assert list(load("-", ENVIRON).systems) == ["devrev", "datadog", "status"]


def test_one_system_alone_is_a_warning() -> None:
    """With one system there is nothing to keep in step, but a check of it is possible."""
    config = loads("systems: {a: {type: devrev, token: '${DEVREV_TOKEN}'}}", "x", ENVIRON)
    assert [(w.code, w.line, w.column) for w in config.warnings] == [("W202", 1, 10)]


def test_creating_in_a_system_that_is_not_writable_is_a_warning() -> None:
    """Whoever switches writing off for a trial keeps the rest of the file."""
    text = SYSTEMS.replace("{type: devrev,", "{type: devrev, writable: false,")
    config = loads("create: {devrev: {}}" + text, "x", ENVIRON)
    assert [(w.code, w.line, w.column) for w in config.warnings] == [("W203", 1, 10)]

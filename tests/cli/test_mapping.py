"""``explain --mapping``: every rule applied to one record, of a service or of a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from instep.cli import mapped, mapping
from tests.cli.sims import TOKEN, Line, Sims, closed_port, written

FOOTER = """\
  footer:
    type: text
    devrev: {path: custom_fields.tnt__footer, template: "From {datadog.url}\\nSeverity {severity}"}
"""
#: Own words by path of a record in Datadog, two of which no rule can read.
OWN = """\
title: Checkout slow
fields.severity: SEV-0
fields.state: odd
customer_impact_start: "2026-02-03T10:12:34+01:00"
fields.services: [api, db]
fields.region: eu
"""


@pytest.fixture
def config(sims: Sims, tmp_path: Path) -> Path:
    """Configure the simulated services."""
    return written(tmp_path, sims.ports)


@pytest.fixture
def offline(tmp_path: Path) -> Path:
    """Configure services where nobody listens, with a template."""
    ports = dict.fromkeys(("devrev", "datadog", "prodmanager"), closed_port())
    return written(tmp_path, ports, f"fields:\n{FOOTER}")


def of_file(line: Line, folder: Path, text: str, system: str, *more: str) -> dict[str, Any]:
    """Explain a record of a file; answers the facts."""
    path = folder / "record.txt"
    path.write_text(text)
    ran = line("explain", "--mapping", "--file", path, "--system", system, "--json", *more)
    assert (ran.code, ran.data["kind"]) == (0, "done"), ran.err
    (found,) = ran.data["records"]
    assert found["record"] == str(path)
    return dict(found)


@pytest.mark.usefixtures("config")
def test_a_record_is_read_live_without_a_ledger(line: Line, sims: Sims, tmp_path: Path) -> None:
    """SYSTEM:ID is enough; nothing is written, to no service and to no file."""
    ran = line("explain", "--mapping", "status:1", "--json")
    (found,) = ran.data["records"]
    assert (ran.code, found["record"], found["url"].rpartition("/")[2]) == (0, "1", "1")
    severity = found["fields"]["severity"]
    assert severity["read"] == {
        "path": "severity",
        "raw": "critical",
        "own": "critical",
        "values": ["critical"],
        "counts": True,
        "through": "as it is",
    }
    assert severity["value"] == "critical"
    assert severity["systems"]["datadog"] == {
        "path": "fields.severity",
        "word": "SEV-1",
        "through": "words: the first of SEV-1, SEV-0",
        "why_not": "",
        "is_template": False,
    }
    started = found["fields"]["started_at"]
    assert started["read"]["through"] == "zone UTC"
    assert sims.world.writes == 0
    assert [path.name for path in tmp_path.iterdir()] == ["instep.yaml"]
    assert TOKEN not in ran.out + ran.err


def test_a_name_that_people_see_is_found_in_the_ledger(
    line: Line, sims: Sims, config: Path
) -> None:
    """Once instep has heard of a record, its display id will do; in text as in JSON."""
    assert line("once", "--config", config).code == 0
    writes = sims.world.writes
    ran = line("explain", "--mapping", "datadog:IR-1001")
    assert ran.code == 0
    assert ran.out.startswith("datadog IR-1001  ")
    assert "severity (choice): moderate" in ran.out
    assert "datadog reads  fields.severity  SEV-3     words: SEV-3 is moderate" in ran.out
    assert "devrev writes  severity         sev-2     words: moderate is sev-2" in ran.out
    assert sims.world.writes == writes


def test_of_an_incident_each_record_is_explained(
    line: Line, sims: Sims, config: Path, tmp_path: Path
) -> None:
    """What ``explain`` takes names all records of an incident; one that is away costs itself."""
    assert line("once", "--config", config).code == 0
    ran = line("explain", "--mapping", "INC-1", "--json")
    assert ran.code == 0
    assert {each["system"] for each in ran.data["records"]} == {"devrev", "datadog", "status"}
    written(tmp_path, {**sims.ports, "datadog": closed_port()})
    ran = line("explain", "--mapping", "INC-1", "--json")
    assert (ran.code, ran.data["kind"]) == (3, "system")
    told = {each["system"]: each.get("error", "") for each in ran.data["records"]}
    assert [name for name, error in told.items() if error] == ["datadog"]
    assert "could not be reached" in told["datadog"]
    text = line("explain", "--mapping", "INC-1")
    assert "datadog could not be reached" in text.out
    assert text.out.count("\n\ntitle (line):") == 2


def test_a_single_record_that_cannot_be_read_is_an_error(line: Line, config: Path) -> None:
    """Unknown to its service, or to the ledger: exit 2 with advice; nobody there: exit 3."""
    ran = line("explain", "--mapping", "status:999", "--config", config)
    assert ran.code == 2
    assert "SYSTEM:ID takes the service's own id" in ran.err
    ran = line("explain", "--mapping", "IR-999")
    assert (ran.code, 'the ledger knows no "IR-999"' in ran.err) == (2, True)
    ran = line("explain", "--mapping", "datdog:IR-1001")
    assert (ran.code, "SYSTEM:ID is for devrev, datadog, status" in ran.err) == (2, True)


@pytest.mark.usefixtures("offline")
def test_a_system_that_is_away_is_an_error(line: Line) -> None:
    """Without an answer there is nothing to explain."""
    assert line("explain", "--mapping", "status:1").code == 3


def test_without_a_ledger_that_can_be_read_ids_still_are(
    line: Line, sims: Sims, config: Path
) -> None:
    """The service's own id needs no ledger, be it one that cannot be copied."""
    other = config.read_text().replace("sqlite:///", "postgresql+psycopg://u@127.0.0.1:1/x?")
    config.write_text(other)
    assert line("explain", "--mapping", "status:1").code == 0
    assert sims.world.writes == 0


def test_an_incident_of_systems_that_are_configured_no_more_has_no_mapping(
    line: Line, sims: Sims, config: Path, tmp_path: Path
) -> None:
    """Its records cannot be read, and that is said."""
    assert line("once", "--config", config).code == 0
    text = config.read_text().replace("datadog", "dog").replace("type: dog", "type: datadog")
    text = text.replace("devrev", "dev").replace("type: dev,", "type: devrev,")
    (tmp_path / "instep.yaml").write_text(text.replace("status", "page"))
    ran = line("explain", "--mapping", "INC-1")
    assert ran.code == 2
    assert "has no record in any system" in ran.err


@pytest.mark.usefixtures("offline")
def test_words_by_path_are_explained_offline(line: Line, tmp_path: Path) -> None:
    """A file of own words: through what each goes, what is mute, and what no rule reads."""
    found = of_file(line, tmp_path, OWN, "datadog")
    reads = {name: field["read"] for name, field in found["fields"].items() if field["read"]}
    assert reads["severity"]["through"] == "words: SEV-0 is critical"
    assert (reads["status"]["counts"], reads["status"]["values"]) == (False, [])
    assert reads["started_at"]["own"] == "2026-02-03T09:12:34Z"
    assert found["fields"]["acknowledged_at"]["read"] is None
    assert found["fields"]["components"]["value"] == ["api", "db"]
    assert found["unread"] == ["fields.region"]
    assert (found["url"], found["note"]) == ("", mapping.FROM_FILE)
    devrev = found["creates"]["devrev"]
    assert devrev["conditions"] == [
        {"asks": "it began in datadog or status (create.from)", "holds": True}
    ]
    assert devrev["sent"]["severity"] == "sev-0"
    status = found["fields"]["resolved_at"]["systems"]["devrev"]
    assert (status["word"], status["why_not"]) == (None, "the rule reads only")


@pytest.mark.usefixtures("offline")
def test_the_text_shows_each_step(line: Line, tmp_path: Path) -> None:
    """Raw and plain words, why nothing is written, conditions, what is sent, whole templates."""
    path = tmp_path / "own.yaml"
    path.write_text(OWN)
    out = line("explain", "--mapping", "--file", path, "--system", "datadog").out
    assert "2026-02-03T10:12:34+01:00 -> 2026-02-03T09:12:34Z  made plain (instant)" in out
    assert "no rule of datadog is about it" in out
    assert "not written: nothing is agreed" in out
    assert "  holds  it began in datadog or status (create.from)\n" in out
    assert "  sends  severity" in out
    assert "read by no rule: fields.region" in out
    assert out.endswith(
        "the template of footer in devrev\n"
        "  | From https://datadog.example/1\n"
        "  | Severity critical\n"
    )


def test_a_create_that_is_held_says_what_it_lacks(line: Line, offline: Path) -> None:
    """Nothing is sent, though all conditions hold."""
    found = of_file(line, offline.parent, '{"fields.severity": "SEV-1"}', "datadog")
    status = found["creates"]["status"]
    assert (status["sent"], status["held"]) == ({}, "status requires name, and nothing says it")
    assert "  held: status requires name, and nothing says it" in list(mapped.lines(found))


@pytest.mark.parametrize(
    ("kind", "system", "around"),
    [
        ("devrev", "devrev", "incident"),
        ("datadog", "datadog", "data"),
        ("prodmanager", "status", ""),
    ],
)
def test_the_answer_of_a_service_is_read_by_its_connector(
    line: Line, sims: Sims, offline: Path, kind: str, system: str, around: str
) -> None:
    """The raw object of a file reads as a live one does, but for names that take a look-up."""
    raw = sims.doubles[kind].records()[0]
    found = of_file(line, offline.parent, json.dumps({around: raw} if around else raw), system)
    title = raw.get("title") or raw.get("name") or raw["attributes"]["title"]
    assert found["fields"]["title"]["value"] == title
    assert found["fields"]["status"]["value"] == "active"
    blank = "so scope, service cannot be told" if kind == "prodmanager" else ""
    told = [mapping.FROM_FILE, mapping.UNASKED, *([blank] if blank else [])]
    assert found["note"] == "; ".join(told)
    assert sims.world.requests == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "does not hold one record"),
        ("[1]", "does not hold one record"),
        ("- 1\n", "does not hold one record"),
        ("title: {a: b}", '"title" in'),
        ("title: [1]", '"title" in'),
        ("title: 'open", "this is not YAML"),
        ("\xff", "is not UTF-8 text"),
    ],
)
def test_a_file_that_holds_no_record_is_refused(
    line: Line, offline: Path, text: str, said: str
) -> None:
    """Each is told in a sentence, exit 2."""
    path = offline.parent / "record.txt"
    path.write_bytes(text.encode("latin-1"))
    ran = line("explain", "--mapping", "--file", path, "--system", "datadog")
    assert ran.code == 2
    assert said in ran.err


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--mapping"], "name one record"),
        ([], "name one record"),
        (["1", "--file", "x", "--system", "devrev", "--mapping"], "name one record"),
        (["--mapping", "--file", "x"], "go together"),
        (["--mapping", "1", "--system", "devrev"], "go together"),
        (["1", "--system", "devrev"], "go with --mapping"),
        (["--file", "x"], "go with --mapping"),
        (["--mapping", "--file", "nowhere", "--system", "devrev"], "cannot read nowhere"),
        (["--mapping", "--file", "instep.yaml", "--system", "x"], 'there is no system "x"'),
    ],
)
def test_a_call_that_names_no_record_is_refused(line: Line, args: list[str], said: str) -> None:
    """One record, in one way; --file and --system only with --mapping."""
    ran = line("explain", *args)
    assert ran.code == 2
    assert said in ran.err


def test_a_bug_in_one_of_several_is_no_message() -> None:
    """What nobody foresaw is not shown as a record that could not be read."""
    with pytest.raises(ZeroDivisionError):
        mapping._failed("devrev", "1", ZeroDivisionError())

"""Records of one incident that people opened by hand: suggested, linked, merged and parted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from instep.ledger.sqlite import Lock
from tests.cli.sims import Line, Sims, closed_port, served, written

TWO = """\
create:
  devrev: {from: [datadog], alike: hold}
  datadog: {from: [devrev], alike: hold}
"""


@pytest.fixture
def empty() -> Iterator[Sims]:
    """Serve the three services without any incident."""
    with served(incidents=0) as running:
        yield running


@pytest.fixture
def twice(empty: Sims, tmp_path: Path) -> Sims:
    """Let two people open the same incident in two services, within the hour."""
    written(tmp_path, empty.ports)
    empty.doubles["devrev"].add(title="Checkout slow", body="Told to DevRev")
    empty.doubles["datadog"].add(title="Checkout  slow!", severity="SEV-2")
    return empty


def giving(folder: Path, create: str) -> None:
    """Configure which systems are given incidents of others."""
    path = folder / "instep.yaml"
    text = path.read_text()
    path.write_text(text[: text.index("create:")] + create)


def counts(sims: Sims) -> list[int]:
    """Count what each service holds."""
    return [len(records) for records in sims.records()]


def shown(line: Line, incident: int = 1) -> dict[str, str]:
    """Give the display ids of an incident's records, by system."""
    data = line("explain", str(incident), "--json").data
    return {row["system"]: row["display"] for row in data["references"]}


def values(line: Line, incident: int = 1) -> dict[str, Any]:
    """Give what is agreed of an incident."""
    fields = line("explain", str(incident), "--json").data["fields"]
    return {name: field["base"]["value"] for name, field in fields.items() if field["base"]}


def test_what_looks_the_same_is_suggested(line: Line, twice: Sims, tmp_path: Path) -> None:
    """One title within the hour is likely; the file names the pair, and nothing else is written."""
    ran = line("links", "suggest", "--json", "--out", "pairs.txt")
    (found,) = ran.data["suggestions"]
    assert (ran.code, found["how"]) == (0, "likely")
    names = {each["record"] for each in found["records"]}
    assert names == {"devrev:INC-1", "datadog:IR-1001"}
    lines = [each for each in Path("pairs.txt").read_text().splitlines() if each[0] != "#"]
    assert [set(each.partition("#")[0].split()) for each in lines] == [names]
    assert twice.world.writes == 0
    assert {path.name for path in tmp_path.iterdir()} == {"instep.yaml", "pairs.txt"}
    text = line("links", "suggest").out
    assert text.startswith("likely\n")
    assert "https://app.devrev.ai/incidents/INC-1" in text
    assert line("links", "suggest", "--out", "pairs.txt").code == 2


def test_what_may_be_one_of_several_is_commented_out(line: Line, twice: Sims) -> None:
    """Two records of one system that look the same are ambiguous; nothing of it is accepted."""
    twice.doubles["datadog"].add(title="checkout slow")
    ran = line("links", "suggest", "--json", "--out", "pairs.txt")
    assert [each["how"] for each in ran.data["suggestions"]] == ["ambiguous", "ambiguous"]
    done = line("links", "accept", "pairs.txt", "--json")
    assert (done.code, done.data["links"]) == (0, [])


@pytest.mark.usefixtures("twice")
def test_a_reviewed_file_is_accepted_before_the_first_run(line: Line, twice: Sims) -> None:
    """Both records become one incident: fields of both are kept, nothing is made beside them."""
    line("links", "suggest", "--out", "pairs.txt")
    done = line("links", "accept", "pairs.txt", "--json")
    assert (done.code, done.data["links"][0]["incident"]) == (0, 1)
    assert twice.world.writes == 0
    once = line("once", "--json")
    assert (once.code, once.data["incidents"]) == (0, 1)
    assert counts(twice) == [1, 1, 1]
    agreed = values(line)
    assert (agreed["description"], agreed["severity"]) == ("Told to DevRev", "high")
    attic = line("conflicts", "--json").data["attic"]
    assert {agreed["title"], *(each["value"] for each in attic)} == {
        "Checkout slow",
        "Checkout slow!",
    }
    assert line("once", "--json").data["quiet"]
    again = line("links", "accept", "pairs.txt")
    assert (again.code, counts(twice)) == (0, [1, 1, 1])
    assert "linked already" in again.out
    assert "next cycle" not in again.err


def test_nothing_is_doubled_before_they_are_linked(line: Line, twice: Sims, tmp_path: Path) -> None:
    """Of two systems neither is given the other's record that it has by hand; both creates wait."""
    giving(tmp_path, TWO)
    once = line("once", "--json")
    assert (once.code, once.data["held"]) == (1, 2)
    assert twice.world.writes == 0
    assert line("once", "--json").data["quiet"]
    assert counts(twice) == [1, 1, 0]
    assert line("links", "add", "devrev:INC-1", "datadog:IR-1001").code == 0
    assert line("once", "--json").data["held"] == 0
    assert counts(twice) == [1, 1, 0]


def test_nothing_is_doubled_in_a_third_system(line: Line, twice: Sims) -> None:
    """A system that has neither record is not given one of each while they wait to be linked."""
    for _ in range(3):
        line("once")
    assert max(counts(twice)) == 1
    line("links", "add", "devrev:INC-1", "datadog:IR-1001")
    assert line("once").code == 0
    assert counts(twice) == [1, 1, 1]


def test_what_looks_the_same_can_be_made_all_the_same(
    line: Line, twice: Sims, tmp_path: Path
) -> None:
    """``alike: create`` makes records beside those that look the same."""
    giving(tmp_path, TWO.replace("hold", "create"))
    assert line("once").code == 0
    assert counts(twice) == [2, 2, 0]


def test_links_are_removed_again(line: Line, twice: Sims, tmp_path: Path) -> None:
    """The record gets an incident of its own, keeps what it says, and is doubled nowhere."""
    giving(tmp_path, TWO)
    line("links", "add", "devrev:INC-1", "datadog:IR-1001")
    assert line("once").code == 0
    began = line("explain", "1", "--json").data["origin"]
    other = ({"devrev", "datadog"} - {began}).pop()
    before = twice.world.writes
    parted = line("links", "remove", f"{other}:{shown(line)[other]}", "--json")
    assert (parted.code, parted.data["incident"], parted.data["left"]) == (0, 2, 1)
    assert set(shown(line)) == {began}
    assert set(shown(line, 2)) == {other}
    once = line("once", "--json")
    assert (once.code, once.data["held"]) == (1, 2)
    assert twice.world.writes == before
    assert counts(twice) == [1, 1, 0]
    # Said again, it is as before.
    assert line("links", "add", "1", "2").code == 0
    assert line("once", "--json").data["quiet"]


def test_where_an_incident_began_it_stays(line: Line, twice: Sims) -> None:
    """The record in which an incident began is not removed from it, nor is an only record."""
    line("links", "add", "devrev:INC-1", "datadog:IR-1001")
    began = line("explain", "1", "--json").data["origin"]
    ran = line("links", "remove", f"{began}:{shown(line)[began]}")
    assert (ran.code, f"began in {began}" in ran.err) == (2, True)
    twice.doubles["devrev"].add(title="Alone")
    assert "is the only record" in line("links", "remove", "devrev:INC-2").err
    ran = line("links", "remove", "1")
    assert (ran.code, "devrev:INC-1" in ran.err) == (2, True)


@pytest.mark.usefixtures("sims")
def test_what_instep_made_stays_where_it_was_made(line: Line, sims: Sims, tmp_path: Path) -> None:
    """A record that carries instep's mark is not parted: it would come back at once."""
    written(tmp_path, sims.ports)
    line("once")
    began = line("explain", "1", "--json").data["origin"]
    made, display = next((name, d) for name, d in shown(line).items() if name != began)
    ran = line("links", "remove", f"{made}:{display}")
    assert (ran.code, "mark" in ran.err) == (2, True)


def test_an_address_links_without_being_asked(line: Line, empty: Sims, tmp_path: Path) -> None:
    """ProdManager's ``external_link`` holds the URL of the Datadog incident: that is exact."""
    written(tmp_path, empty.ports)
    empty.doubles["datadog"].add(title="Checkout slow")
    empty.doubles["prodmanager"].add(
        name="Slow checkout", external_link="https://app.datadoghq.com/incidents/1001"
    )
    assert line("links", "suggest", "--json").data["suggestions"] == []
    once = line("once", "--json")
    assert (once.code, once.data["incidents"]) == (0, 1)
    assert counts(empty) == [1, 1, 1]
    assert set(shown(line)) == {"devrev", "datadog", "status"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("devrev:INC-1", "pairs.txt:1"),
        ("devrev:INC-1 datadog:IR-1001 status:1", "pairs.txt:1"),
        ("devrev:INC-1 datadog:IR-1001\ndevrev:INC-1 datadog:IR-7", '"datadog:IR-7"'),
        ("devrev:INC-1 datadog:IR-1001\ndevrev:INC-1 datadog:IR-1002", "two records"),
    ],
)
def test_all_lines_are_checked_before_the_first_is_done(
    line: Line, twice: Sims, text: str, said: str
) -> None:
    """A line that is wrong is told, and no other line is done."""
    twice.doubles["datadog"].add(title="Another")
    Path("pairs.txt").write_text(text + "\n")
    ran = line("links", "accept", "pairs.txt")
    assert (ran.code, said in ran.err) == (2, True)
    # Three records, three incidents: nothing was linked.
    assert line("plan", "--json").code in (0, 1)
    assert line("once", "--json").data["incidents"] == 3


def test_a_missing_file_says_so(line: Line, twice: Sims) -> None:
    """What cannot be read is a wrong call."""
    assert line("links", "accept", "nowhere.txt").code == 2
    assert twice.world.requests == []


@pytest.mark.usefixtures("twice")
def test_a_file_without_a_pair_says_that_nothing_was_linked(line: Line) -> None:
    """Where every line was commented out, it is said that there was nothing to do."""
    Path("pairs.txt").write_text("# devrev:INC-1 datadog:IR-1001\n")
    ran = line("links", "accept", "pairs.txt")
    assert (ran.code, ran.out) == (0, "no pair of records is named: nothing to link\n")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe\x00", "pairs.txt is no UTF-8 text"),
        (b"a b " + b"\x1b" * 9000, "pairs.txt:1: a b ???"),
    ],
)
@pytest.mark.usefixtures("twice")
def test_what_is_no_list_of_pairs_is_told_in_a_short_line(
    line: Line, content: bytes, said: str
) -> None:
    """Whatever the file holds, the error is short, moves no cursor, and shows a line's form."""
    Path("pairs.txt").write_bytes(content)
    ran = line("links", "accept", "pairs.txt")
    assert ran.code == 2
    assert said in ran.err
    assert "a line is two records" in ran.err
    assert len(ran.err) < 300


def test_three_records_become_one_incident(line: Line, twice: Sims) -> None:
    """Pairs that share a record join all three; what each said alone is said by all."""
    twice.doubles["prodmanager"].add(name="Checkout slow", description="Told to the page")
    Path("pairs.txt").write_text("devrev:INC-1 datadog:IR-1001\nstatus:1 datadog:IR-1001\n")
    done = line("links", "accept", "pairs.txt", "--json")
    assert (done.code, {each["incident"] for each in done.data["links"]}) == (0, {1})
    assert line("once").code == 0
    assert counts(twice) == [1, 1, 1]
    assert values(line)["severity"] == "high"


def test_beside_a_daemon_links_go_into_its_ledger(line: Line, twice: Sims, tmp_path: Path) -> None:
    """With the lock taken what is known is linked; what is not known yet is told to be so."""
    giving(tmp_path, TWO)
    line("once")
    twice.doubles["devrev"].add(title="Later")
    with Lock(f"sqlite:///{tmp_path / 'instep.db'}"):
        ran = line("links", "add", "devrev:INC-2", "datadog:IR-1001")
        assert (ran.code, "daemon" in ran.err) == (2, True)
        assert line("links", "add", "devrev:INC-1", "datadog:IR-1001").code == 0
    assert line("once", "--json").data["incidents"] == 2


def test_a_system_that_cannot_be_heard_is_named(line: Line, twice: Sims, tmp_path: Path) -> None:
    """A record that is not known because its system is away costs exit 3, with the reason."""
    written(tmp_path, {**twice.ports, "datadog": closed_port()})
    ran = line("links", "add", "devrev:INC-1", "datadog:IR-1001")
    assert (ran.code, "could not be reached" in ran.err) == (3, True)
    late = line("links", "suggest")
    assert (late.code, "late: datadog" in late.out) == (3, True)


@pytest.mark.usefixtures("sims")
def test_copies_are_listed_with_what_to_do(line: Line, sims: Sims, tmp_path: Path) -> None:
    """A record that carries a mark of another one's is kept out, listed, and linked to nothing."""
    written(tmp_path, sims.ports)
    line("once")
    assert line("links").out == "no record is kept out\n"
    page = sims.doubles["prodmanager"]
    made = next(r for r in page.records() if r["external_reference"])
    copy = page.add(name="A copy", external_reference=made["external_reference"])
    before = Counter(counts(sims))
    line("once")
    assert Counter(counts(sims)) == before
    listed = line("links", "--json")
    (row,) = listed.data["kept_out"]
    assert (listed.code, row["why"], row["record"]) == (1, "duplicate", f"status:{copy}")
    assert row["advice"] in line("links", "list").out

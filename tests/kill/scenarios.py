"""What a person does before a cycle, and what every service has to hold when all is over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from instep.simulator.serve import KINDS
from tests.kill.stage import INCIDENTS, LATER, Doubles, Stage

#: How a hand in each service spells a title, a description and a status.
SPELLED = {
    "devrev": ("title", "body", "stage"),
    "datadog": ("title", "summary", "state"),
    "prodmanager": ("name", "description", "status"),
}
#: The word of each service for an incident that is stable; all say resolved alike.
STABLE = {"devrev": "mitigated", "datadog": "stable", "prodmanager": "stable"}
#: What the ledger holds of what is not at rest.
RESTLESS = ("intents", "held", "incidents WHERE due")


@dataclass(frozen=True)
class Told:
    """What a record says."""

    title: str
    text: str
    status: str


#: A person does something in one service; answers what each service has to say afterwards.
Act = Callable[[str, Doubles], dict[str, Told]]


def create(system: str, doubles: Doubles) -> dict[str, Told]:
    """Open an incident that is stable already, for which ProdManager needs two writes."""
    title, text, status = SPELLED[system]
    said = f"Opened in {system}", f"It began in {system}."
    doubles[system].add(**{title: said[0], text: said[1], status: STABLE[system]})
    return {kind: Told(*said, STABLE[kind]) for kind in doubles}


def update(system: str, doubles: Doubles) -> dict[str, Told]:
    """Rewrite title and description of an incident that began there."""
    title, text, _ = SPELLED[system]
    said = f"Renamed in {system}", f"Told anew in {system}."
    before = told(system, doubles[system].records()[0]).title
    after = {kind: Told(*said, _named(kind, doubles, before).status) for kind in doubles}
    doubles[system].edit(doubles[system].ids()[0], **{title: said[0], text: said[1]})
    return after


def close(system: str, doubles: Doubles) -> dict[str, Told]:
    """Resolve an incident that began there."""
    before = told(system, doubles[system].records()[0])
    doubles[system].edit(doubles[system].ids()[0], **{SPELLED[system][2]: "resolved"})
    return {kind: Told(before.title, before.text, "resolved") for kind in doubles}


ACTS: dict[str, Act] = {"create": create, "update": update, "close": close}


@dataclass(frozen=True)
class Scenario:
    """Acts of a person, each in one service."""

    deeds: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        """Name it."""
        return " + ".join(f"{act} in {system}" for act, system in self.deeds)

    def play(self, stage: Stage) -> Ending:
        """Let the person act, a minute before the next cycle."""
        ends = tuple(ACTS[act](system, stage.doubles) for act, system in self.deeds)
        made = sum(act == "create" for act, _ in self.deeds)
        stage.clock.at += LATER
        return Ending(INCIDENTS * len(KINDS) + made, ends)


@dataclass(frozen=True)
class Ending:
    """How all has to end: so many incidents, and what was done has arrived everywhere."""

    incidents: int
    told: tuple[dict[str, Told], ...]

    def missed(self, stage: Stage) -> list[str]:
        """Say what is not as it has to be; nothing is missed if all is."""
        return [*stage.apart(), *self._amiss(stage.doubles), *_restless(stage)]

    def _amiss(self, doubles: Doubles) -> list[str]:
        """Ask the services themselves for records too many or too few, and for what was done."""
        found = []
        for kind, double in doubles.items():
            says = [told(kind, raw) for raw in double.records()]
            if len(says) != self.incidents:
                found.append(f"{kind} has {len(says)} records of {self.incidents} incidents")
            found += [
                f"{kind} has {several} times {one}"
                for one in (wanted[kind] for wanted in self.told)
                if (several := says.count(one)) != 1
            ]
        return found


#: All kinds of deeds, each in another service and on another incident.
MIXED = Scenario((("create", "devrev"), ("update", "datadog"), ("close", "prodmanager")))
#: One deed in one service, for each of both.
SINGLE = tuple(Scenario(((act, system),)) for act in ACTS for system in KINDS)
#: What takes longest comes first, so that all processes end at about the same time.
SCENARIOS = (MIXED, *SINGLE)


def told(system: str, raw: dict[str, Any]) -> Told:
    """Read a record of a service."""
    if system == "devrev":
        return Told(raw["title"], raw["body"], raw["stage"]["stage"]["name"])
    if system == "prodmanager":
        return Told(raw["name"], raw["description"], raw["status"])
    about = raw["attributes"]
    fields = about["fields"]
    return Told(about["title"], fields["summary"]["value"], fields["state"]["value"])


def _named(system: str, doubles: Doubles, title: str) -> Told:
    """Find the record with a title."""
    says = (told(system, raw) for raw in doubles[system].records())
    return next(one for one in says if one.title == title)


def _restless(stage: Stage) -> list[str]:
    """Ask the ledger what is open, held or due, and whether the file is sound."""
    left = {what: stage.ask(f"SELECT count(*) FROM {what}")[0][0] for what in RESTLESS}  # noqa: S608
    found = [f"the ledger has {count} {what}" for what, count in left.items() if count]
    sound = stage.ask("PRAGMA integrity_check")
    return found if sound == [("ok",)] else [*found, f"the ledger is broken: {sound}"]

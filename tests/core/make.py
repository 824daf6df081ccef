"""What the core tests share: builders, rules of every sort, strategies, and a faithful service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from hypothesis import strategies as st

from instep.core.abilities import Abilities, While
from instep.core.fields import Decide, Field, Kind, Policy, normal, stamp
from instep.core.merge import merge
from instep.core.model import NOTHING, Base, Incident, Intent, Mark, Reference, Side, Word, Words
from instep.core.observe import Heard, conclude
from instep.core.operation import Operation, carried
from instep.core.plan import Settled, settle
from instep.core.rules import Direction, Rule
from instep.core.spelling import Precision, Spelling
from instep.core.unit import Creation, Member, Unit

SEVERITY = ("critical", "high", "moderate", "low", "minor")
STATUS = ("active", "investigating", "stable", "resolved")

#: Four words for five values, one of them mute.
DEV_SEVERITY = {
    "sev-0": ("critical",),
    "sev-1": ("high",),
    "sev-2": ("moderate",),
    "sev-3": ("low", "minor"),
}
#: Two words for one value, and a word that means nothing said.
DOG_SEVERITY = {
    "SEV-1": ("critical",),
    "SEV-0": ("critical",),
    "SEV-2": ("high",),
    "SEV-3": ("moderate",),
    "SEV-4": ("low",),
    "SEV-5": ("minor",),
    "UNKNOWN": (),
}
DOG_STATUS = {
    "active": ("active", "investigating"),
    "stable": ("stable",),
    "resolved": ("resolved",),
    "completed": ("resolved",),
}
SAME_STATUS = {value: (value,) for value in STATUS}
SAME_SEVERITY = {value: (value,) for value in SEVERITY}
NAMES = {"API": ("api",), "Web": ("web",), "WEB": ("web",)}

#: Around both changes of the clock, in Paris and in New York.
CHANGES = (
    "2026-03-29T00:59:30Z",
    "2026-03-29T01:00:00Z",
    "2026-10-25T00:30:00Z",
    "2026-10-25T01:30:00Z",
    "2026-03-08T06:59:59.5Z",
    "2026-03-08T07:00:00Z",
    "2026-11-01T05:30:00Z",
    "2026-11-01T06:30:00Z",
)
#: Local digits that come once, twice, and never.
LOCAL = (
    "2026-01-05T10:00",
    "2026-03-29T02:30",
    "2026-10-25T02:30",
    "2026-03-08T02:30",
    "2026-11-01T01:30",
    "2026-07-05T23:59",
)


def make_field(kind: Kind, decide: Decide = Decide.NEWEST, *systems: str, name: str = "f") -> Field:
    """Make a field; a choice has the order of severities."""
    order = SEVERITY if kind is Kind.CHOICE else ()
    return Field(name, kind, Policy(decide, systems), order)


def make_rule(
    kind: Kind, words: Mapping[str, tuple[str, ...]] | None = None, **spelled: object
) -> Rule:
    """Make a rule of a kind, with a word table or a spelling."""
    spelling = replace(Spelling(), **spelled)  # type: ignore[arg-type]
    return Rule(make_field(kind), "p", words=words, spelling=spelling)


#: A rule of every sort that a configuration can describe.
RULES = {
    "line": make_rule(Kind.LINE),
    "line, at least four": make_rule(Kind.LINE, tidy=True, min_length=4),
    "line, at most five": make_rule(Kind.LINE, max_length=5),
    "text": make_rule(Kind.TEXT),
    "text, tidied": make_rule(Kind.TEXT, tidy=True),
    "text, tidied and cut": make_rule(Kind.TEXT, tidy=True, min_length=2, max_length=4),
    "link": make_rule(Kind.LINK),
    "flag": make_rule(Kind.FLAG),
    "number": make_rule(Kind.NUMBER),
    "choice": make_rule(Kind.CHOICE),
    "choice, fewer words": make_rule(Kind.CHOICE, DEV_SEVERITY),
    "choice, more words": make_rule(Kind.CHOICE, DOG_SEVERITY),
    "instant": make_rule(Kind.INSTANT),
    "instant, milliseconds": make_rule(Kind.INSTANT, precision=Precision.MILLISECOND),
    "instant, seconds": make_rule(Kind.INSTANT, precision=Precision.SECOND),
    "instant, minutes": make_rule(Kind.INSTANT, precision=Precision.MINUTE),
    "instant, Paris": make_rule(Kind.INSTANT, precision=Precision.MINUTE, zone="Europe/Paris"),
    "instant, New York": make_rule(
        Kind.INSTANT, precision=Precision.MINUTE, zone="America/New_York"
    ),
    "set": make_rule(Kind.SET),
    "set, one name": make_rule(Kind.SET, single=True),
    "set, own names": make_rule(Kind.SET, NAMES),
    "set, one own name": make_rule(Kind.SET, NAMES, single=True),
    "people": make_rule(Kind.PEOPLE),
    "people, one": make_rule(Kind.PEOPLE, single=True),
}

_names = st.lists(st.sampled_from(("api", "web", "db", "cache")), min_size=1, max_size=3)
_people = st.lists(st.sampled_from(("Ann@x.io", "bob@x.io", " eve@x.io")), min_size=1, max_size=2)
_texts = st.text(alphabet="ab \n\t.", max_size=9).map(lambda text: f"x{text}")
_times = st.datetimes(
    datetime.fromisoformat("1971-01-01"),
    datetime.fromisoformat("2099-01-01"),
    timezones=st.just(UTC),
)

#: What services say for each kind, before anything is made plain.
RAW: Mapping[Kind, st.SearchStrategy[Word | list[str]]] = {
    Kind.LINE: _texts,
    Kind.TEXT: st.one_of(_texts, _texts.map(lambda text: text.replace("\n", "\r\n"))),
    Kind.LINK: st.sampled_from(("https://a.io/1", "https://a.io/2")),
    Kind.CHOICE: st.sampled_from(SEVERITY),
    Kind.INSTANT: st.one_of(
        st.sampled_from(CHANGES), _times.map(stamp), _times.map(lambda when: when.isoformat())
    ),
    Kind.FLAG: st.sampled_from((True, False, "yes", "False", 1)),
    Kind.NUMBER: st.one_of(st.integers(-9, 9), st.floats(-9, 9), st.just("3.0")),
    Kind.SET: _names,
    Kind.PEOPLE: _people,
}


def values(kind: Kind) -> st.SearchStrategy[Word]:
    """Draw a common value that says something."""
    return RAW[kind].map(lambda raw: normal(kind, raw)).filter(lambda value: value is not None)


def words(rule: Rule) -> st.SearchStrategy[Word]:
    """Draw an own word as it stands in a record; ``None`` where nothing is said."""
    kind = rule.field.kind
    if kind is Kind.CHOICE and rule.words is not None:
        said: st.SearchStrategy[Word | list[str]] = st.sampled_from((*rule.words, "odd"))
    elif kind is Kind.SET and rule.words is not None:
        said = st.lists(st.sampled_from((*rule.words, "db")), min_size=1, max_size=3)
    elif rule.spelling.zone:
        said = st.sampled_from(LOCAL)
    else:
        said = RAW[kind]
    return st.one_of(st.none(), said).map(rule.own)  # type: ignore[arg-type]


def make_unit(*members: Member) -> Unit:
    """Make a unit of members and of every field that they have a rule for."""
    fields = {name: rule.field for member in members for name, rule in member.rules.items()}
    return Unit("default", fields, {member.name: member for member in members})


def voices(known: Field, *rules: Rule, names: tuple[str, ...] = ("a", "b", "c")) -> Unit:
    """Make a unit with one field, named ``f``: each rule is the rule of one member."""
    return make_unit(
        *(
            Member(name, {"f": replace(rule, field=known)})
            for name, rule in zip(names, rules, strict=False)
        )
    )


def reference(system: str) -> Reference:
    """Make the reference to the only record of a system."""
    return Reference(
        f"{system}-1", "born", f"{system.upper()}-1", f"https://{system}/1", CHANGES[0]
    )


def says(system: str, now: Word, before: Word = None, agreed: Word = None, at: str = "") -> Side:
    """Make a side that says something of the field ``f`` that it said before, or something new."""
    return Side(
        system,
        reference(system),
        says={} if now is None else {"f": now},
        says_at={"f": at} if at else {},
        shadow={} if before is None else {"f": before},
        agreed={} if agreed is None else {"f": agreed},
    )


def incident(*sides: Side, **base: Word | Base) -> Incident:
    """Make an incident of sides that began in ``a``, with what was last agreed by field."""
    agreed = {n: b if isinstance(b, Base) else Base(b, ("z",), "0") for n, b in base.items()}
    return Incident(7, "uid7", "a", base=agreed, sides={side.system: side for side in sides})


def intent_of(operation: Operation, number: int = 1) -> Intent:
    """Write an operation down as an intent."""
    return Intent(
        id=number,
        incident=operation.incident,
        system=operation.system,
        kind=operation.kind,
        sent=operation.sent,
        mark=operation.mark or Mark("a", "", "uid7"),
        expires=60.0,
        extra=operation.extra,
    )


@dataclass
class Service:
    """A service that keeps what it is sent, in its own words; a deaf one keeps nothing."""

    member: Member
    words: dict[str, Word] = field(default_factory=dict)
    deaf: bool = False

    def take(self, operation: Operation) -> None:
        """Carry out one write; a fresh record says what fresh records say."""
        if operation.kind == "create":
            self.words = dict(self.member.abilities.born)
        if not self.deaf:
            self.words.update(carried(operation.sent, operation.extra))

    def says(self) -> Words:
        """Give what the record says, by field."""
        said = {n: rule.own(self.words.get(rule.path)) for n, rule in self.member.rules.items()}
        return {name: own for name, own in said.items() if own is not None}


@dataclass
class Played:
    """What came of settling an incident again and again: each round, and how it stands."""

    incident: Incident
    rounds: list[Settled] = field(default_factory=list)

    @property
    def operations(self) -> list[Operation]:
        """Every write that was made."""
        return [op for each in self.rounds for op in each.operations if not op.announced]


def play(unit: Unit, start: Incident, rounds: int = 4, deaf: str = "") -> Played:
    """Settle, write to faithful services, take in what they say, and settle again."""
    played = Played(start)
    services = {
        name: Service(member, _by_path(member, start.side(name).says), deaf=name == deaf)
        for name, member in unit.members.items()
    }
    first = 1 + max((side.seen for side in start.sides.values()), default=0)
    for ticket in range(first, first + rounds):
        settled = settle(unit, played.incident, merge(unit, played.incident))
        played.rounds.append(settled)
        played.incident = settled.incident
        for operation in settled.operations:
            if not operation.announced:
                service = services[operation.system]
                service.take(operation)
                _take_in(unit, played, operation, service.says(), ticket)
    return played


def _by_path(member: Member, says: Words) -> dict[str, Word]:
    """Give what a record says by path."""
    return {rule.path: says.get(name) for name, rule in member.rules.items()}


def _take_in(unit: Unit, played: Played, operation: Operation, heard: Words, ticket: int) -> None:
    """Conclude a write with what the record says after it."""
    name = operation.system
    after = conclude(
        unit.members[name],
        played.incident,
        intent_of(operation),
        Heard(reference(name), heard, ticket, stamp(datetime.fromtimestamp(ticket, UTC))),
        NOTHING,
        confirmed=True,
        seen=ticket,
    )
    played.incident = replace(played.incident, sides={**played.incident.sides, name: after})


def _dev() -> Member:
    """Make a member with fewer words than there are values, and that cannot empty its text."""
    rules = {
        "title": Rule(Field("title", Kind.LINE), "title"),
        "text": Rule(Field("text", Kind.TEXT), "body"),
        "severity": Rule(make_field(Kind.CHOICE, name="severity"), "severity", words=DEV_SEVERITY),
        "status": Rule(Field("status", Kind.CHOICE, order=STATUS), "stage", words=SAME_STATUS),
        "started": Rule(
            Field("started", Kind.INSTANT), "start", spelling=Spelling(Precision.MILLISECOND)
        ),
        "ended": Rule(Field("ended", Kind.INSTANT), "end", direction=Direction.IN),
        "parts": Rule(make_field(Kind.SET, Decide.UNION, name="parts"), "parts"),
        "owners": Rule(Field("owners", Kind.PEOPLE), "owners"),
    }
    able = Abilities(keeps=frozenset({"body"}), read_only=frozenset({"end"}))
    return Member("dev", rules, able, Creation(frozenset({"dog", "page"})))


def _dog(known: Mapping[str, Field]) -> Member:
    """Make a member with a word that means nothing said, one owner, and names of its own."""
    rules = {
        "title": Rule(known["title"], "title", spelling=Spelling(max_length=8)),
        "text": Rule(known["text"], "summary", direction=Direction.OUT),
        "severity": Rule(known["severity"], "severity", words=DOG_SEVERITY),
        "status": Rule(known["status"], "state", words=DOG_STATUS),
        "started": Rule(known["started"], "start"),
        "parts": Rule(known["parts"], "services", words=NAMES),
        "owners": Rule(known["owners"], "commander", spelling=Spelling(single=True)),
    }
    made = Creation(frozenset({"dev", "page"}), words={"kind": "incident"})
    return Member("dog", rules, Abilities(born={"start": None}), made)


def _page(known: Mapping[str, Field]) -> Member:
    """Make a member that rewrites, keeps minutes, and holds an end only once it is resolved."""
    minutes = Spelling(Precision.MINUTE, "Europe/Paris")
    rules = {
        "title": Rule(known["title"], "name", spelling=Spelling(tidy=True, min_length=4)),
        "text": Rule(known["text"], "text", spelling=Spelling(tidy=True)),
        "severity": Rule(known["severity"], "severity", words=SAME_SEVERITY, default="moderate"),
        "status": Rule(known["status"], "status", words=SAME_STATUS),
        "started": Rule(known["started"], "start", spelling=minutes, default="opened"),
        "ended": Rule(known["ended"], "end", spelling=minutes),
    }
    able = Abilities(
        born={"status": "active", "end": None},
        only_while={"end": While("status", frozenset({"resolved"}))},
        moves={"end": frozenset({"status"})},
        keeps=frozenset({"end"}),
        required=frozenset({"name", "start"}),
    )
    return Member("page", rules, able, Creation(frozenset({"dev", "dog"})))


DEV = _dev()
_KNOWN = {name: rule.field for name, rule in DEV.rules.items()}
#: Three members as awkward as real ones.
UNIT = make_unit(DEV, _dog(_KNOWN), _page(_KNOWN))


def sides(member: Member, agreed: Mapping[str, Base]) -> st.SearchStrategy[Side]:
    """Draw a side in any state: at rest, edited, late, or never heard of."""

    @st.composite
    def draw_side(draw: st.DrawFn) -> Side:
        now: dict[str, Word] = {}
        before: dict[str, Word] = {}
        known: dict[str, Word] = {}
        for name, rule in member.rules.items():
            now[name], was = draw(words(rule)), draw(words(rule))
            before[name] = draw(st.sampled_from((now[name], was)))
            base = agreed[name].value if name in agreed else None
            known[name] = draw(st.sampled_from((base, rule.get(before[name], None))))
        at = {name: draw(st.sampled_from(CHANGES)) for name in now}
        return Side(
            member.name, reference(member.name), _said(now), at, _said(before), _said(known)
        )

    return draw_side()


def _said(words_by_field: Words) -> Words:
    """Leave out what says nothing."""
    return {name: word for name, word in words_by_field.items() if word is not None}


@st.composite
def incidents(draw: st.DrawFn, unit: Unit = UNIT) -> Incident:
    """Draw an incident of a unit, with some sides missing and some fields never agreed."""
    base = {
        name: Base(draw(values(known.kind)), ("page",), draw(st.sampled_from(CHANGES)))
        for name, known in unit.fields.items()
        if draw(st.booleans())
    }
    for name in base.keys() & {"status"}:
        base[name] = replace(base[name], value=draw(st.sampled_from(STATUS)))
    there = [m for m in unit.members.values() if draw(st.sampled_from((True, True, False)))]
    drawn = {member.name: draw(sides(member, base)) for member in there}
    origin = draw(st.sampled_from(sorted(drawn))) if drawn else "dev"
    return Incident(7, "uid7", origin, base=base, sides=drawn)

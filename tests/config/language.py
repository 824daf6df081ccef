"""Configurations of every kind that the language knows, in every spelling that it takes."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from instep.config.schema import SITES
from instep.core.fields import Kind

#: What the variables hold that stand in place of values.
ENVIRON = {
    "SECRET": "a secret",
    "COUNT": "7",
    "FLAG": "yes",
    "SPAN": "5m",
    "SHARE": "30%",
    "URL": "https://x.example.com",
    "WORD": "eu",
    "KIND": "devrev",
    "OFF": "off",
    "LEVEL": "info",
    "POLICY": "newest",
    "LEDGER": "sqlite:///x.db",
    "PORT": "8080",
}
NAMES = ("devrev", "datadog", "status")
WORDS = ("eu", "us", "asia")
SECRET = st.sampled_from(["${SECRET}", "in the file", "credential"])
COUNT = st.integers(0, 99) | st.sampled_from(["25", "0", "${COUNT}"])
YES = ("yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON")
NO = ("no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF")
FLAG = st.booleans() | st.sampled_from([*YES, *NO, "${FLAG}"])
SPAN = st.sampled_from(["60s", "1h30m", "007m", "2d", "${SPAN}"])
SHARE = st.sampled_from(["30%", "0.5%", "100 %", 0.3, 1, 1.0, "${SHARE}"])
URL = st.sampled_from(["https://a.example.com/", "HTTP://10.0.0.1:80/x", "${URL}"])
OFF = st.sampled_from(["off", False, "${OFF}"])
WORD = st.sampled_from(["eu", "", "1", 1, 2.5, True, ["a", "b"], "${WORD}"])
MAYBE = WORD | st.none()
COMMON = st.sampled_from([*WORDS, "${WORD}"])


def said(required: dict[str, Any], **optional: st.SearchStrategy[Any]) -> Any:
    """Make a mapping of which some keys can be left out, or left empty where that is allowed."""
    return st.fixed_dictionaries(required, optional=optional)


def or_nothing(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Leave the key empty now and then."""
    return strategy | st.none()


LIMITS = dict.fromkeys(("creates", "updates", "closes", "deletes"), COUNT) | {"share": SHARE}
OWN_LIMITS = {key: or_nothing(value) for key, value in LIMITS.items()}
SHARED: dict[str, Any] = {
    "url": URL,
    "timeout": SPAN,
    "rate": SHARE,
    "writable": FLAG,
    "on_gone": st.sampled_from(["keep", "close", "recreate", "delete"]),
    "limits": said({}, **OWN_LIMITS),
}
SWEEPS = {"poll": said({}, by=st.sampled_from(["sweep", "open"]))}
DEVREV = said(
    {"type": st.sampled_from(["devrev", "${KIND}"]), "token": SECRET},
    **SHARED,
    app_url=or_nothing(URL),
    version=or_nothing(st.just("2026-01-15")),
    beta=FLAG,
    reference=st.sampled_from(["sync_metadata", "custom_fields.tnt__x"]),
    foreign=FLAG,
    poll=said({"by": st.just("group")}, group_by=st.just("stage")) | st.just({"by": "changes"}),
)
DATADOG = said(
    {"type": st.just("datadog"), "site": st.sampled_from(SITES)},
    **{key: value for key, value in SHARED.items() if key != "url"},
    **SWEEPS,
    url=or_nothing(URL),
    app_url=or_nothing(URL),
    reference_field=st.just("mark"),
    incident_type=or_nothing(st.just("00000000-0000-0000-0000-000000000000")),
    **dict.fromkeys(("quiet", "private", "tests", "links"), FLAG),
)
KEYS = st.sampled_from([("bearer",), ("api_key", "app_key")])
PRODMANAGER = said(
    {"type": st.just("prodmanager"), "url": URL, "token": SECRET},
    **{key: value for key, value in SHARED.items() if key != "url"},
    **SWEEPS,
    timezone=st.sampled_from(["UTC", "Europe/Paris"]),
)


@st.composite
def datadogs(draw: st.DrawFn) -> dict[str, Any]:
    """Make a Datadog with one of its two ways in."""
    return {**draw(DATADOG), **{key: draw(SECRET) for key in draw(KEYS)}}


SYSTEMS = said({"devrev": DEVREV, "datadog": datadogs(), "status": PRODMANAGER})

#: What a severity may have to say: a word, several, a range, or none of these.
SEVERITY = st.sampled_from(["critical", "high", "low"])
WANTED: st.SearchStrategy[Any] = st.deferred(
    lambda: (
        or_nothing(SEVERITY)
        | st.lists(or_nothing(SEVERITY), max_size=3)
        | said({}, at_least=st.just("low"), at_most=st.just("high"), **{"not": WANTED})
    )
)
WHEN: st.SearchStrategy[Any] = st.deferred(
    lambda: said(
        {},
        severity=WANTED,
        status=or_nothing(st.sampled_from(["active", "resolved"])),
        **dict.fromkeys(("any", "all"), st.lists(WHEN, min_size=1, max_size=2)),
        **{"not": or_nothing(WHEN)},
    )
)


def create(name: str) -> Any:
    """Say what a system is given."""
    needs = {"status": {"set": st.just({"scope": "eu-west", "service": "${WORD}"})}}.get(name, {})
    others = [other for other in NAMES if other != name]
    return said(
        needs,
        when=WHEN,
        alike=st.sampled_from(["hold", "create"]),
        **{"from": or_nothing(st.lists(st.sampled_from(others), min_size=1, unique=True))},
    )


TABLE = st.dictionaries(
    st.sampled_from(["EU", "US", "1", "no"]),
    COMMON | st.lists(COMMON, max_size=2) | st.none(),
    min_size=1,
)
#: What a rule says beside its place, by the type of its field.
OPTIONS: dict[Kind, dict[str, Any]] = {
    Kind.CHOICE: {
        "words": or_nothing(TABLE),
        "otherwise": COMMON | st.none() | st.just(["eu", "us"]) | st.just([]),
        "loses": st.lists(st.sampled_from(WORDS)),
    },
    Kind.LINE: {
        "max_length": COUNT,
        "shorten": st.sampled_from(["ellipsis", "words", "cut"]),
        **dict.fromkeys(("strip", "tidy"), FLAG),
        "min_length": st.just("1"),
        "template": st.sampled_from(["{title}\nMore: {datadog.url}", "{{"]),
        "const": st.sampled_from(["always", 1, True]),
    },
    Kind.INSTANT: {
        "precision": or_nothing(st.sampled_from(["second", "day"])),
        "zone": or_nothing(st.just("Asia/Tokyo")),
        "default": st.just("opened"),
    },
    Kind.SET: {**dict.fromkeys(("single", "only_add"), FLAG), "default": WORD},
    Kind.PEOPLE: {"single": FLAG, "words": st.just({"ann": "ann@example.com"})},
    Kind.LINK: {"template": st.just("{datadog.url}")},
    Kind.FLAG: {"const": st.just(True), "default": st.just("no")},
    Kind.NUMBER: {"default": st.sampled_from([1, "2.5"])},
}
PLACES = {"devrev": "custom_fields.tnt__", "datadog": "fields."}
DIRECTION = st.sampled_from(["both", "in", "out"])


@st.composite
def fields(draw: st.DrawFn) -> dict[str, Any]:
    """Make a field of one's own, with rules for two of the systems."""
    kind = draw(st.sampled_from([*OPTIONS]))
    policies = [
        *("newest", "manual", "${POLICY}", {"prefer": "devrev"}, {"prefer": [*NAMES]}),
        None,
    ]
    policies += {Kind.CHOICE: ["highest"], Kind.SET: ["union"]}.get(kind, [])
    rules = {
        system: draw(
            OFF
            | said(
                {"path": st.just(place + kind.value)},
                direction=DIRECTION,
                **OPTIONS[kind],
            )
        )
        for system, place in PLACES.items()
    }
    own = {"values": [*WORDS], "closes": ["asia"]} if kind is Kind.CHOICE else {"values": []}
    return {"type": kind.value, "on_conflict": draw(st.sampled_from(policies))} | own | rules


@st.composite
def configs(draw: st.DrawFn) -> dict[str, Any]:
    """Make a configuration; nearly all of them are right."""
    usual = st.sampled_from(["owners", "components", "acknowledged_at"])
    own = st.sampled_from(["region", "team"])
    trial = said(
        {"given": st.just({"devrev": {"title": "Slow"}}), "sent": st.just({"datadog": None})},
        name=st.just("one"),
        edited=st.just({"title": "Down", "severity": None}),
    )
    return draw(
        said(
            {"systems": SYSTEMS},
            ledger=st.sampled_from(["sqlite:///a.db", "postgresql+psycopg://u@h/n", "${LEDGER}"]),
            every=SPAN,
            full_sweep_every=SPAN,
            limits=said({}, **LIMITS),
            create=said({}, **{name: create(name) for name in NAMES}),
            fields=st.dictionaries(own, fields(), max_size=1) | st.dictionaries(usual, OFF),
            strict=st.sampled_from([False, "no", "off", "${OFF}"]),
            tests=st.lists(trial, max_size=2),
            listen=or_nothing(st.sampled_from([8080, "8080", ":80", "[::1]:80", "${PORT}"])),
            page=st.sampled_from(["off", "full", "summary"]),
            heartbeat=or_nothing(st.just({"url": "${SECRET}"})),
            log=said({}, format=st.just("auto"), level=st.sampled_from(["debug", "${LEVEL}"])),
            stop_within=SPAN,
        )
    )

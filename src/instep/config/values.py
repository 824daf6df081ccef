"""The small values of a configuration: durations, shares, addresses, names, words.

Each reads what people write and says in one sentence what is wrong with it. A problem's type is
its code; its message and hint are in its context.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, LiteralString
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from instep.config.findings import suggest
from instep.core.fields import Decide, Policy
from instep.core.model import Word

_FLAGS = frozenset({"true", "false", "yes", "no", "on", "off"})
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,30}")
#: Words that already mean something beside the names of systems in a field, or of fields in a
#: condition.
RESERVED = frozenset({"type", "on_conflict", "values", "closes", "any", "all", "not"})


def wrong(code: LiteralString, message: str, hint: str = "") -> PydanticCustomError:
    """Make the error by which a value says what is wrong with it."""
    return PydanticCustomError(code, "{message}", {"message": message, "hint": hint})


def seconds(value: object) -> float:
    """Read ``90s``, ``5m``, ``1h30m`` or ``2d`` as seconds."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise wrong("E108", f"{value} has no unit", f'did you mean "{value}s"?')
    text = value if isinstance(value, str) else ""
    if not re.fullmatch(r"([0-9]+[smhd])+", text):
        raise wrong("E108", "this is not a duration", "such as 60s, 5m or 1h30m")
    total = sum(int(n) * _UNITS[unit] for n, unit in re.findall(r"([0-9]+)([smhd])", text))
    if not total:
        raise wrong("E108", "a duration of nothing", "such as 60s, 5m or 1h30m")
    return float(total)


def sweep(value: object) -> float:
    """Read how often everything is listed; it cannot be switched off."""
    if value in (None, False, 0, "off", "never", "none", "0s"):
        hint = "only a full sweep finds what a filter by time has missed; such as 1h"
        raise wrong("E108", "the full sweep cannot be switched off", hint)
    return seconds(value)


def share(value: object) -> float:
    """Read ``30%`` or ``0.3``."""
    if isinstance(value, str) and (number := re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*%", value)):
        part = float(number[1]) / 100
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        part = float(value)
    else:
        raise wrong("E109", "this is not a share", "such as 30% or 0.3")
    if not 0 < part <= 1:
        hint = f'did you mean "{value}%"?' if 1 < part <= 100 and part == value else "such as 30%"
        raise wrong("E109", "a share is more than 0% and at most 100%", hint)
    return part


def name(value: str) -> str:
    """Check the name of a system or a field."""
    if value in RESERVED:
        raise wrong("E111", f'"{value}" has a meaning of its own', "take another name")
    if not _NAME.fullmatch(value):
        hint = "a small letter, then small letters, digits, - and _; at most 31 in all"
        raise wrong("E111", f'"{value}" cannot be a name', hint)
    return value


def url(value: object) -> str:
    """Check an address of the web; it loses its last slash."""
    text = value if isinstance(value, str) else ""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port or True)
    except ValueError:
        usable = False
    if not usable or re.search(r"\s", text):
        hint = "start with https://" if "://" not in text else "such as https://status.example.com"
        raise wrong("E113", "this is not a web address", hint)
    if parts.username is not None:
        raise wrong("E113", "an address with a user in it", "credentials have their own keys")
    return text.rstrip("/")


def ledger(value: str) -> str:
    """Check that the ledger is kept in a database that instep can use."""
    if not re.fullmatch(r"(sqlite|postgresql)(\+\w+)?://[^\[\]]*", value):
        hint = "sqlite:///instep.db, or postgresql+psycopg://user@host/name"
        raise wrong("E113", "this is not the address of a database", hint)
    return value


def reference(value: object) -> str:
    """Check where DevRev keeps instep's mark."""
    if value != "sync_metadata" and not re.fullmatch(r"custom_fields\.\w+", str(value)):
        hint = "sync_metadata, or a custom field such as custom_fields.tnt__reference"
        raise wrong("E110", "no mark can be kept there", hint)
    return str(value)


def zone(value: object) -> str:
    """Check a time zone's name."""
    try:
        return ZoneInfo(value if isinstance(value, str) else "?").key
    except (ValueError, OSError, KeyError):
        near = suggest(value, available_timezones())
        hint = near if near.startswith("did") else "such as Europe/Paris or UTC"
        raise wrong("E114", "this is not a time zone", hint) from None


@dataclass(frozen=True, slots=True)
class Listen:
    """Where the status page and the health endpoints listen."""

    host: str
    port: int


def listen(value: object) -> Listen:
    """Read ``host:port`` or a port alone, which listens on this machine only."""
    text = str(value) if isinstance(value, (str, int)) else ""
    parts = re.fullmatch(r"(?:(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)?:)?([0-9]{1,5})", text)
    if parts is None or not 0 < int(parts[2]) < 65536:
        raise wrong("E113", "this is not an address to listen on", "such as 127.0.0.1:8080")
    return Listen((parts[1] or "127.0.0.1").strip("[]"), int(parts[2]))


def count(value: object) -> object:
    """Refuse what only happens to read as a whole number."""
    if isinstance(value, bool) or (isinstance(value, str) and not re.fullmatch("[0-9]+", value)):
        raise wrong("E107", "this is not a whole number", "such as 25")
    return value


def flag(value: object) -> object:
    """Read true, yes, on and their opposites, and nothing else."""
    if isinstance(value, bool) or (isinstance(value, str) and value.casefold() in _FLAGS):
        return value
    raise wrong("E107", "this is neither true nor false", "write true or false")


def word(value: object) -> Word:
    """Read a word: text, a number, a flag, or a list of texts."""
    if isinstance(value, (str, int, float)):
        return value
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise wrong("E107", "this is not a word", "text, a number, true or false, or a list of texts")


def maybe(value: object) -> Word:
    """Read a word, or ``~``: nothing is said."""
    return None if value is None else word(value)


def words(value: object) -> tuple[Word, ...]:
    """Read one word or a list of them; ``~`` is for nothing said."""
    return tuple(maybe(item) for item in value) if isinstance(value, list) else (maybe(value),)


def meanings(value: object) -> Any:
    """Read which common words an own word may stand for; ``~`` means that nothing is said."""
    if value is None:
        return ()
    return (value,) if not isinstance(value, list) else value


def policy(value: object) -> Policy:
    """Read how a conflict is decided."""
    plain = [decide.value for decide in Decide if decide is not Decide.PREFER]
    if isinstance(value, dict) and set(value) == {"prefer"}:
        systems = value["prefer"] if isinstance(value["prefer"], list) else [value["prefer"]]
        if systems and all(isinstance(system, str) for system in systems):
            return Policy(Decide.PREFER, tuple(systems))
    if isinstance(value, str) and value in plain:
        return Policy(Decide(value))
    hint = "prefer: [system, ...]" if value == "prefer" else ""
    if isinstance(value, dict):
        raise wrong("E110", "this does not decide a conflict", "write {prefer: [system, ...]}")
    valid = [*plain, "{prefer: [system, ...]}"]
    raise wrong("E110", "this does not decide a conflict", hint or suggest(value, valid))


def off(value: object) -> object:
    """Read ``false`` or ``off`` as "take it out"; a key with nothing behind it is a mistake."""
    if value is None:
        raise wrong("E107", "nothing is said here", 'write "off" to take it out')
    return None if value is False or value == "off" else value


def given(value: object) -> object:
    """Refuse ``~`` where something has to be said."""
    if value is None:
        raise wrong("E107", "nothing is said here", "say something, or take the key out")
    return value


def several(values: Iterable[str]) -> tuple[str, ...]:
    """Check that no word stands twice in a list."""
    found = tuple(values)
    if twice := next((item for item in found if found.count(item) > 1), None):
        raise wrong("E110", f'"{twice}" stands here twice', "keep one of them")
    return found


#: A variable in the place of a whole value, as a file spells it.
VARIABLE = r"\$\{[A-Za-z_][A-Za-z0-9_]*\}"


def _shape(*kinds: str, pattern: str = "", **more: Any) -> WithJsonSchema:
    """Say for editors which values there are, and how text must look that names no variable."""
    looks = {"pattern": f"^({pattern}|{VARIABLE})$"} if pattern else {}
    return WithJsonSchema({"type": kinds[0] if len(kinds) == 1 else [*kinds]} | looks | more)


_LISTEN = r"(([A-Za-z0-9._-]+|\[[0-9a-fA-F:.]+\])?:)?\d{1,5}"
_DATABASE = r"(sqlite|postgresql)(\+\w+)?://[^\[\]]*|(file|credential):.+"
_SECONDS = _shape("string", pattern=r"(?=.*[^\D0])(\d+[smhd])+", examples=["60s", "5m", "1h30m"])
_SHARE = r"\d+(\.\d+)?\s*%"
_WORD = ("string", "number", "boolean")
_TEXT = {"type": "string"}
_ITEM = {"type": [*_WORD, "null"]}
_NAMES = {"items": _TEXT, "minItems": 1}
_NAMED = rf"^(?!({'|'.join(sorted(RESERVED))})$)[a-z][a-z0-9_-]{{0,30}}$"
_POLICIES = [decide.value for decide in Decide if decide is not Decide.PREFER]
_DECISION = {
    "if": {"type": "object"},
    "then": {
        "properties": {
            "prefer": {
                "type": ["array", "string"],
                "description": "The systems whose word counts, the first of them before the next.",
                "examples": [["datadog", "devrev"]],
                **_NAMES,
            }
        },
        "required": ["prefer"],
        "additionalProperties": False,
    },
    "else": {"enum": _POLICIES},
    # Editors offer these; they do not look into what stands under "else".
    "examples": _POLICIES,
}

Address = Annotated[
    Listen,
    PlainValidator(listen),
    _shape("string", "integer", pattern=_LISTEN, minimum=1, maximum=65535),
]
Choices = Annotated[
    tuple[Word, ...], PlainValidator(words), _shape(*_WORD, "array", "null", items=_ITEM)
]
Decision = Annotated[Policy, PlainValidator(policy), WithJsonSchema(_DECISION)]
Plain = Annotated[Word, PlainValidator(word), _shape(*_WORD, "array", **_NAMES)]
Maybe = Annotated[Word, PlainValidator(maybe), _shape(*_WORD, "array", "null", **_NAMES)]
Seconds = Annotated[float, PlainValidator(seconds), _SECONDS]
Sweep = Annotated[float, PlainValidator(sweep), _SECONDS]
Share = Annotated[
    float,
    PlainValidator(share),
    _shape("string", "number", pattern=_SHARE, exclusiveMinimum=0, maximum=1, examples=["30%"]),
]
Count = Annotated[int, Field(ge=0), BeforeValidator(count)]
Flag = Annotated[bool, BeforeValidator(flag)]
Name = Annotated[str, AfterValidator(name), WithJsonSchema({"type": "string", "pattern": _NAMED})]
Url = Annotated[str, PlainValidator(url), _shape("string", pattern=r"[Hh][Tt][Tt][Pp][Ss]?://\S+")]
Ledger = Annotated[str, AfterValidator(ledger), _shape("string", pattern=_DATABASE)]
Reference = Annotated[
    str,
    PlainValidator(reference),
    _shape("string", pattern=r"sync_metadata|custom_fields\.\w+"),
]
Zone = Annotated[str, PlainValidator(zone), _shape("string", examples=["Europe/Paris"])]
Meanings = Annotated[
    tuple[str, ...], BeforeValidator(meanings), _shape("string", "array", "null", items=_TEXT)
]
Otherwise = Annotated[
    tuple[str, ...] | None,
    BeforeValidator(meanings),
    _shape("string", "array", "null", items=_TEXT),
]
Several = Annotated[tuple[str, ...], AfterValidator(several)]

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

from pydantic import AfterValidator, BeforeValidator, PlainValidator
from pydantic_core import PydanticCustomError

from instep.config.findings import suggest
from instep.core.fields import Decide, Policy
from instep.core.model import Word

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,30}")
#: Words that already mean something beside the names of systems in a field.
RESERVED = frozenset({"type", "on_conflict", "values", "closes"})


def wrong(code: LiteralString, message: str, hint: str = "") -> PydanticCustomError:
    """Make the error by which a value says what is wrong with it."""
    return PydanticCustomError(code, "{message}", {"message": message, "hint": hint})


def seconds(value: object) -> float:
    """Read ``90s``, ``5m``, ``1h30m`` or ``2d`` as seconds."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise wrong("E108", f"{value} has no unit", f'did you mean "{value}s"?')
    text = value if isinstance(value, str) else ""
    if not re.fullmatch(r"(\d+[smhd])+", text):
        raise wrong("E108", "this is not a duration", "such as 60s, 5m or 1h30m")
    total = sum(int(n) * _UNITS[unit] for n, unit in re.findall(r"(\d+)([smhd])", text))
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
    if isinstance(value, str) and (number := re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", value)):
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
        raise wrong("E111", f'"{value}" is a key of a field', "take another name")
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
    parts = re.fullmatch(r"(?:(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)?:)?(\d{1,5})", text)
    if parts is None or not 0 < int(parts[2]) < 65536:
        raise wrong("E113", "this is not an address to listen on", "such as 127.0.0.1:8080")
    return Listen((parts[1] or "127.0.0.1").strip("[]"), int(parts[2]))


def word(value: object) -> Word:
    """Read a word: text, a number, a flag, or a list of texts."""
    if isinstance(value, (str, int, float)):
        return value
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise wrong("E107", "this is not a word", "text, a number, true or false, or a list of texts")


def words(value: object) -> tuple[Word, ...]:
    """Read one word or a list of them."""
    return tuple(word(item) for item in value) if isinstance(value, list) else (word(value),)


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


def several(values: Iterable[str]) -> tuple[str, ...]:
    """Check that no word stands twice in a list."""
    found = tuple(values)
    if twice := next((item for item in found if found.count(item) > 1), None):
        raise wrong("E110", f'"{twice}" stands here twice', "keep one of them")
    return found


Address = Annotated[Listen, PlainValidator(listen)]
Choices = Annotated[tuple[Word, ...], PlainValidator(words)]
Decision = Annotated[Policy, PlainValidator(policy)]
Plain = Annotated[Word, PlainValidator(word)]
Seconds = Annotated[float, PlainValidator(seconds)]
Sweep = Annotated[float, PlainValidator(sweep)]
Share = Annotated[float, PlainValidator(share)]
Name = Annotated[str, AfterValidator(name)]
Url = Annotated[str, PlainValidator(url)]
Ledger = Annotated[str, AfterValidator(ledger)]
Reference = Annotated[str, PlainValidator(reference)]
Zone = Annotated[str, PlainValidator(zone)]
Meanings = Annotated[tuple[str, ...], BeforeValidator(meanings)]
Several = Annotated[tuple[str, ...], AfterValidator(several)]

"""Where log lines go and what they look like.

A terminal gets coloured lines in local time; anything else gets one JSON object a line::

    {"at": "2026-02-03T09:12:00.123456Z", "level": "info", "event": "write.created", "run": 7, ...}

``event`` is one of the stable names in ``docs/reference/events.md``. What other libraries say
through ``logging`` comes out of the same door as the event ``library.said``. Nothing leaves
without having passed the redaction, tracebacks included.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TextIO
from urllib.parse import quote

import stamina
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

__all__ = ["SHORT", "Format", "setup"]

Format = Literal["auto", "console", "json"]

#: Characters that are too few for a secret: to blot them out would blot out words.
SHORT = 3
_HANDLER = "instep"
# At INFO these tell of every request, job and migration: our own events already do.
_CHATTY = ("httpx", "httpcore", "aiohttp", "apscheduler", "alembic")
_SECRET_KEY = re.compile(
    r"(^|_)(token|authorization|password|passwd|secret|cookie|(api|app|application|access)_?key)$"
)


def setup(
    *,
    format: Format = "auto",  # noqa: A002 - the word of the configuration
    level: str = "info",
    stream: TextIO | None = None,
    secrets: Iterable[str] = (),
) -> None:
    """Send all log lines to ``stream`` (default: stderr), without the ``secrets``.

    Can be called again, for instance once the configuration has told the secrets.
    """
    stream = sys.stderr if stream is None else stream
    console = stream.isatty() if format == "auto" else format == "console"
    handler = logging.StreamHandler(stream)
    handler.set_name(_HANDLER)
    handler.setFormatter(_formatter(secrets, console=console, colors=_wants_colors(stream)))
    _route_stdlib(handler, level.upper())
    # Each request that is asked again is told of by our own http.request already.
    stamina.instrumentation.set_on_retry_hooks([])
    structlog.configure(
        processors=[structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,
    )


def _route_stdlib(handler: logging.Handler, level: str) -> None:
    """Make ``handler`` the root's only one of ours, and calm the chatty libraries."""
    root = logging.getLogger()
    for old in [each for each in root.handlers if each.name == _HANDLER]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(root.level, logging.WARNING))


def _formatter(
    secrets: Iterable[str], *, console: bool, colors: bool
) -> structlog.stdlib.ProcessorFormatter:
    """Chain the steps that every line takes, whoever wrote it."""
    return structlog.stdlib.ProcessorFormatter(
        processors=[
            _unwrap,
            structlog.contextvars.merge_contextvars,
            structlog.processors.format_exc_info,
            _Redaction(secrets),
            structlog.processors.add_log_level,
            *(_console(colors=colors) if console else _json()),
        ]
    )


def _console(*, colors: bool) -> tuple[Processor, ...]:
    return (
        structlog.processors.TimeStamper("%Y-%m-%d %H:%M:%S %Z", utc=False, key="at"),
        _brief,
        structlog.dev.ConsoleRenderer(
            colors=colors,
            timestamp_key="at",
            # Tracebacks arrive as redacted text; the renderer's own would show local variables.
            exception_formatter=structlog.dev.plain_traceback,
        ),
    )


def _brief(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Say mappings in a few words: what is zero, true or empty goes without saying."""
    return {key: _few(value) if isinstance(value, dict) else value for key, value in event.items()}


def _few(values: Mapping[Any, Any]) -> str:
    """Spell a mapping without what goes without saying."""
    said = {
        key: _few(value) if isinstance(value, dict) else value
        for key, value in values.items()
        if isinstance(value, dict) or (value is not True and value)
    }
    return " ".join(
        f"{key}({value})" if " " in str(value) else f"{key} {value}" for key, value in said.items()
    )


def _json() -> tuple[Processor, ...]:
    return (
        structlog.processors.TimeStamper("iso", utc=True, key="at"),
        _lead,
        structlog.processors.JSONRenderer(),
    )


def _wants_colors(stream: TextIO) -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()


def _unwrap(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Take the stdlib record off; a library's sentence becomes the message of a named event."""
    record: logging.LogRecord = event.pop("_record")
    if not event.pop("_from_structlog"):
        event["message"] = event["event"]
        event["logger"] = record.name
        event["event"] = "library.said"
    return event


def _lead(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Put what people look for first in front of the line."""
    return {**{key: event.pop(key) for key in ("at", "level", "event")}, **event}


class _Redaction:
    """Replaces known secrets in every text and drops what is named like a secret."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Look for ``secrets`` in all the spellings that a message may quote them in."""
        long_enough = [secret for secret in secrets if len(secret) > SHORT]
        spellings = {spelling for secret in long_enough for spelling in _spellings(secret)}
        # Longest first: a secret that begins like another must not leave its tail behind.
        longest_first = sorted(spellings, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    def __call__(self, _: WrappedLogger, __: str, event: EventDict) -> EventDict:
        """Redact one event."""
        return self._mapping(event)

    def _mapping(self, values: Mapping[Any, Any]) -> dict[str, Any]:
        return {
            self._text(str(key)): self._value(value)
            for key, value in values.items()
            if not _SECRET_KEY.search(str(key).lower().replace("-", "_"))
        }

    def _value(self, value: object) -> object:
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, Mapping):
            return self._mapping(value)
        if isinstance(value, list | tuple | set | frozenset):
            return [self._value(each) for each in value]
        # Anything else is made a text here: a renderer would do so after the redaction.
        return self._text(repr(value) if isinstance(value, BaseException) else str(value))

    def _text(self, text: str) -> str:
        return self._pattern.sub("***", text)


def _spellings(secret: str) -> set[str]:
    """Name the ways in which a URL, a JSON body or a ``repr`` writes ``secret``."""
    spellings = {secret, quote(secret, safe=""), json.dumps(secret)[1:-1], repr(secret)[1:-1]}
    return spellings - {""}

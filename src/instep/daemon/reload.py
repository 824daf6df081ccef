"""Reload: a changed configuration is taken over between two cycles, whole or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from instep.app import renew
from instep.config import Config
from instep.daemon.changes import changes
from instep.errors import ConfigError, Problem

if TYPE_CHECKING:
    from instep.daemon.service import Service

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Source:
    """Where a daemon has its configuration from.

    ``read`` reads it anew and checks it as at the start, in a thread of its own; it raises
    ``ConfigError`` where anything is wrong. ``follow`` makes the log go by one that is in force.
    """

    read: Callable[[], Config]
    follow: Callable[[Config], None]


class Reloads:
    """Reads the configuration anew whenever that is asked for."""

    def __init__(self, service: Service, source: Source) -> None:
        """Reload the configuration of ``service`` from ``source``."""
        self._service = service
        self._source = source
        self._asked = asyncio.Event()

    def ask(self) -> None:
        """Ask for a reload; asked for again before it is done, it is done once."""
        if not self._service.stop.is_set():
            self._asked.set()

    async def run(self) -> None:
        """Reload whenever asked, for ever."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            try:
                await self._reload()
            except ConfigError as error:
                _reject(error)
            except Exception:
                # A bug there is no reason to stop cycles that go on well.
                log.exception("config.rejected", problems=[])

    async def _reload(self) -> None:
        """Read, compare, and take over once no cycle is under way."""
        service = self._service
        config = await asyncio.to_thread(self._source.read)
        if config.ledger != service.config.ledger:
            raise _immovable()
        changed = changes(service.config, config)
        if not changed:
            log.info("config.unchanged")
            return
        async with service.turn:
            # Asked anew meanwhile, it is read anew: what counts is the file as it is by then.
            if self._asked.is_set() or service.stop.is_set():
                return
            await renew(service.app, config)
            service.adopt(config)
            self._source.follow(config)
            log.info("config.reloaded", changed=changed)


def _immovable() -> ConfigError:
    """Say that a daemon keeps the ledger that it has locked."""
    message = "the ledger cannot be another while the daemon runs"
    hint = "restart it for that, or put the old ledger back and reload the rest"
    return ConfigError((Problem(message, path="ledger", hint=hint),))


def _reject(error: ConfigError) -> None:
    """Say that the configuration of before stays in force, and everything that is wrong."""
    log.error("config.rejected", problems=[*_told(error)])


def _told(error: ConfigError) -> Iterator[dict[str, str]]:
    """Tell each problem with its place, as a log line holds it."""
    for problem in error.problems:
        place = f"{error.source}:{problem.line}:{problem.column}" if problem.line else error.source
        told = {
            "code": problem.code,
            "place": place,
            "path": problem.path,
            "message": problem.message,
            "hint": problem.hint,
        }
        yield {key: text for key, text in told.items() if text}

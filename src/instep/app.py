"""The composition root: a configuration in, an opened ``App`` out, everything closed on exit."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from instep.config import Config, Datadog, DevRev, ProdManager, unit_of
from instep.config.trials import Outcome, tried
from instep.engine.context import App, Desk
from instep.ledger.database import beside, copied, open_ledger
from instep.ledger.sqlite import Lock

if TYPE_CHECKING:
    from collections.abc import Collection

    import httpx
    from pydantic import SecretStr

    from instep.config import System as Settings
    from instep.core.unit import Unit
    from instep.systems.base import System

P = ParamSpec("P")
T = TypeVar("T")

#: New objects after which the garbage collector looks at the youngest ones.
GARBAGE = 50_000

Transports = Mapping[str, "httpx.AsyncBaseTransport"]


class Purpose(Enum):
    """What an app is opened for: to run cycles, to plan on a copy, or to do a person's order.

    An order is done in the ledger itself, beside a daemon that may be at work.
    """

    WRITE = "write"
    PLAN = "plan"
    ORDER = "order"


#: How the ledger is opened for each purpose.
OPENING = {Purpose.WRITE: open_ledger, Purpose.PLAN: copied, Purpose.ORDER: beside}


@asynccontextmanager
async def opened(
    config: Config,
    purpose: Purpose = Purpose.WRITE,
    *,
    backfill: bool = False,
    transports: Transports | None = None,
    now: Callable[[], float] = time.time,
) -> AsyncIterator[App]:
    """Open the ledger and the systems that a configuration names.

    To write, the ledger is locked for as long as the app is open; to plan, it is copied into
    memory and left as it is; for an order, it has to be there. ``backfill`` makes records quietly
    where that is configured. ``transports`` replace the network, by system.

    Raises:
        LedgerError: the ledger is unusable, or another instep writes to it.
    """
    # Pages of parsed records come and go: the default threshold walks them over and over.
    gc.set_threshold(GARBAGE)
    async with AsyncExitStack() as stack:
        desk = _desk(stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="ledger")))
        if purpose is Purpose.WRITE:
            stack.enter_context(Lock(config.ledger))
        ledger = await desk(OPENING[purpose], config.ledger, now)
        stack.push_async_callback(desk, ledger.close)
        systems = connect(config, transports or {}, backfill=backfill)
        app = App(
            unit=able(unit_of(config), systems),
            systems=systems,
            ledger=ledger,
            desk=desk,
            now=now,
            full_sweep_every=config.full_sweep_every,
        )
        # What there is by then: a daemon may have exchanged its systems.
        stack.push_async_callback(lambda: _part(app, app.systems))
        yield app


async def rehearsed(config: Config) -> tuple[Outcome, ...]:
    """Carry out the tests of a configuration's mapping; no system is asked anything."""
    return tried(await capable(config), config.tests)


async def capable(config: Config) -> Unit:
    """Give the unit of a configuration, with what its systems can do; none is asked anything."""
    systems = connect(config, {})
    try:
        return able(unit_of(config), systems)
    finally:
        for system in systems.values():
            await system.close()


async def renew(app: App, config: Config) -> None:
    """Let an open app go by another configuration; to be called between two cycles only.

    The ledger stays open, with its lock and all that is due or under way in it. What is still
    being heard is given up: it is heard again, under the rules that hold from here on.

    Raises:
        ConfigError: a system cannot be prepared; the app is as it was.
    """
    systems, before = connect(config, {}), app.systems
    unit = able(unit_of(config), systems)
    fresh = replace(app, unit=unit, systems=systems, full_sweep_every=config.full_sweep_every)
    app.unit, app.systems, app.fingerprints = unit, systems, fresh.fingerprints
    app.full_sweep_every = fresh.full_sweep_every
    await _part(app, before)


async def _part(app: App, systems: Mapping[str, System]) -> None:
    """Stop hearing, and close systems."""
    async with AsyncExitStack() as stack:
        for system in systems.values():
            stack.push_async_callback(system.close)
        await app.hush()


def _desk(worker: ThreadPoolExecutor) -> Desk:
    """Call ledger functions in the one thread of a worker."""
    loop = asyncio.get_running_loop()

    async def desk(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await loop.run_in_executor(worker, partial(work, *args, **kwargs))

    return desk


def able(unit: Unit, systems: Mapping[str, System]) -> Unit:
    """Tell each member of a unit what its system, as ``connect`` prepared it, can do."""
    members = {
        name: replace(member, abilities=systems[name].abilities)
        for name, member in unit.members.items()
    }
    return replace(unit, members=members)


def connect(config: Config, transports: Transports, *, backfill: bool = False) -> dict[str, System]:
    """Prepare a connector for each configured system; nothing is sent yet."""
    paths = {name: member.paths for name, member in unit_of(config).members.items()}
    return {
        name: _connector(name, settings, paths[name], transports.get(name), backfill=backfill)
        for name, settings in config.systems.items()
    }


def _connector(
    name: str,
    settings: Settings,
    paths: Collection[str],
    transport: httpx.AsyncBaseTransport | None,
    *,
    backfill: bool,
) -> System:
    """Prepare the connector of one system; its module is imported only where it is used."""
    match settings:
        case DevRev():
            return _devrev(name, settings, paths, transport)
        case Datadog():
            return _datadog(name, settings, paths, transport, quiet=settings.quiet and backfill)
        case ProdManager():
            return _prodmanager(name, settings, paths, transport)


def _devrev(
    name: str,
    settings: DevRev,
    paths: Collection[str],
    transport: httpx.AsyncBaseTransport | None,
) -> System:
    """Prepare a DevRev connector."""
    from instep.systems import devrev  # noqa: PLC0415 - only what is configured is imported

    return devrev.DevRev.connect(
        name,
        paths,
        token=settings.token.get_secret_value(),
        url=settings.url,
        **({"app_url": settings.app_url} if settings.app_url else {}),
        version=settings.version,
        beta=settings.beta,
        group_by=settings.poll.group_by if settings.poll.by == "group" else None,
        reference=settings.reference,
        foreign=settings.foreign,
        timeout=settings.timeout,
        rate=settings.rate,
        transport=transport,
    )


def _datadog(
    name: str,
    settings: Datadog,
    paths: Collection[str],
    transport: httpx.AsyncBaseTransport | None,
    *,
    quiet: bool,
) -> System:
    """Prepare a Datadog connector; ``quiet`` notifies nobody of new incidents."""
    from instep.systems import datadog  # noqa: PLC0415

    return datadog.Datadog.connect(
        name,
        paths,
        api_key=_plain(settings.api_key) or "",
        app_key=_plain(settings.app_key) or "",
        bearer=_plain(settings.bearer),
        **({"site": settings.site} if settings.site else {}),
        url=settings.url,
        app_url=settings.app_url,
        reference_field=settings.reference_field,
        incident_type=settings.incident_type,
        by_open=settings.poll.by == "open",
        quiet=quiet,
        private=settings.private,
        tests=settings.tests,
        link_attachments=settings.links,
        timeout=settings.timeout,
        rate=settings.rate,
        transport=transport,
    )


def _prodmanager(
    name: str,
    settings: ProdManager,
    paths: Collection[str],
    transport: httpx.AsyncBaseTransport | None,
) -> System:
    """Prepare a ProdManager connector."""
    from instep.systems import prodmanager  # noqa: PLC0415

    return prodmanager.ProdManager.connect(
        name,
        paths,
        token=settings.token.get_secret_value(),
        url=str(settings.url),
        timezone=settings.timezone,
        by_open=settings.poll.by == "open",
        writable=settings.writable,
        timeout=settings.timeout,
        rate=settings.rate,
        transport=transport,
    )


def _plain(secret: SecretStr | None) -> str | None:
    """Give a secret in the clear, if there is one."""
    return None if secret is None else secret.get_secret_value()

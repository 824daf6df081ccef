"""What a configuration file may say: frozen models that refuse what they do not know.

Durations are seconds and shares are parts of one, whatever the file spells them as.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Literal
from urllib.parse import unquote, urlsplit

from pydantic import (
    BeforeValidator,
    Field,
    PrivateAttr,
    SecretStr,
)

from instep.config.findings import Path, Place
from instep.config.mapping import Create, FieldSpec, Part, Trial
from instep.config.values import (
    Address,
    Count,
    Flag,
    Ledger,
    Name,
    Reference,
    Seconds,
    Share,
    Sweep,
    Url,
    Zone,
    off,
)
from instep.core import unit
from instep.errors import Problem

#: The sites of Datadog, each a service of its own.
SITES = (
    "datadoghq.com",
    "us3.datadoghq.com",
    "us5.datadoghq.com",
    "datadoghq.eu",
    "ap1.datadoghq.com",
    "ap2.datadoghq.com",
    "uk1.datadoghq.com",
    "ddog-gov.com",
    "us2.ddog-gov.com",
)

_DEFAULTS = unit.Limits()
Secret = Annotated[SecretStr, Field(min_length=1)]


class Limits(Part):
    """How much a run may do in one system before the rest waits for a person."""

    creates: Count = _DEFAULTS.creates
    updates: Count = _DEFAULTS.updates
    closes: Count = _DEFAULTS.closes
    deletes: Count = _DEFAULTS.deletes
    share: Share = _DEFAULTS.share


class SystemLimits(Part):
    """What of the limits is another for one system; what is not said is as for all."""

    creates: Count | None = None
    updates: Count | None = None
    closes: Count | None = None
    deletes: Count | None = None
    share: Share | None = None


class _System(Part):
    """What every system takes: its address, how long and how fast it is asked, how much it gets.

    ``on_gone`` is what becomes of an incident whose record there is gone.
    """

    url: Url | None = None
    timeout: Seconds = 30.0
    rate: Share = 1.0
    writable: Flag = True
    on_gone: unit.OnGone = unit.OnGone.KEEP
    limits: SystemLimits = SystemLimits()

    def secrets(self) -> tuple[str, ...]:
        """List what must not be seen."""
        held = (getattr(self, key) for key in type(self).model_fields)
        return tuple(value.get_secret_value() for value in held if isinstance(value, SecretStr))


class ByChange(Part):
    """How a system that filters by time is polled: its changes listed, or group by group."""

    by: Literal["changes", "group"] = "changes"
    group_by: str = Field(default="stage", min_length=1)


class BySweep(Part):
    """How a system without such a filter is polled: all of it, or the open ones between sweeps."""

    by: Literal["sweep", "open"] = "sweep"


class DevRev(_System):
    """A DevRev organisation; ``version`` is the date of its API, ``beta`` its beta endpoints.

    ``reference`` is where instep's mark is kept: sync metadata, or a custom field.
    ``foreign`` takes incidents that another synchroniser brought there.
    """

    type: Literal["devrev"]
    token: Secret
    app_url: Url | None = None
    version: str | None = None
    beta: Flag = True
    poll: ByChange = ByChange()
    reference: Reference = "sync_metadata"
    foreign: Flag = False


class Datadog(_System):
    """A Datadog organisation; ``reference_field`` is the text-array field for instep's mark.

    It takes both keys or a ``bearer`` token. ``quiet`` makes a backfill import incidents, which
    notifies nobody; ``private`` and ``tests`` take such incidents too; ``links`` attaches links
    to the other systems' records; ``incident_type`` is the UUID of the type of new ones.
    """

    type: Literal["datadog"]
    site: str | None = None
    api_key: Secret | None = None
    app_key: Secret | None = None
    bearer: Secret | None = None
    reference_field: str = Field(default="external_reference", min_length=1)
    app_url: Url | None = None
    incident_type: str | None = Field(default=None, min_length=1)
    poll: BySweep = BySweep()
    quiet: Flag = False
    private: Flag = False
    tests: Flag = False
    links: Flag = False


class ProdManager(_System):
    """A ProdManager; it keeps local times of ``timezone`` and does not say so itself."""

    type: Literal["prodmanager"]
    url: Url
    token: Secret
    timezone: Zone = "UTC"
    poll: BySweep = BySweep()


System = Annotated[DevRev | Datadog | ProdManager, Field(discriminator="type")]


class Heartbeat(Part):
    """An address that is called after every cycle that did its work; it can hold a secret."""

    url: Annotated[SecretStr, Field(min_length=1)]


class LogFormat(StrEnum):
    """How log lines look; ``auto`` is for people on a terminal, else JSON."""

    AUTO = "auto"
    CONSOLE = "console"
    JSON = "json"


class LogLevel(StrEnum):
    """The least important line that is still logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Log(Part):
    """How instep logs."""

    format: LogFormat = LogFormat.AUTO
    level: LogLevel = LogLevel.INFO


class Page(StrEnum):
    """How much the status page tells; without titles, hosts and error bodies unless ``full``."""

    OFF = "off"
    SUMMARY = "summary"
    FULL = "full"


class Config(Part):
    """A whole configuration file, with its secrets in place."""

    ledger: Ledger = Field(default="sqlite:///instep.db", repr=False)
    every: Seconds = 60.0
    full_sweep_every: Sweep = 3600.0
    limits: Limits = Limits()
    systems: dict[Name, System]
    create: dict[str, Create] = Field(default={})
    fields: dict[Name, Annotated[FieldSpec | None, BeforeValidator(off)]] = Field(default={})
    strict: Flag = False
    tests: tuple[Trial, ...] = ()
    listen: Address | None = None
    page: Page = Page.SUMMARY
    heartbeat: Heartbeat | None = None
    log: Log = Log()
    stop_within: Seconds = 30.0
    _warnings: tuple[Problem, ...] = PrivateAttr(())
    _text: str = PrivateAttr("")
    _place: Callable[[Path], Place] | None = PrivateAttr(None)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What is not wrong, but worth saying."""
        return self._warnings

    @property
    def text(self) -> str:
        """The file as it can be shown, but for its secrets, to quote lines of it."""
        return self._text

    def place(self, *path: str | int) -> Place:
        """Find the line and column of a part of the file, or of the part that would hold it."""
        return self._place(path) if self._place else (1, 1)

    def read_from(
        self, text: str, warnings: tuple[Problem, ...], place: Callable[[Path], Place]
    ) -> "Config":
        """Give back the same configuration, knowing its warnings and where its parts stand."""
        copy = self.model_copy()
        copy._text = text  # noqa: SLF001 - a copy of its own class
        copy._warnings = warnings  # noqa: SLF001
        copy._place = place  # noqa: SLF001
        return copy

    def secrets(self) -> tuple[str, ...]:
        """List every secret, so that logs can leave them out."""
        found = [secret for system in self.systems.values() for secret in system.secrets()]
        if self.heartbeat:
            found.append(self.heartbeat.url.get_secret_value())
        if password := urlsplit(self.ledger).password:
            found += [password, unquote(password)]
        return tuple(dict.fromkeys(found))

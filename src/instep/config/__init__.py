"""The configuration: what the file says, whether it is right, and the unit it describes.

``load`` reads a file and tells everything that is wrong with it at once; ``unit_of`` turns what
is right into the values that the core decides with.
"""

from __future__ import annotations

from instep.config.build import losses_of, unit_of, unwritable
from instep.config.codes import CODES
from instep.config.load import load, loads
from instep.config.mapping import Create
from instep.config.schema import (
    Config,
    Datadog,
    DevRev,
    LogFormat,
    LogLevel,
    Page,
    ProdManager,
    System,
)
from instep.config.values import Listen

__all__ = [
    "CODES",
    "Config",
    "Create",
    "Datadog",
    "DevRev",
    "Listen",
    "LogFormat",
    "LogLevel",
    "Page",
    "ProdManager",
    "System",
    "load",
    "loads",
    "losses_of",
    "unit_of",
    "unwritable",
]

"""DevRev: its connector, and the places of its incidents."""

from instep.systems.devrev.connector import DevRev
from instep.systems.devrev.words import PLACES

__all__ = ["PLACES", "DevRev"]

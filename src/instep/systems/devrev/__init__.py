"""DevRev: its connector."""

from instep.systems.devrev.connector import DevRev

__all__ = ["DevRev"]

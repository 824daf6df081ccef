"""DevRev: its double."""

from instep.simulator.devrev.service import DevRevSimulator

__all__ = ["DevRevSimulator"]

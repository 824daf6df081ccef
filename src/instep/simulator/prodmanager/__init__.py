"""ProdManager: its double."""

from instep.simulator.prodmanager.service import ProdManagerSimulator

__all__ = ["ProdManagerSimulator"]

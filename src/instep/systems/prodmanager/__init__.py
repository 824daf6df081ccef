"""ProdManager: its connector."""

from instep.systems.prodmanager.connector import ProdManager

__all__ = ["ProdManager"]

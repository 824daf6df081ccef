"""ProdManager: its connector, and the places of its incidents."""

from instep.systems.prodmanager.connector import ProdManager
from instep.systems.prodmanager.words import PLACES

__all__ = ["PLACES", "ProdManager"]

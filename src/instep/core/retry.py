"""Retry: when something that a service did not take is tried again, and when no more."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from instep.core.operation import Held, Why

#: After so many refusals of the same words nothing but a person, or other words, helps.
TRIES = 5
#: Seconds until the second try; each further one waits twice as long, up to the longest.
FIRST, LONGEST = 60.0, 3600.0
#: Without any answer it is tried this often at least: that passes by itself.
UNANSWERED = 600.0


def refused(operation: Held, before: int, now: float, *, answered: bool) -> Held:
    """Say when what was refused for the ``before + 1``-th time is tried again (``now`` is epoch).

    What a service ``answered`` with a refusal is given up after some tries; where it gave no
    usable answer at all, it is tried until it does.
    """
    tries = before + 1
    if answered and tries >= TRIES:
        return replace(operation, why=Why.DEAD, tries=tries)
    longest = LONGEST if answered else UNANSWERED
    wait = FIRST * 2.0 ** min(before, 16) * _jitter(operation, tries)
    return replace(operation, why=Why.REFUSED, tries=tries, again=now + min(wait, longest))


def _jitter(operation: Held, tries: int) -> float:
    """Spread tries by a quarter either way, the same way whoever asks."""
    name = f"{operation.operation.checksum} {tries}".encode()
    return 0.75 + 0.5 * hashlib.blake2b(name, digest_size=1).digest()[0] / 255

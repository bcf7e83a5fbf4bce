"""Passwords: hashed with argon2id, in a thread, a few at a time, and as slowly for a name that nobody has."""

import asyncio
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

LEAST_LENGTH = 12
MOST_LENGTH = 1024
AT_ONCE = 2
"""Checks that run side by side: each needs MEMORY_KIB while it lasts."""
MEMORY_KIB = 19 * 1024
ROUNDS = 3
"""With 19 MiB one round more than the least that OWASP's password storage guide recommends for argon2id."""


class Passwords:
    """Makes and checks hashes. Lives in one event loop."""

    def __init__(self, memory_kib: int = MEMORY_KIB, rounds: int = ROUNDS) -> None:
        self._hasher = PasswordHasher(time_cost=rounds, memory_cost=memory_kib, parallelism=1)
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._nobodys: str | None = None

    async def hash(self, password: str) -> str:
        async with self._turns:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def matches(self, stored: str | None, password: str) -> bool:
        """Whether it is the password. stored None (no such person): False after the same work."""
        async with self._turns:
            return await asyncio.to_thread(self._matches, stored, password)

    def is_outdated(self, stored: str) -> bool:
        """Whether it was made with other costs than today's."""
        return self._hasher.check_needs_rehash(stored)

    def _matches(self, stored: str | None, password: str) -> bool:
        if self._nobodys is None:
            self._nobodys = self._hasher.hash(secrets.token_hex(16))
        try:
            self._hasher.verify(stored or self._nobodys, password)
        except (VerificationError, InvalidHashError):
            return False
        return stored is not None


def is_weak(password: str) -> bool:
    """Too short, or the same few characters again and again."""
    return len(password) < LEAST_LENGTH or len(set(password)) < 4

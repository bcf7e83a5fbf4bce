"""Password hashing with argon2id, in threads, with limited concurrency. Unknown names take the same time."""

import asyncio
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

LEAST_LENGTH = 12
MOST_LENGTH = 1024
AT_ONCE = 2
"""Maximum number of concurrent hashes; each needs MEMORY_KIB."""
MEMORY_KIB = 19 * 1024
ROUNDS = 3
"""argon2id iterations: with 19 MiB, one more than the minimum of OWASP's password storage guide."""


class Passwords:
    """Creates and verifies hashes. Single event loop."""

    def __init__(self, memory_kib: int = MEMORY_KIB, rounds: int = ROUNDS) -> None:
        self._hasher = PasswordHasher(time_cost=rounds, memory_cost=memory_kib, parallelism=1)
        self.turns, self._known_turn = asyncio.Semaphore(AT_ONCE), asyncio.Semaphore(1)
        self._nobodys: str | None = None

    async def hash(self, password: str) -> str:
        async with self.turns:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def matches(self, stored: str | None, password: str, *, is_known_device: bool = False) -> bool:
        """Return whether the password is correct. stored None (unknown user): False after the same work.

        is_known_device: doesn't wait for the attempts of strangers.
        """
        async with self._known_turn if is_known_device else self.turns:
            return await asyncio.to_thread(self._matches, stored, password)

    def is_outdated(self, stored: str) -> bool:
        """Return whether the hash uses other parameters than the current ones."""
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
    """Return whether the password is too short or has fewer than 4 different characters."""
    return len(password) < LEAST_LENGTH or len(set(password)) < 4

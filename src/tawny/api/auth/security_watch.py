"""Health check of the web interface: many refused sign-ins, and reverse proxies that aren't configured."""

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from tawny.api.auth.audit_counts import MANY, MOST_ADDRESSES, AuditCounts
from tawny.model.clock import Clock
from tawny.model.errors import StorageError
from tawny.model.messages import ProblemKind
from tawny.service.health.alarms import HealthProblem

AT_LEAST_S: Final = 3600.0
"""How long the problem lasts at least, so that there is at most one notification an hour."""
SIGN_INS_DO: Final = "Devices you have used before can still sign in. A VPN keeps strangers out."
log = logging.getLogger(__name__)


class SecurityWatch:
    """Writes the counts of the audit log, and returns problems. proxies: addresses of unknown ones."""

    def __init__(self, counts: AuditCounts, proxies: Callable[[], Sequence[str]], clock: Clock) -> None:
        self._counts, self._proxies, self._clock = counts, proxies, clock
        self._until_s: float | None = None

    def __call__(self) -> Iterator[HealthProblem]:
        try:
            self._counts.flush()
        except StorageError as error:
            log.warning("cannot write the audit log: %s", error)
        yield from self._refused()
        for address in self._proxies():
            yield HealthProblem(
                ProblemKind.PROXY,
                None,
                f"A proxy at {address} forwards requests, but isn't in `web.proxies`.",
                f'If it is yours, add `proxies = ["{address}"]` under [web] in tawny.toml. Until then, all its users '
                "have the same address.",
            )

    def _refused(self) -> Iterator[HealthProblem]:
        found, now_s = self._counts.refused(), self._clock.mono_s()
        if found.count >= MANY and (self._until_s is None or now_s >= self._until_s):
            self._until_s = now_s + AT_LEAST_S
        if self._until_s is None or (found.count < MANY and now_s >= self._until_s):
            self._until_s = None
            return
        more = " or more" if found.addresses >= MOST_ADDRESSES else ""
        addresses = "one address" if found.addresses == 1 else f"{found.addresses} addresses{more}"
        detail = (
            f"{found.count} refused sign-ins in the last hour, most of them {found.most}, from {addresses}."
            if found.count
            else "No refused sign-ins for an hour."
        )
        yield HealthProblem(ProblemKind.SIGN_INS, None, detail, SIGN_INS_DO)

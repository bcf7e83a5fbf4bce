"""Health checks that may block: upload backlog, clock synchronization, certificate expiry, short gaps and the index.

The last results are served from memory.
"""

import logging
import math
import os
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from socket import create_connection
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509

from tawny.config.units import duration_text, size_text
from tawny.delivery.targets import TargetView
from tawny.engine.actor import start_thread
from tawny.model.errors import StorageError
from tawny.model.ids import CameraId
from tawny.model.messages import ProblemKind
from tawny.model.segments import BY_CHOICE, GapReason
from tawny.model.states import ON_WATCH, CameraStatus
from tawny.model.times import Clock, Span, is_kernel_synchronized
from tawny.service.health.alarms import HealthProblem
from tawny.storage.index.protocol import Index

log = logging.getLogger(__name__)

ROOT: Final = Path("/")
LOOK_S: Final = 30.0
BEHIND_MS: Final = 15 * 60_000
"""Age, ms, from which a failing delivery counts as a backlog."""
MUCH: Final = 0.5
"""Share of the outbox limit above which a backlog is a problem."""
UNKEPT_S: Final = 600.0
"""Duration, s, a clock may be unsynchronized, after a start or without a network."""
EARLIEST_MS: Final = 1_735_689_600_000
"""2025-01-01; tawny did not exist before."""
SOON_DAYS: Final = 14
CERTIFICATE_S: Final = 6 * 3600.0
_TLS_S: Final = 5.0
RENEW_EVERY_S: Final = 3600.0
"""Least time, s, between two of these starts: what damages the index may go on, as a failing disk does."""
VERIFY_EVERY_S: Final = 60.0
_REST: Final = 10
"""How many times as long as a verification took none follows: it reads all of the index."""
SHORT_MS: Final = 30_000
"""Maximum length, ms, of a short gap, which is not reported by itself."""
WITHIN_MS: Final = 3_600_000
MOST_MISSING_MS: Final = 60_000
"""Total length, ms, of short gaps per hour above which they are a problem."""
_DAY_S = 86_400.0
_NOT_THE_CAMERAS = BY_CHOICE | {GapReason.RECORDER_OFF, GapReason.CLOCK}


@dataclass(slots=True)
class HealthCheck:
    """A periodic check. find: may block, raises nothing. every_s: interval."""

    find: Callable[[], Iterable[HealthProblem]]
    every_s: float = LOOK_S
    due_s: float = 0.0
    found: tuple[HealthProblem, ...] = field(default=())


class HealthCheckRunner:
    """Runs checks as an actor. Calling it returns the last results."""

    name = "doctor"

    def __init__(self, looks: Sequence[HealthCheck], clock: Clock) -> None:
        self._looks, self._clock = looks, clock

    def __call__(self) -> Iterator[HealthProblem]:
        for look in self._looks:
            yield from look.found

    def step(self) -> float:
        for look in self._looks:
            if look.due_s <= self._clock.mono_s():
                look.found = tuple(look.find())
                look.due_s = self._clock.mono_s() + look.every_s
        return max(0.0, min((look.due_s for look in self._looks), default=LOOK_S) - self._clock.mono_s())

    def close(self) -> None:
        """No resources to release."""


def uploads_behind(
    targets: Sequence[TargetView],
    budget_bytes: int,
    now_ms: int,
    overflowed: Mapping[str, int] | None = None,
) -> Iterator[HealthProblem]:
    """Yield a problem for each destination or notifier that is not paused and has a backlog, and for each that lost
    deliveries: one that lasts for days must not hide another.

    One of a kind of its own for each that isn't swept: it can last for good, while backlogs come and go.
    overflowed: how many were dropped within the last day because the queue was full, by target.
    """
    names = {one.name for one in targets}
    for name, count in (overflowed or {}).items():
        if name in names:
            many = "1 item was" if count == 1 else f"{count} items were"
            dropped = f"Within the last day, {many} dropped that waited for {name}, because the queue was full."
            yield HealthProblem(ProblemKind.UPLOAD, None, dropped, _RETRIES, f"dropped {name}")
    for one in targets:
        if one.is_paused:
            continue
        if one.unswept:
            yield HealthProblem(ProblemKind.SWEEP, None, one.unswept, _RETRIES, one.name)
        if behind := _behind(one, budget_bytes, now_ms):
            yield HealthProblem(ProblemKind.UPLOAD, None, behind, _RETRIES, one.name)


def _behind(one: TargetView, budget_bytes: int, now_ms: int) -> str:
    """Return what is wrong with the backlog of a target; empty if nothing is."""
    oldest_ms, waiting = one.waiting.oldest_ms, one.waiting
    if oldest_ms is None:
        return ""
    if one.trouble and now_ms - oldest_ms > BEHIND_MS:
        since = duration_text(round((now_ms - oldest_ms) / 60_000) * 60)
        many = "1 item is" if waiting.count == 1 else f"{waiting.count} items are"
        return f"{many} waiting for {one.name}, the oldest for {since}: {one.trouble}"
    if budget_bytes and (new_bytes := waiting.size_bytes - waiting.resent_bytes) > MUCH * budget_bytes:
        return f"{size_text(new_bytes)} are waiting for {one.name}, and the queue is growing."
    return ""


_RETRIES = "tawny retries automatically. See Settings > Notifications and uploads."


class ClockWatch:
    """Checks the clock. is_kept: whether a service synchronizes it; None if unknown."""

    def __init__(self, is_kept: Callable[[], bool | None], clock: Clock) -> None:
        self._is_kept, self._clock = is_kept, clock
        self._unkept_s: float | None = None

    def __call__(self) -> Iterator[HealthProblem]:
        now_s = self._clock.mono_s()
        if self._is_kept() is not False:
            self._unkept_s = None
        elif self._unkept_s is None:
            self._unkept_s = now_s
        if self._clock.now_ms() < EARLIEST_MS:
            year = datetime.fromtimestamp(self._clock.now_ms() / 1000, UTC).year
            yield HealthProblem(
                ProblemKind.CLOCK, None, f"The clock of this computer is wrong: it shows {year}.", _SET_IT
            )
        elif self._unkept_s is not None and now_s - self._unkept_s >= UNKEPT_S:
            yield HealthProblem(ProblemKind.CLOCK, None, "Nothing synchronizes the clock of this computer.", _SET_IT)


def in_container(env: Mapping[str, str] = os.environ, root: Path = ROOT) -> bool:
    marks = (".dockerenv", "run/.containerenv", "run/systemd/container")
    return "container" in env or any((root / mark).exists() for mark in marks)


def is_clock_synchronized(
    kernel: Callable[[], bool | None] = is_kernel_synchronized, env: Mapping[str, str] = os.environ, root: Path = ROOT
) -> bool | None:
    """Return whether something sets this computer's clock. None if unknown: in a container its host does, or nothing.

    kernel: what the kernel says. Where it can't be asked, a file of systemd-timesyncd counts; it stays until a reboot.
    """
    is_synchronized = kernel()
    if is_synchronized is None and (root / "run/systemd/timesync/synchronized").exists():
        return True
    return None if is_synchronized is False and in_container(env, root) else is_synchronized


_SET_IT = "Turn on time synchronization: `timedatectl set-ntp true`, or install chrony."


class CertificateWatch:
    """Checks the expiry of the certificate at the public URL. An unreachable URL is not a certificate problem."""

    def __init__(self, address: Callable[[], str], clock: Clock) -> None:
        self._address, self._clock = address, clock

    def __call__(self) -> Iterator[HealthProblem]:
        parts = urlsplit(self._address())
        if parts.scheme != "https" or not parts.hostname:
            return
        ends = _ends(parts.hostname, parts.port or 443)
        if ends is None:
            return
        left_s = ends.timestamp() - self._clock.now_ms() / 1000
        if left_s < SOON_DAYS * _DAY_S:
            days = max(1, round(left_s / _DAY_S))
            when = f"expires in {days} days" if days > 1 else "expires in 1 day"
            if left_s <= 0:
                when = "has expired"
            do = "Renew it. Phones and browsers reject an expired certificate."
            message = f"The certificate of {parts.hostname} {when}."
            yield HealthProblem(ProblemKind.CERTIFICATE, None, message, do, parts.hostname)


class GapWatch:
    """Checks for recorded cameras whose short gaps in the last hour add up to more than a minute."""

    def __init__(self, cameras: Callable[[], Sequence[CameraStatus]], index: Index, clock: Clock) -> None:
        self._cameras, self._index, self._clock = cameras, index, clock

    def __call__(self) -> Iterator[HealthProblem]:
        now_ms = self._clock.now_ms()
        for status in self._cameras():
            if status.state in ON_WATCH:
                yield from self._of(status.id, Span(max(0, now_ms - WITHIN_MS), now_ms))

    def _of(self, camera: CameraId, hour: Span) -> Iterator[HealthProblem]:
        lengths_ms = [
            gap.end_ms - max(gap.begin_ms, hour.begin_ms)
            for gap in self._index.gaps(camera, hour)
            if gap.end_ms is not None and gap.reason not in _NOT_THE_CAMERAS and gap.end_ms - gap.begin_ms <= SHORT_MS
        ]
        if sum(lengths_ms) > MOST_MISSING_MS:
            message = f"{sum(lengths_ms) / 1000:.0f} s of the last hour are missing, in {len(lengths_ms)} short gaps."
            yield HealthProblem(
                ProblemKind.GAP,
                camera,
                message,
                "Check the camera's network connection. `tawny timeline` shows the reason for each gap.",
            )


class IndexWatch:
    """Decides whether tawny must start again. One for all starts of the process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._restart_s = self._verify_s = clock.mono_s()
        self._verified: Index | None = None
        """The index of `_verify_s`: one on a disk that hangs must not delay the next run's."""
        self._damaged: Index | None = None
        """The index that a verification found damaged: a later run has another one."""
        self.has_restarted = False
        """Whether a run has ended for that, without a user who asked for it."""

    def must_restart(self, index: Index) -> bool:
        """Return True once if the index is damaged. Returns at once: after an error, a thread reads all of it."""
        now_s = self._clock.mono_s()
        if self._damaged is index:
            if now_s < self._restart_s:
                return False
            self._damaged, self._restart_s, self.has_restarted = None, now_s + RENEW_EVERY_S, True
            log.error("The index is damaged. tawny starts again now, and rebuilds it from the recordings.")
            return True
        if index.problem is not None and (now_s >= self._verify_s or self._verified is not index):
            self._verified, self._verify_s = index, math.inf  # until this one has ended
            try:
                start_thread("index check", partial(self._verify, index, now_s))
            except RuntimeError:  # the system has no more threads
                self._verify_s = now_s + VERIFY_EVERY_S
        return False

    def _verify(self, index: Index, begun_s: float) -> None:
        try:
            if index.is_damaged():
                self._damaged = index
        except StorageError as error:  # what the disk can't read may be well
            log.error("cannot verify the index: %s", error)
        finally:
            now_s = self._clock.mono_s()
            if self._verified is index:
                self._verify_s = now_s + max(VERIFY_EVERY_S, _REST * (now_s - begun_s))


def _ends(host: str, port: int) -> datetime | None:
    """Return the expiry of the host's certificate, trusted or not; None if not available."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with create_connection((host, port), _TLS_S) as line, context.wrap_socket(line, server_hostname=host) as secure:
            found = secure.getpeercert(binary_form=True)
        return x509.load_der_x509_certificate(found).not_valid_after_utc if found else None
    except (OSError, ValueError):
        return None

"""Unlocked sessions: each login session holds its own key in memory for a limited time.

The key is wiped when the session ends or locks, 15 minutes after its last use, after 12 hours, and on shutdown.
Thread-safe except `watch`.
"""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

from tawny.api.auth.accounts import Accounts, Caller, LoginSession
from tawny.media.mp4.segment_reader import read_video_format
from tawny.model.events import Event
from tawny.model.observations import ObjectPath, read_paths
from tawny.model.packets import VideoFormat
from tawny.model.segments import Segment
from tawny.model.times import Clock
from tawny.playback.clips import ClipCache
from tawny.playback.decrypted import DecryptedRecordings
from tawny.playback.past_orientation import PastOrientation
from tawny.playback.stills import StillReader
from tawny.sealed.key_memory import KeyHandover, KeyMemory
from tawny.service.recorder import RecorderService
from tawny.storage.disk.layout import is_sealed

# View of the recorder for an unlocked session: encrypted recordings can be played if the session's key opens them.


def unlocked_recorder(recorder: RecorderService, unsealed: DecryptedRecordings) -> RecorderService:
    return cast("RecorderService", _Unlocked(recorder, unsealed))


class _Unlocked:
    def __init__(self, recorder: RecorderService, unsealed: DecryptedRecordings) -> None:
        self._recorder, self._unsealed = recorder, unsealed
        self._past = PastOrientation(cast("RecorderService", self), self._video_format)

    def __getattr__(self, name: str) -> Any:
        """Delegate everything else."""
        return getattr(self._recorder, name)

    def segment_path(self, segment: Segment) -> Path:
        stored = self._recorder.segment_path(segment)
        return self._unsealed.path(segment, stored) if is_sealed(segment.path) else stored

    def event_picture(self, event: Event) -> bytes | None:
        return self._recorder.event_picture(event) or self._opened(event)

    def event_loop(self, event: Event) -> bytes | None:
        return self._recorder.event_loop(event) or self._opened(event, is_loop=True)

    def event_objects(self, event: Event) -> tuple[ObjectPath, ...]:
        sealed = self._content(self._recorder.sealed_objects(event))
        return (*self._recorder.event_objects(event), *read_paths(sealed or b"", event.start_ms))

    def _opened(self, event: Event, *, is_loop: bool = False) -> bytes | None:
        stored = self._content(self._recorder.sealed_picture(event, is_loop=is_loop))
        return self._past.masked(event, stored, is_strip=is_loop)

    def _video_format(self, segment: Segment) -> VideoFormat:
        stored = self._recorder.segment_path(segment)
        return self._unsealed.video_format(stored) if is_sealed(segment.path) else read_video_format(stored)

    def _content(self, stored: Path | None) -> bytes | None:
        return (self._unsealed.content(stored) or None) if stored is not None else None


IDLE_S: Final = 15 * 60.0
MOST_S: Final = 12 * 3600.0
OFFER_S: Final = 60.0
MOST_OFFERS: Final = 64
LOOK_S: Final = 1.0


@dataclass(eq=False)
class UnlockedSession:
    """An unlocked session. way: the unlock method, as named by the page. opens: owner of the key."""

    session: LoginSession
    caller: Caller
    way: str
    opens: str
    key: KeyMemory
    begun_s: float
    used_s: float
    unsealed: DecryptedRecordings = field(init=False)
    recorder: RecorderService = field(init=False)
    frames: StillReader = field(init=False)
    clips: ClipCache = field(init=False)

    @property
    def most_ends_s(self) -> float:
        return self.begun_s + MOST_S

    @property
    def ends_s(self) -> float:
        return min(self.most_ends_s, self.used_s + IDLE_S)


class UnlockedSessions:
    """All unlocked sessions. seen: returns a session's view of the recorder."""

    def __init__(self, accounts: Accounts, clock: Clock, seen: Callable[[LoginSession], RecorderService]) -> None:
        self._accounts, self._clock, self._seen = accounts, clock, seen
        self._lock = threading.Lock()
        self._by_session: dict[bytes, UnlockedSession] = {}
        self._offers: dict[bytes, tuple[float, KeyHandover]] = {}
        self._watching: asyncio.Task[None] | None = None

    def offer(self) -> bytes:
        """Return a public key with which a page can hand over a key, once and within OFFER_S."""
        made = KeyHandover()
        now_s = self._clock.mono_s()
        with self._lock:
            fresh = [(one, held) for one, held in self._offers.items() if now_s - held[0] < OFFER_S]
            self._offers = dict(fresh[-MOST_OFFERS + 1 :]) | {made.public: (now_s, made)}
        return made.public

    def taken(self, offer: bytes, theirs: bytes, sealed: bytes) -> KeyMemory:
        """Return the key handed over. Raises ValueError: when the offer has expired or does not match."""
        with self._lock:
            begun_s, handed = self._offers.pop(offer, (float("-inf"), None))
        if handed is None or self._clock.mono_s() - begun_s >= OFFER_S:
            raise ValueError("time limit reached")
        return handed.take(theirs, sealed)

    def unlock(self, session: LoginSession, key: KeyMemory, caller: Caller, way: str, opens: str) -> UnlockedSession:
        now_s = self._clock.mono_s()
        made = UnlockedSession(session, caller, way, opens, key, now_s, now_s)

        def used() -> None:
            made.used_s = self._clock.mono_s()

        made.unsealed = DecryptedRecordings(key, used)
        made.recorder = unlocked_recorder(self._seen(session), made.unsealed)
        made.frames, made.clips = StillReader(made.recorder), ClipCache(made.recorder)
        self.lock(session.key, "unlocked again")
        with self._lock:
            self._by_session[session.key] = made
        self._note("unlocked", made, f"{way}; {opens}")
        return made

    def of(self, session: LoginSession) -> UnlockedSession | None:
        """Return the unlocked session; None if locked. Locks it if it has expired or its camera access has changed."""
        found = self._by_session.get(session.key)
        if found is None:
            return None
        if self._clock.mono_s() >= found.ends_s:
            self.lock(session.key, self._why(found))
            return None
        if session.person.cameras != found.session.person.cameras:
            self.lock(session.key, "camera access changed")
            return None
        return found

    def lock(self, session_key: bytes, why: str) -> None:
        """Wipe the session's key, if it has one."""
        with self._lock:
            found = self._by_session.pop(session_key, None)
        if found is not None:
            found.key.wipe()
            found.unsealed.close()
            self._note("locked", found, why)

    def sweep(self) -> None:
        """Lock expired sessions."""
        for found in list(self._by_session.values()):
            if self._clock.mono_s() >= found.ends_s:
                self.lock(found.session.key, self._why(found))
                continue
            now = self._accounts.session_of(found.session.key)
            if now is None:
                self.lock(found.session.key, "signed out")
            elif now.person.cameras != found.session.person.cameras:
                self.lock(found.session.key, "camera access changed")

    async def watch(self) -> None:
        """Start a task that sweeps while anything is unlocked."""
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while self._by_session:
            await asyncio.sleep(LOOK_S)
            await asyncio.to_thread(self.sweep)

    def close(self) -> None:
        """Lock everything on shutdown."""
        if self._watching is not None:
            self._watching.cancel()
        for key in list(self._by_session):
            self.lock(key, "tawny stopped")

    def _why(self, found: UnlockedSession) -> str:
        return "12 hours" if self._clock.mono_s() >= found.most_ends_s else "15 minutes without use"

    def _note(self, what: str, one: UnlockedSession, detail: str) -> None:
        self._accounts.note(what, one.session.person.name, one.caller, detail)

"""The standby's end: holds the leases of the recorders that it protects, and records their cameras when one ends.

One task for each recorder looks at its lease. It never stops recording because of a lease: a camera is given back when
its recorder has recorded it for a while, or when its owner wants it private.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tawny.engine.actor import caller
from tawny.fleet.doubles import DOUBLE, DoubleRecorders, instance_in
from tawny.fleet.fleet_index import Box
from tawny.fleet.footage_sender import asked_time, send_footage
from tawny.fleet.hub import MOST_NAME, refusal, refuse
from tawny.fleet.identity import UNKNOWN, fingerprint, load_key, load_or_make_key
from tawny.fleet.message_link import (
    OPEN_TIMEOUT_S,
    LineClosed,
    MessageLink,
    SecureLink,
    open_as_hub,
)
from tawny.fleet.session import MOST_EXCHANGES, Exchange, Kind, LineFrame, LineSession, as_payload, decode_frame
from tawny.fleet.standby_lease import Lease, LeaseState
from tawny.fleet.standby_plan import MOST_PLAN_BYTES, StandbyPlan, StandbyWork
from tawny.fleet.standby_protected import LeasedRecorder, NewsLine
from tawny.fleet.standby_question import RecorderQuestions
from tawny.fleet.standby_store import (
    SET_MS,
    ProtectedState,
    StandbyNews,
    StandbyStore,
    begun_again,
    begun_now,
    last_of,
    was_ahead_ms,
    with_ended,
    with_handed,
)
from tawny.model.errors import NotDone, SettingsError, StorageError
from tawny.model.times import Clock
from tawny.sealed.key_wrapping import Identity

log = logging.getLogger(__name__)
LOOK_S: Final = 0.1
REVOKED_S: Final = 0.5  # interval in s at which a standby looks for recorders that another process has revoked
RETRY_S: Final = 2.0  # interval in s at which what has failed is tried again
NOTE_S: Final = 60.0
AGAIN_S: Final = 30.0
"""Interval in s at which others' cameras are set again while recorded: refused ones are tried, names looked up."""
MOST_RECORDED: Final = 256
_EXPECTED: Final = (StorageError, SettingsError, NotDone)
"""What can go wrong with one recorder, and ends nothing."""


class StandbyConnection(LineSession):
    """The standby's end of one recorder's line."""

    def __init__(self, link: MessageLink, server: "StandbyServer", protected: LeasedRecorder, instance: str) -> None:
        super().__init__(link)
        self.instance = instance
        self._server, self._protected = server, protected
        self._sending: set[asyncio.Task[None]] = set()
        self._published: StandbyNews | None = None
        self.is_leaving = False

    async def serve(self) -> None:
        """Serve until the line ends. Raises LineClosed, StorageError."""
        self.send_news()
        try:
            await self.run()
        finally:
            for task in self._sending:
                task.cancel()
            await asyncio.gather(*self._sending, return_exceptions=True)

    def send_news(self) -> None:
        """Send the takeovers of this recorder's cameras, and whether they are watched, unless it knows that."""
        one = self._protected
        hindrance = one.hindrance(self._server.why_not_ready)
        is_watched = one.lease.is_settled(self._server.clock.mono_s()) and not hindrance
        news = StandbyNews(is_watched, hindrance, one.why_refused(hindrance), one.takeovers, one.clock_ms)
        if news == self._published:
            return
        self._published = news
        data = {
            "now_ms": self._server.clock.now_ms(), "is_watched": news.is_watched, "refused": dict(news.refused),
            "hindrance": hindrance,
            "takeovers": [asdict(each) for each in last_of(one.takeovers)],
        }  # fmt: skip
        self.post(LineFrame(Kind.STANDBY, 0, as_payload(data)))

    async def handle(self, frame: LineFrame) -> None:
        match frame.kind:
            case Kind.PRESENT:
                self._server.renew(self._protected, frame.json)
            case Kind.PLAN if len(frame.payload) <= MOST_PLAN_BYTES:
                await self._server.take_plan(self._protected, frame.payload)
            case Kind.HANDED:
                await self._server.hand_over(self._protected, frame.json)
            case Kind.OPEN:
                if frame.exchange in self.exchanges or len(self.exchanges) >= MOST_EXCHANGES:
                    raise LineClosed("the recorder asks too much")
                exchange = self.exchanges[frame.exchange] = Exchange(self, frame.exchange)
                find = partial(self._server.footage, self._protected, frame.json)
                task = asyncio.create_task(send_footage(find, exchange))
                self._sending.add(task)
                task.add_done_callback(self._sending.discard)
            case Kind.LEAVE:
                try:
                    await self._server.delete(self._protected.box.id)
                except StorageError as error:  # the recorder says it, and closes the line
                    self.post(refusal(error.message, is_temporary=True))
                else:
                    self.is_leaving = True
                    raise LineClosed("the recorder has left")
            case _:
                raise LineClosed("the recorder sent an unexpected message")


class StandbyServer:
    """All recorders that this one protects. Call from one event loop; `states` from any thread.

    folder: the data folder; None: it records to memory and can be no standby. is_enabled: by the settings.
    answer_standby: what this recorder answers its own standby, which asks whether it records; None: it has another one.
    """

    def __init__(
        self,
        folder: Path | None,
        clock: Clock,
        work: StandbyWork,
        is_enabled: Callable[[], bool],
        get_name: Callable[[], str],
        answer_standby: Callable[[str], bool | None],
    ) -> None:
        self._folder, self.clock, self._work = folder, clock, work
        self._is_enabled, self._get_name, self._answer_standby = is_enabled, get_name, answer_standby
        self._store: StandbyStore | None = None
        self._identity: Identity | None = None
        self._protected: dict[str, LeasedRecorder] = {}
        self._watch: asyncio.Task[None] | None = None
        self._questions = RecorderQuestions()
        self._looking = asyncio.Lock()
        self._due = asyncio.Event()
        self.changed: Callable[[], None] = self._due.set
        """Uses the settings as they are now. Any thread, once it has started."""
        self.problem = ""
        """Why it can be no standby although it is set to be one."""
        self.doubles = DoubleRecorders(clock)
        self.hindrance = ""
        """Why it would record no camera now, as for others so for itself."""

    def start(self) -> None:
        self.changed = caller(asyncio.get_running_loop(), self._due.set)
        self._watch = asyncio.create_task(self._look(), name="standby")

    async def close(self) -> None:
        """End everything but recording; the recorder itself does that."""
        all_tasks = [self._watch, *(one.task for one in self._protected.values())]
        tasks = [task for task in all_tasks if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for one in self._protected.values():
            if one.connection is not None:
                one.connection.stop()
        if self._store is not None:
            await asyncio.to_thread(self._store.close)

    @property
    def is_ready(self) -> bool:
        """Whether recorders can join and connect."""
        return self._store is not None

    @property
    def why_not_ready(self) -> str:
        """Why it takes over no camera now, whichever recorder fails; empty: it does, or is no standby."""
        return self.problem or self.hindrance

    def states(self) -> list[ProtectedState]:
        now_ms, now_s = self.clock.now_ms(), self.clock.mono_s()
        return [one.state(now_ms, now_s, self.why_not_ready) for one in list(self._protected.values())]

    async def accept(self, carrier: MessageLink, note_known: Callable[[], None] = lambda: None) -> None:
        """As `FleetHub.accept`."""
        try:
            if (key := await asyncio.to_thread(self._own_key)) is None:
                return
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                link = await open_as_hub(carrier, key)
                frame = decode_frame(await link.receive())
                if frame.kind is not Kind.HELLO:
                    raise LineClosed("a recorder didn't say who it is")
                if frame.json.get("asks") is True:
                    await self._answer(link)
                    return
                try:
                    protected = await self._greet(link, frame.json, key)
                except StorageError as error:
                    if "code" in frame.json or "instance" in frame.json:  # an earlier version would wait for a minute
                        await refuse(link, error.message, is_temporary=True)
                    raise
            if protected is not None:
                note_known()
                await self._serve(link, protected, frame.json)
        except (LineClosed, TimeoutError) as error:
            log.info("the line of a recorder to its standby has ended: %s", error or "it sent nothing")
        except (StorageError, NotDone) as error:
            log.error("cannot be a standby: %s", error)
        finally:
            await carrier.close()

    async def invite(self) -> tuple[str, int]:
        """Return a code by which one recorder can join, and when it expires, ms UTC. Raises NotDone, StorageError."""
        await self._look_once()  # the settings may have changed just now
        if self._store is None:
            raise NotDone("This recorder is no standby.", self.problem or "Check `standby.enabled` in the settings.")
        return await asyncio.to_thread(self._store.invite)

    async def revoke(self, box: str) -> bool:
        """Remove a recorder: its line ends, its credentials are deleted, and its cameras are not recorded any more."""
        was_there = await self.delete(box)
        await self._forget(box)
        return was_there

    async def delete(self, box: str) -> bool:
        """Delete what is stored of a recorder. Return whether there was anything. Raises StorageError."""
        return self._store is not None and await asyncio.to_thread(self._store.revoke, box)

    # --- by connections

    def renew(self, one: LeasedRecorder, data: Mapping[str, Any]) -> None:
        self._follow_clock(one)
        recorded, their_ms = data.get("recorded"), data.get("now_ms")
        cameras = [str(each) for each in recorded[:MOST_RECORDED]] if isinstance(recorded, list) else []
        if one.lease.state is LeaseState.TAKEN:
            log.warning("recorder %s is back", one.box.name)
        one.lease.renew(self.clock.mono_s(), cameras)
        one.silent_ms = self.clock.now_ms()
        one.ahead_ms = one.silent_ms - their_ms if type(their_ms) is int else None

    async def take_plan(self, one: LeasedRecorder, sealed: bytes) -> None:
        """Use what a recorder says about its cameras, and store it. Raises LineClosed."""
        assert self._identity is not None
        try:
            one.plan = StandbyPlan.opened(sealed, self._identity)
        except ValueError as error:
            raise LineClosed(str(error)) from None
        one.unkept = sealed
        await self._keep_if_possible(one)
        one.refused = await asyncio.to_thread(self._work.check, one.plan.cameras)

    async def hand_over(self, one: LeasedRecorder, data: Mapping[str, Any]) -> None:
        """Note that the recorder has what was recorded in a takeover."""
        one.takeovers = with_handed(one.takeovers, data)
        await self._keep_if_possible(one)

    async def footage(self, one: LeasedRecorder, asked: Mapping[str, Any]) -> Sequence[Path] | None:
        """Return files with some of the time of a camera that was taken over; None: later. Raises LineClosed."""
        span = asked_time(asked, one.takeovers, self.clock.now_ms())
        if span is None:
            return ()
        return await asyncio.to_thread(self._work.footage, one.box, str(asked.get("camera")), span)

    # --- internal

    def _own_key(self) -> Ed25519PrivateKey | None:
        """Return the key as it is stored now: leaving a hub may have deleted it. Only a standby gets a new one."""
        load = load_key if self._store is None else load_or_make_key
        return None if self._folder is None else load(self._folder)

    async def _answer(self, link: SecureLink) -> None:
        """Answer the standby of this recorder, which asks whether it records."""
        is_recording = await asyncio.to_thread(self._answer_standby, fingerprint(link.peer))
        if is_recording is None:
            await refuse(link, "this recorder has another standby, or none")
        else:
            await link.send(LineFrame(Kind.PRESENT, 0, as_payload({"is_recording": is_recording})).encoded())

    async def _greet(self, link: SecureLink, hello: Mapping[str, Any], key: Ed25519PrivateKey) -> LeasedRecorder | None:
        """Return a known recorder, or one with a valid code; None if it was refused."""
        if self._store is None:
            with suppress(*_EXPECTED):  # the recorder reports the problem
                await self._look_once()  # this recorder may just have started
        if (store := self._store) is None or self._identity is None:
            await refuse(link, self.problem or "this recorder is no standby", is_temporary=self.problem != "")
            return None
        code, own_key = hello.get("code"), key.public_key().public_bytes_raw()
        name = " ".join(str(hello.get("name", "")).split())[:MOST_NAME]
        if isinstance(code, str):
            box = await asyncio.to_thread(store.join, code, name or "Recorder", link.peer, own_key)
        else:
            box = await asyncio.to_thread(store.recorder_of, link.peer)
        if box is None:
            await refuse(link, "the link was used already, or has expired" if code else UNKNOWN)
            return None
        if await self.doubles.refuses(box, instance_in(hello), partial(self._line_of, box.id)):
            await refuse(link, DOUBLE)
            return None
        with suppress(StorageError):  # it keeps its former name until that can be stored
            box = await asyncio.to_thread(store.renamed, box, "" if code else name)
        welcome = {
            "name": box.name, "words": box.words, "standby": self._get_name(), "recipient": self._identity.recipient,
        }  # fmt: skip
        one = await self._known(box)  # what can't be read is refused before the welcome
        one.called = "" if isinstance(code, str) else name
        await link.send(LineFrame(Kind.WELCOME, 0, as_payload(welcome)).encoded())
        return one

    async def _serve(self, link: SecureLink, one: LeasedRecorder, hello: Mapping[str, Any]) -> None:
        version = str(hello.get("version", ""))[:40]
        if one.connection is not None:
            one.connection.stop()  # a former line of the same recorder
        connection = one.connection = StandbyConnection(link, self, one, instance_in(hello))
        one.lease.connect(self.clock.mono_s())
        one.since_ms = self.clock.now_ms()
        assert self._store is not None
        try:
            with suppress(StorageError):  # it is noted again once it says that it is here
                await asyncio.to_thread(self._store.note, one.box.id, version, one.called, one.plan_ahead_ms)
            await connection.serve()
        finally:
            if one.connection is connection:
                one.connection, one.since_ms = None, self.clock.now_ms()
            if connection.is_leaving:
                await self._forget(one.box.id)

    def _line_of(self, box: str) -> NewsLine | None:
        one = self._protected.get(box)
        return one.connection if one is not None else None

    async def _known(self, box: Box) -> LeasedRecorder:
        """Return the entry of a recorder; from then on its lease is watched."""
        found = self._protected.get(box.id)
        if found is None:
            assert self._store is not None
            assert self._identity is not None
            plan = await asyncio.to_thread(self._store.plan, box.id, self._identity)
            now_ms, before = self.clock.now_ms(), await asyncio.to_thread(self._store.takeovers, box.id)
            ended = [one if one.end_ms else replace(one, end_ms=now_ms) for one in before]
            refused = await asyncio.to_thread(self._work.check, plan.cameras) if plan is not None else {}
            lease, clock_ms = Lease(self.clock.mono_s()), _clock_ms(self.clock)
            made = LeasedRecorder(box, lease, box.seen_ms, plan, ended, now_ms, clock_ms, refused=refused, kept=before)
            made.was_ahead_ms = was_ahead_ms(box)
            found = self._protected.setdefault(box.id, made)  # another connection may have been faster
            if found is made:
                made.task = asyncio.create_task(self._keep(made), name=f"standby of {box.id}")
        found.box = box  # it may have another name now
        return found

    async def _look(self) -> None:
        """Begin and end as the settings say, and end what another process has revoked."""
        while True:
            self._due.clear()
            try:
                await self._look_once()
                again_s = None if self._store is None else REVOKED_S
            except _EXPECTED as error:
                again_s = RETRY_S
                log.error("cannot be a standby: %s", error)
            with suppress(TimeoutError):  # `wait_for` may lose a cancellation
                async with asyncio.timeout(again_s):
                    await self._due.wait()

    async def _look_once(self) -> None:
        async with self._looking:
            try:
                await self._follow_settings()
                self.problem = ""
            except _EXPECTED as error:
                self.problem = error.message
                raise

    async def _follow_settings(self) -> None:
        is_enabled = self._is_enabled() and self._folder is not None
        if is_enabled and self._store is None:
            assert self._folder is not None
            self._store, self._identity = await asyncio.to_thread(StandbyStore.opened, self._folder, self.clock)
        if self._store is None:
            return
        known = {box.id: box for box in await asyncio.to_thread(self._store.recorders)} if is_enabled else {}
        for box in known.values():
            await self._known(box)
        for gone in self._protected.keys() - known.keys():
            await self._forget(gone)
        self.hindrance = await asyncio.to_thread(self._work.hindrance) if known else ""
        for one in list(self._protected.values()):
            one.unrecorded = await asyncio.to_thread(self._work.unrecorded, one.box) if one.recorded else {}
        if not is_enabled:
            store, self._store = self._store, None
            await asyncio.to_thread(store.close)

    async def _forget(self, box: str) -> None:
        """Forget a recorder's credentials, end its line, and stop recording its cameras."""
        one = self._protected.pop(box, None)
        if one is None:
            return
        one.plan = None
        if one.connection is not None:
            one.connection.stop()
        if one.task is not None and one.task is not asyncio.current_task():
            one.task.cancel()
            await asyncio.gather(one.task, return_exceptions=True)
        if one.recording is not None:  # its thread goes on after its task was cancelled
            await asyncio.gather(one.recording, return_exceptions=True)
        await asyncio.to_thread(self._work.record, one.box, (), one.silent_ms)

    async def _ask(self, one: LeasedRecorder) -> bool | None:
        """Ask a recorder as `RecorderQuestions.ask`. Where the key can't be read, it isn't asked."""
        key = None
        with suppress(*_EXPECTED):
            key = await asyncio.to_thread(self._own_key)
        return await self._questions.ask(one.plan.addresses if one.plan else (), key, one.box)

    async def _keep(self, one: LeasedRecorder) -> None:
        """Watch a recorder's lease."""
        noted_s, again_s = -NOTE_S, 0.0
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                if one.lease.ends(self.clock.mono_s()):
                    answer = await self._ask(one)
                    one.lease.answer(self.clock.mono_s(), is_recording=answer is not False)
                    if answer is None:  # where it can't be deleted now, it is asked again
                        await self.revoke(one.box.id)
                        log.warning("recorder %s has left this standby", one.box.name)
                        return
                self._follow_clock(one)
                await self._record(one)
                if one.connection is not None:
                    one.connection.send_news()
                if self.clock.mono_s() < again_s:
                    continue
                await self._keep_changes(one)
                is_here = one.lease.state is LeaseState.HELD
                if is_here and self.clock.mono_s() - noted_s > NOTE_S and self._store is not None:
                    await asyncio.to_thread(self._store.note, one.box.id, "", one.called, one.plan_ahead_ms)
                    noted_s = self.clock.mono_s()
                one.wrong = ""
            except _EXPECTED as error:
                again_s = self.clock.mono_s() + RETRY_S
                if one.wrong != error.message:
                    log.error("the standby of %s: %s", one.box.name, error)
                one.wrong = error.message

    def _follow_clock(self, one: LeasedRecorder) -> None:
        """Go on by this clock if it was set: what was recorded before has its former time."""
        moved_ms = _clock_ms(self.clock) - one.clock_ms
        if abs(moved_ms) < SET_MS:
            return
        one.takeovers = begun_again(one.takeovers, self.clock.now_ms(), moved_ms, one.ahead_ms)
        one.clock_ms, one.silent_ms = one.clock_ms + moved_ms, one.silent_ms + moved_ms
        one.ahead_ms = None if one.ahead_ms is None else one.ahead_ms + moved_ms

    async def _record(self, one: LeasedRecorder) -> None:
        """Record what must be recorded now; no other camera of this recorder."""
        now_s, now_ms = self.clock.mono_s(), self.clock.now_ms()
        is_taken, is_away = one.lease.state is LeaseState.TAKEN, one.connection is None
        missed = {
            camera.id: camera
            for camera in (one.plan.cameras if one.plan is not None else ())
            if is_taken or (camera.id in one.recorded and not one.lease.has_returned(camera.id, now_s))
        }
        wanted = {name: camera for name, camera in missed.items() if not camera.hindrance(now_ms, one.plan_ahead_ms)}
        is_same = wanted == one.recorded
        if is_same and not (wanted and now_s >= one.set_s + AGAIN_S):
            return
        begun, ended = wanted.keys() - one.recorded.keys(), one.recorded.keys() - wanted.keys()
        made = begun_now(begun, one.silent_ms, now_ms, one.ahead_ms)
        clock_ms, ahead_ms = one.clock_ms, one.ahead_ms
        recording = asyncio.to_thread(self._work.record, one.box, list(wanted.values()), one.silent_ms)
        one.recording, one.set_s = asyncio.create_task(recording), now_s
        refused = await asyncio.shield(one.recording)
        former = {camera: why for camera, why in one.refused.items() if camera not in wanted}
        one.refused = {**former, **refused}
        if is_same:
            return
        if moved_ms := one.clock_ms - clock_ms:  # `renew` has followed a step of the clock meanwhile
            made = begun_again(made, self.clock.now_ms(), moved_ms, ahead_ms)
        by_plan = ended & missed.keys() if is_taken and is_away else ()  # a recorder that is back sends other plans
        one.takeovers = with_ended(one.takeovers, ended, by_plan, self.clock.now_ms(), one.ahead_ms) + made
        one.recorded = wanted
        if made:
            one.since_ms = made[-1].begin_ms
            log.warning("recorder %s is silent; recording %s in its place", one.box.name, ", ".join(sorted(begun)))

    async def _keep_if_possible(self, one: LeasedRecorder) -> None:
        """Store what has changed; where that fails, `_keep` tries again and says why: the line stays."""
        with suppress(StorageError):
            await self._keep_changes(one)

    async def _keep_changes(self, one: LeasedRecorder) -> None:
        """Store its plan and its takeovers if they have changed. Raises StorageError."""
        async with one.keeping:
            if self._store is not None and (sealed := one.unkept) is not None:
                await asyncio.to_thread(self._store.keep_plan, one.box.id, sealed)
                one.unkept = None if one.unkept is sealed else one.unkept
            if self._store is not None and one.kept != (latest := one.takeovers):
                await asyncio.to_thread(self._store.keep_takeovers, one.box.id, latest)
                one.kept = latest


def _clock_ms(clock: Clock) -> int:
    return clock.now_ms() - round(clock.mono_s() * 1000)

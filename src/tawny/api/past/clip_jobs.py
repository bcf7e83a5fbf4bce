"""Clip jobs: queued, processed one after the other by one low-priority thread, results kept in the clip store.

A job ends when the account that asked for it may no longer see its cameras. Space is reserved as in decision 41.
Thread-safe. The worker thread calls `work`. Listeners are called from the thread that makes a change.
"""

import logging
import os
import secrets
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter

from tawny.api.auth.accounts import Account, Role
from tawny.api.errors import without_paths
from tawny.api.past.clip_store import ClipStore
from tawny.delivery.file_names import name_stamp
from tawny.engine.actor import ActorHandle, Engine
from tawny.model.errors import DiskFull, NotDone, StorageError, TawnyError
from tawny.model.ids import CameraId
from tawny.model.times import Clock, Span
from tawny.playback.clips import ClipCache
from tawny.playback.exports import ExportKind, ExportOptions, ExportResult, check_export, make_export
from tawny.service.recorder import RecorderService
from tawny.storage.disk.disk import turned

log = logging.getLogger(__name__)

MOST_WAITING = 192
MOST_OF_ONE = 64
"""Maximum number of waiting jobs of one user: as many as cameras in one request. Users take turns."""
MOST_FAILED = 100
"""Maximum number of failed jobs that are known; the oldest are dropped."""
LEAST_LATE_MS = 1000
"""A clip that begins later than asked for by less counts as begun in time: its first frame comes a little after."""
TELL_S = 0.25
LOWEST_PRIORITY = 19
IDLE_S = 3600.0
UNDO_S = 60.0
"""Time in s for which a deleted clip can be restored. The interface offers it for 8 s."""


class ClipJobState(StrEnum):
    WAITING = "waiting"
    WORKING = "working"
    DONE = "done"
    FAILED = "failed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class ClipAlterations:
    """What is burned into a clip, or hidden in it: as of `api.past.clip_routes.NewClip`."""

    stamp: bool = False
    boxes: bool = False
    all_but: str = ""


@dataclass(frozen=True, slots=True)
class ClipExportJob:
    """A clip job. made_by: a user's ID. name: file name for people. problem, todo: what is wrong with it.

    from_ms: what was asked for, and once it is done, where it really begins if nothing before is recorded.
    unreadable_ms, elsewhere_ms: time missing in it that can't be read, or that only the other stream has. is_mute: as
    of a `ClipFile`. fingerprint: as of an `ExportResult`. sound, exact, stamp, boxes, all_but: as of its request.
    """

    id: str
    kind: ExportKind
    cameras: tuple[CameraId, ...]
    from_ms: int
    to_ms: int
    speed: float | None
    name: str
    made_by: str
    made_ms: int
    state: ClipJobState = ClipJobState.WAITING
    progress: float = 0.0
    size_bytes: int = 0
    kept: bool = False
    cut_at_ms: int | None = None
    redacted: bool = False
    problem: str = ""
    todo: str = ""
    unreadable_ms: int = 0
    elsewhere_ms: int = 0
    is_mute: bool = False
    fingerprint: str = ""
    sound: bool = True
    exact: bool = False
    stamp: bool = False
    boxes: bool = False
    all_but: str = ""

    @property
    def span(self) -> Span:
        return Span(self.from_ms, self.to_ms)

    @property
    def altered(self) -> ClipAlterations:
        return ClipAlterations(self.stamp, self.boxes, self.all_but)


@dataclass(frozen=True, slots=True)
class ClipOrder:
    """Inputs of a waiting job. archive: the recordings as its user may see them."""

    archive: RecorderService
    clips: ClipCache
    options: ExportOptions
    zone: ZoneInfo


class JobCancelled(Exception):
    """The job was removed while in progress."""


Listener = Callable[[ClipExportJob], None]


class ClipJobs:
    """account_of: a user by ID, as of now; without it, makers aren't checked. is_linked: whether a link shows one."""

    def __init__(
        self,
        clock: Clock,
        store: ClipStore,
        account_of: Callable[[str], Account | None] | None = None,
        is_linked: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._clock, self._store, self._account_of, self._is_linked = clock, store, account_of, is_linked
        self._lock = threading.RLock()
        self._jobs: dict[str, ClipExportJob] = {}
        self._orders: dict[str, ClipOrder] = {}
        self._removed: dict[str, tuple[ClipExportJob, float]] = {}
        """Clips that can be restored, and until when, s monotonic."""
        self._served: dict[str, float] = {}
        """When the last job of each user began, s monotonic."""
        self._order_of: Callable[[ClipExportJob, Account], ClipOrder] | None = None
        """For what still waits from before the start; None: nothing."""
        self._resumed: str | None = None
        """ID of the job of which this order is asked for now."""
        self._listeners: list[Listener] = []
        self._handle = ActorHandle()
        self._is_loaded = self._is_ending = False

    @property
    def most_bytes(self) -> int:
        return self._store.most_bytes

    def start(self, engine: Engine) -> None:
        """Start processing jobs."""
        self._handle.start(engine, "clips", lambda: _Maker(self))

    def close(self) -> None:
        """Cancel the current job and stop."""
        self._is_ending = True
        self._handle.stop()
        self._handle.join(2.0)
        self.delete_removed(at_once=True)
        self._store.close()

    def resume_with(self, order_of: Callable[[ClipExportJob, Account], ClipOrder]) -> None:
        """Go on with what was waiting when the program ended. order_of: inputs of a job for its user."""
        self._order_of = order_of
        self._handle.wake()

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Register a listener; it must return immediately. Return a function that removes it."""
        with self._lock:
            self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    # --- called for users

    def ask(
        self,
        person: Account,
        archive: RecorderService,
        clips: ClipCache,
        wanted: Sequence[tuple[ExportOptions, str]],
        altered: ClipAlterations = ClipAlterations(),
    ) -> list[ClipExportJob]:
        """Queue a job for each, or none. wanted: with its file name. altered: how, to go on after a restart.

        Raises NotDone: not possible, or too many; StorageError.
        """
        for options, _ in wanted:
            check_export(options)
        with self._lock:
            of_one = sum(self._jobs[job_id].made_by == person.id for job_id in self._orders)
            if len(self._orders) + len(wanted) > MOST_WAITING or of_one + len(wanted) > MOST_OF_ONE:
                raise NotDone("Too many clips are in the queue.", "Try again when some are done.")
            self._forget_old()
            now_ms, zone = self._clock.now_ms(), ZoneInfo(archive.zone)
            made = [_job(options, name, person, now_ms, altered) for options, name in wanted]
            self._note_all(made)
            for job, (options, _) in zip(made, wanted, strict=True):
                self._jobs[job.id], self._orders[job.id] = job, ClipOrder(archive, clips, options, zone)
        for job in made:
            self._publish(job)
        self._handle.wake()
        return made

    def seen_by(self, person: Account) -> list[ClipExportJob]:
        """Return jobs whose cameras the user may all see, newest first."""
        return sorted((one for one in self._all() if may_see(person, one)), key=lambda one: -one.made_ms)

    def find(self, job_id: str, person: Account) -> ClipExportJob | None:
        return next((one for one in self._all() if one.id == job_id and may_see(person, one)), None)

    def shows(self, camera: CameraId) -> bool:
        return any(camera in one.cameras for one in self._all() if one.state is not ClipJobState.FAILED)

    def given_on(self, job_id: str) -> ClipExportJob | None:
        """Return a finished job, for anyone with a link to it."""
        found = next((one for one in self._all() if one.id == job_id), None)
        return found if found and found.state is ClipJobState.DONE else None

    def change(self, job: ClipExportJob, *, kept: bool | None = None, name: str | None = None) -> ClipExportJob | None:
        """Keep a finished clip or not, or give it another name; None changes nothing. Return None if it is deleted."""
        with self._lock:
            if (now := self.given_on(job.id)) is None:
                return None
            changed = replace(now, kept=now.kept if kept is None else kept, name=now.name if name is None else name)
            self._store.note(job.id, asdict(changed))
            self._jobs[job.id] = changed
        self._publish(changed)
        return changed

    def remove(self, job: ClipExportJob) -> None:
        """Remove a job; cancels it if it is waiting or in progress. A finished clip can be restored for UNDO_S."""
        with self._lock:
            job = self._jobs.get(job.id, job)  # may have been finished or renamed meanwhile
            if job.state is not ClipJobState.DONE:
                self._delete(job)
                return
            gone = replace(job, state=ClipJobState.REMOVED)
            self._store.note(job.id, asdict(gone))
            self._jobs.pop(job.id, None)
            self._removed[job.id] = job, self._clock.mono_s() + UNDO_S
        self._handle.wake()
        self._publish(gone)

    def find_removed(self, job_id: str, person: Account) -> ClipExportJob | None:
        """Return a clip that can be restored."""
        with self._lock:
            found, _ = self._removed.get(job_id, (None, 0.0))
        return found if found and may_see(person, found) else None

    def restore(self, job: ClipExportJob) -> ClipExportJob | None:
        """Restore a removed clip; None if it is deleted by now."""
        with self._lock:
            if job.id not in self._removed:
                return None
            self._store.note(job.id, asdict(job))
            del self._removed[job.id]
        self._put(job)
        return job

    def file(self, job: ClipExportJob) -> Path:
        return self._store.path(job.id, job.kind.suffix)

    def used_bytes(self) -> int:
        return sum(one.size_bytes for one in self._all())

    # --- called by the worker thread

    def work(self) -> bool:
        """Process the next job. Return False if none is waiting."""
        self._resume()
        with self._lock:
            if not self._orders or self._is_ending:
                return False
            # of the user who has waited longest, so that one with many clips doesn't hold up the others
            waiting = min(self._orders, key=lambda one: self._served.get(self._jobs[one].made_by, float("-inf")))
            order, job = self._orders.pop(waiting), replace(self._jobs[waiting], state=ClipJobState.WORKING)
            self._jobs[waiting] = job
            self._served[job.made_by] = self._clock.mono_s()
        self._publish(job)
        try:
            self.check_maker(job)
            self._store.note(job.id, asdict(job))
            place = _JobTarget(self, job, *self._store.begin(job.id))
            prove = order.archive.prove
            made = make_export(order.archive, order.clips, order.options, order.zone, place, self.most_bytes, prove)
            done = _made(self._jobs.get(job.id, job), made, order.zone)
            self.check_maker(job)
            self.room(job.id, 0)
            done = replace(done, size_bytes=self._store.finish(job.id, job.kind.suffix))
            self._store.note(job.id, asdict(done))
            self._ended(done)
        except JobCancelled:
            self._cancelled(job)
        except TawnyError as error:
            self._fail(job, error)
        except OSError as error:
            self._fail(job, turned(error, job.name))
        finally:
            self._store.release()
        return True

    def delete_removed(self, *, at_once: bool = False) -> float:
        """Delete the files of removed clips that can't be restored any more. Return the time to the next call, s."""
        now_s = self._clock.mono_s()
        with self._lock:
            due = [job for job, until_s in self._removed.values() if at_once or until_s <= now_s]
            for job in due:
                del self._removed[job.id]
            next_s = min((until_s - now_s for _, until_s in self._removed.values()), default=IDLE_S)
        for job in due:
            self._store.remove(job.id, job.kind.suffix)
        return next_s

    def given_up(self) -> None:
        """Mark jobs in progress as failed after the worker stopped, unless they go on after the next start."""
        if self._is_ending:
            return
        for job in [one for one in self._all() if one.state is ClipJobState.WORKING or one.id == self._resumed]:
            self._fail(job, NotDone("Something went wrong.", "Try again. The log has details."))

    def now_s(self) -> float:
        return self._clock.mono_s()

    def is_wanted(self, job_id: str) -> bool:
        return not self._is_ending and job_id in self._jobs

    def progress(self, job_id: str, part: float) -> None:
        with self._lock:
            if job_id not in self._jobs:
                return
            job = self._jobs[job_id] = replace(self._jobs[job_id], progress=part)
        self._publish(job)

    def check_maker(self, job: ClipExportJob) -> None:
        """Raise NotDone: when the account that asked for it may no longer see its cameras."""
        if self._account_of is not None:
            self._maker_of(job)

    def room(self, job_id: str, size_bytes: int) -> None:
        """Free space for a clip of at least this size, and reserve it on the disk. Raises NotDone.

        Deletes removed clips first, then the oldest ones neither kept, shared nor of the same request. A viewer's clip
        makes only their own older ones go, and no recordings.
        """
        job = self._jobs.get(job_id)
        maker = self._account_of(job.made_by) if self._account_of and job else None
        is_viewer = maker is not None and maker.role.only_watches
        wanted = max(size_bytes, self._store.written_bytes(job_id))
        if wanted > self.most_bytes:
            raise NotDone("This clip is larger than the space reserved for clips.", "Choose a shorter time.")
        with self._lock:
            removed_bytes = sum(job.size_bytes for job, _ in self._removed.values())
        if self.used_bytes() + removed_bytes + wanted > self.most_bytes:
            self.delete_removed(at_once=True)
        while self.used_bytes() + wanted > self.most_bytes:
            done = [one for one in self._all() if one.state is ClipJobState.DONE and not one.kept]
            done = [one for one in done if not self._is_linked(one.id) and not (job and _is_asked_with(one, job))]
            if is_viewer:
                done = [one for one in done if maker is not None and one.made_by == maker.id]
            if not done:
                what = "There is no space for another clip: kept or shared ones, or those made with it, use it."
                raise NotDone(what, "Delete some of them.")
            self._delete(min(done, key=lambda one: one.made_ms))
        left_bytes = max(0, size_bytes - self._store.written_bytes(job_id))
        if not self._store.reserve(left_bytes, may_use_kept=not is_viewer):
            what = "There is no free space for clips: the rest of the disk is for recordings."
            raise NotDone(what, "Download the video instead, or ask an owner.")

    # --- internal

    def _maker_of(self, job: ClipExportJob) -> Account:
        maker = self._account_of(job.made_by) if self._account_of else None
        if maker is None or not may_see(maker, job):
            raise NotDone("Whoever asked for this clip can no longer see the camera.", "Create it yourself.")
        return maker

    def _resume(self) -> None:
        if self._order_of is None:
            return
        try:
            left = [one for one in self._all() if one.id not in self._orders]
        except StorageError as error:
            log.warning("waiting clips can't be read now: %s", error)
            return  # again at the next job
        left = [one for one in left if one.state in (ClipJobState.WAITING, ClipJobState.WORKING)]
        for job in sorted(left, key=lambda one: (one.state is ClipJobState.WAITING, one.made_ms)):
            self._resumed = job.id
            try:
                if job.state is ClipJobState.WORKING:  # it may be what ended the program, and would again
                    raise NotDone("tawny ended while this clip was being made.", "Create it again.")
                order = self._order_of(job, self._maker_of(job))
            except TawnyError as error:
                self._fail(job, error)
                continue
            with self._lock:
                if job.id in self._jobs:
                    self._orders[job.id] = order
        self._order_of = self._resumed = None

    def _note_all(self, made: Sequence[ClipExportJob]) -> None:
        """Note all waiting jobs, or none, so that they go on after a restart."""
        try:
            for job in made:
                self._store.note(job.id, asdict(job))
        except TawnyError:
            for job in made:
                self._store.remove(job.id, job.kind.suffix)
            raise

    def _cancelled(self, job: ClipExportJob) -> None:
        """Delete a job that was removed while in progress; one that the program's end stops goes on afterwards."""
        with self._lock:
            if job.id in self._jobs:
                self._store.abandon(job.id)
                self._store.note(job.id, asdict(replace(job, state=ClipJobState.WAITING)))
                return
        self._store.remove(job.id, job.kind.suffix)

    def _delete(self, job: ClipExportJob) -> None:
        """Delete a job and its files at once; the worker deletes those of the job in progress."""
        gone = replace(job, state=ClipJobState.REMOVED)
        with self._lock:
            if job.state is ClipJobState.WORKING:
                with suppress(StorageError):  # it would only come back after a power cut
                    self._store.note(job.id, asdict(gone))  # before the worker knows, which deletes this too
            self._jobs.pop(job.id, None)
            self._orders.pop(job.id, None)
        if job.state is not ClipJobState.WORKING:
            self._store.remove(job.id, job.kind.suffix)
        self._publish(gone)

    def _all(self) -> list[ClipExportJob]:
        with self._lock:
            if not self._is_loaded:
                stored = [job for about in self._store.load() if (job := _from(about))]
                self._is_loaded = True
                self._jobs = {job.id: job for job in stored if job.state is not ClipJobState.REMOVED} | self._jobs
                for job in stored:
                    if job.state is ClipJobState.REMOVED:  # the program ended before its file was deleted
                        self._store.remove(job.id, job.kind.suffix)
            return list(self._jobs.values())

    def _put(self, job: ClipExportJob) -> None:
        with self._lock:
            self._all()
            self._jobs[job.id] = job
        self._publish(job)

    def _ended(self, job: ClipExportJob) -> None:
        """Store the final state; delete the clip if the job was removed meanwhile."""
        with self._lock:
            is_wanted = job.id in self._jobs
            if is_wanted:
                self._jobs[job.id] = job
        if is_wanted:
            self._publish(job)
        else:
            self._store.remove(job.id, job.kind.suffix)

    def _fail(self, job: ClipExportJob, error: TawnyError) -> None:
        words = "The disk is full." if isinstance(error, DiskFull) else without_paths(error)
        failed = replace(job, state=ClipJobState.FAILED, problem=words, todo=error.do)
        with suppress(StorageError):  # it is known until the next start
            self._store.remove(job.id, job.kind.suffix)
            self._store.note(job.id, asdict(failed))
        self._ended(failed)

    def _forget_old(self) -> None:
        failed = sorted((one for one in self._all() if one.state is ClipJobState.FAILED), key=lambda one: one.made_ms)
        for job in failed[: max(0, len(failed) - MOST_FAILED)]:
            self._delete(job)

    def _publish(self, job: ClipExportJob) -> None:
        for listener in list(self._listeners):
            listener(job)


def _job(options: ExportOptions, name: str, person: Account, now_ms: int, altered: ClipAlterations) -> ClipExportJob:
    return ClipExportJob(
        secrets.token_hex(8),
        options.kind,
        options.cameras,
        options.span.begin_ms,
        options.span.end_ms,
        options.speed if options.kind is ExportKind.TIMELAPSE else None,
        name,
        person.id,
        now_ms,
        redacted=options.redaction is not None,
        sound=options.with_sound,
        exact=options.exact,
        **asdict(altered),
    )


def _is_asked_with(one: ClipExportJob, other: ClipExportJob) -> bool:
    """Return whether one request asked for both."""
    return (one.made_by, one.made_ms) == (other.made_by, other.made_ms)


def may_see(person: Account, job: ClipExportJob) -> bool:
    """Return whether the user may see the job. Evidence shows unmasked recordings, so only owners may see it."""
    if job.kind is ExportKind.EVIDENCE and person.role is not Role.OWNER:
        return False
    return all(person.may_see(camera) for camera in job.cameras)


def may_change(person: Account, job: ClipExportJob) -> bool:
    """Return whether the user may remove, keep and share the clip."""
    return may_see(person, job) and (person.role is Role.OWNER or person.id == job.made_by)


class _JobTarget:
    """The `playback.exports.ExportTarget` of a job."""

    def __init__(self, jobs: ClipJobs, job: ClipExportJob, out: Path, scratch: Path) -> None:
        self.out, self.scratch = out, scratch
        self._jobs, self._job, self._job_id = jobs, job, job.id
        self._needed_bytes = 0
        self._reported_s = float("-inf")

    def needs(self, size_bytes: int) -> None:
        self._needed_bytes = size_bytes
        self._jobs.room(self._job_id, size_bytes)

    def progress(self, part: float) -> None:
        if not self._jobs.is_wanted(self._job_id):
            raise JobCancelled
        now_s = self._jobs.now_s()
        if now_s - self._reported_s >= TELL_S:
            self._reported_s = now_s
            self._jobs.check_maker(self._job)
            self._jobs.room(self._job_id, self._needed_bytes)
            self._jobs.progress(self._job_id, part)


class _Maker:
    """Actor that processes jobs at the lowest CPU priority, behind recording and live view."""

    name = "clips"

    def __init__(self, jobs: ClipJobs) -> None:
        self._jobs = jobs
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOWEST_PRIORITY)

    def step(self) -> float:
        return 0.0 if self._jobs.work() else self._jobs.delete_removed()

    def close(self) -> None:
        self._jobs.given_up()


def _made(job: ClipExportJob, made: ExportResult, zone: ZoneInfo) -> ClipExportJob:
    return replace(
        _from_start(job, made.start_ms, zone) if made.start_ms - job.from_ms >= LEAST_LATE_MS else job,
        state=ClipJobState.DONE,
        progress=1.0,
        cut_at_ms=made.cut_at_ms,
        unreadable_ms=sum(round(1000 * gap.span(job.to_ms).seconds) for gap in made.unreadable),
        elsewhere_ms=sum(round(1000 * part.seconds) for part in made.elsewhere),
        is_mute=made.is_mute,
        problem=made.problem,
        todo=made.todo,
        fingerprint=made.fingerprint,
        speed=made.speed,
    )


def _from_start(job: ClipExportJob, start_ms: int, zone: ZoneInfo) -> ClipExportJob:
    """Return the job with its real start, also in its name: a position in the file counts from there."""
    asked, real = (name_stamp(datetime.fromtimestamp(at_ms // 1000, zone)) for at_ms in (job.from_ms, start_ms))
    return replace(job, from_ms=start_ms, name=real.join(job.name.rsplit(asked, 1)))


_STORED: Final = TypeAdapter(ClipExportJob)


def _from(about: dict[str, Any]) -> ClipExportJob | None:
    """Return the job; None if another version wrote it, or it is damaged."""
    try:
        return _STORED.validate_python(asdict(ClipExportJob(**about)))
    except (TypeError, ValueError):
        return None

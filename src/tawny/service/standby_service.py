"""Both sides of a standby as its page shows them: choosing one, inviting recorders to this one, and ending either.

What counts is in the settings file and in `StandbyStore`; `StandbyMember` and `StandbyServer` follow them. So it is the
same by page and by command, and nothing is restarted.
"""

from asyncio import to_thread
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tawny import __version__
from tawny.config.settings import Settings, in_mode
from tawny.fleet.fleet_index import Box
from tawny.fleet.identity import JoinLink, fingerprint, load_key, load_or_make_key
from tawny.fleet.standby_lease import LeaseState
from tawny.fleet.standby_member import (
    UNTOLD,
    StandbyMember,
    StandbyMemberState,
    join_standby,
    leave_standby,
    standby_words,
)
from tawny.fleet.standby_plan import StandbyPlan
from tawny.fleet.standby_server import StandbyServer
from tawny.fleet.standby_store import ProtectedState, Takeover
from tawny.model.errors import NotDone
from tawny.model.ids import CameraId, StreamName
from tawny.model.segments import BY_CHOICE, GapReason
from tawny.model.times import Clock, Span
from tawny.service.cameras.standby_addresses import NOT_REACHABLE
from tawny.service.cameras.standby_cameras import NOT_RECORDED, PAUSED
from tawny.service.changeable_settings import ChangeableSettings
from tawny.storage.index.protocol import Index

MOST_SHOWN: Final = 10
"""Takeovers of a recorder that are shown, the last ones."""
_SLACK_MS: Final = 3_000
"""Time around a takeover in which gaps belong to it, as for `StandbyFootage`."""
_FIRST_MS: Final = 60_000
"""A first recording that is later is none: what was recorded at the begin has been deleted since."""
_LEAST_LEFT_MS: Final = 1_000

_OWN_WORDS: Final = {
    NOT_REACHABLE: "it is connected to this recorder itself",
    PAUSED: "it is paused",
    NOT_RECORDED: "it is not recorded by its settings",
}
"""Reasons on the recorder's own page."""

Handing = Literal["lasting", "waiting", "handed", "kept", "gone", "nothing"]
"""Of the recordings of a takeover: it lasts; they are not handed back yet; they are; they stay at the standby, because
they are encrypted or have burned-in masks, or don't fit; the standby has none; or nothing was missing."""


@dataclass(frozen=True, slots=True)
class CoveredCamera:
    """A camera as the page shows it. why: it would not be taken over now; empty: it would.

    recorded_as: its ID at the standby while that records it; empty: it doesn't, or this is not the standby.
    """

    id: str
    name: str
    why: str
    recorded_as: str


@dataclass(frozen=True, slots=True)
class TakeoverSummary:
    """One failure of a recorder, over all its cameras. Times in ms UTC of this recorder's clock.

    silent_ms: when it was here last. end_ms: None while it lasts. lost_ms: most that any camera was not recorded.
    """

    silent_ms: int
    end_ms: int | None
    cameras: tuple[str, ...]
    lost_ms: int
    handing: Handing


@dataclass(frozen=True, slots=True)
class OwnStandby:
    """The standby of this recorder. name, words: empty until it was reached. heard_ms: None: not since the start.

    why: it is not ready, would record nothing now, or refuses this recorder.
    """

    address: str
    name: str
    fingerprint: str
    words: str
    state: StandbyMemberState
    since_ms: int
    heard_ms: int | None
    why: str
    is_watched: bool
    cameras: tuple[CoveredCamera, ...]
    unknown_modes: tuple[str, ...]
    takeovers: tuple[TakeoverSummary, ...]


@dataclass(frozen=True, slots=True)
class ProtectedRecorder:
    """A recorder whose standby is this one. bytes: of its recordings here."""

    id: str
    name: str
    words: str
    lease: LeaseState
    is_connected: bool
    is_watched: bool
    since_ms: int
    heard_ms: int
    cameras: tuple[CoveredCamera, ...]
    bytes: int
    takeovers: tuple[TakeoverSummary, ...]


@dataclass(frozen=True, slots=True)
class StandbyOverview:
    """can_join: whether this recorder can have or be a standby at all.

    wrong: why it is none although it is set to, would record nothing now, or can't do all that it must.
    """

    can_join: bool
    is_standby: bool
    wrong: str
    own: OwnStandby | None
    protected: tuple[ProtectedRecorder, ...]


PartnerState = Literal["ready", "away", "taken"]


@dataclass(frozen=True, slots=True)
class StatedPartner:
    """A standby of this recorder (`own`), or a recorder that it protects. taken: its cameras are recorded here."""

    side: Literal["own", "protected"]
    name: str
    state: PartnerState


@dataclass(frozen=True, slots=True)
class StandbyPreview:
    """A standby that may be chosen: its address and key, which it has proved, and what it would take over."""

    address: str
    fingerprint: str
    words: str
    cameras: tuple[CoveredCamera, ...]
    unknown_modes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StandbyParts:
    """What the service uses. folder: with the recorder's key; None: in memory. id_here: of another one's camera.

    addresses: of this recorder's interface, those in the local network first.
    """

    folder: Path | None
    member: StandbyMember
    server: StandbyServer
    index: Index
    clock: Clock
    plan: Callable[[], StandbyPlan]
    id_here: Callable[[Box, str], CameraId]
    get_name: Callable[[], str]
    addresses: Callable[[], Sequence[str]]


class StandbyService:
    """Coroutines run in the event loop of the parts, the rest in any thread."""

    def __init__(self, changeable: ChangeableSettings, parts: StandbyParts) -> None:
        self._changeable, self._of = changeable, parts

    def now(self) -> StandbyOverview:
        """Return both sides. Reads the index."""
        of = self._of
        can_join = of.folder is not None and self._changeable.file is not None
        states = of.server.states()
        protected = tuple(self._protected(one) for one in states)
        wrong = of.server.why_not_ready or next((f"{one.box.name}: {one.wrong}" for one in states if one.wrong), "")
        return StandbyOverview(can_join, of.server.is_ready, wrong, self._own(), protected)

    def stated(self) -> list[StatedPartner]:
        """Return in short what a hub shows of both sides."""
        of, chosen = self._of, self._changeable.now().standby
        partners = []
        if chosen.address:
            is_ready = of.member.state is StandbyMemberState.READY and not of.member.why_not_ready
            partners.append(StatedPartner("own", of.member.standby or chosen.address, "ready" if is_ready else "away"))
        for one in of.server.states():
            is_protected = one.is_connected and not of.server.why_not_ready
            state: PartnerState = "taken" if one.taken else "ready" if is_protected else "away"
            partners.append(StatedPartner("protected", one.box.name, state))
        return partners

    # --- as the recorder

    async def preview(self, link: JoinLink) -> StandbyPreview:
        """Return what to compare before choosing a standby; the link stays unused. Raises NotDone, StorageError."""
        key = await to_thread(self._key_for, link)
        words = await standby_words(link, key)
        cameras = await to_thread(self._covered)
        return StandbyPreview(link.url, link.hub, words, cameras, unknown_modes(self._changeable.now()))

    async def join(self, link: JoinLink) -> StandbyOverview:
        """Choose a standby, and connect. Raises NotDone, StorageError, SettingsError: nothing was changed here."""
        key = await to_thread(self._key_for, link)
        await join_standby(link, key, self._of.get_name(), __version__)
        before = self._changeable.now().standby
        await to_thread(self._changeable.put, "standby", {"address": link.url, "key": link.hub})
        if self._changeable.now().standby == before:  # that one had forgotten this recorder
            self._of.member.retry()
        return await to_thread(self.now)

    async def leave(self) -> str:
        """End it. Return what is left to do at the standby; empty: nothing. Raises NotDone, StorageError.

        The settings come first: whatever the standby answers, this recorder doesn't connect again.
        """
        chosen, folder = self._changeable.now().standby, self._of.folder
        if not chosen.address or folder is None:
            raise NotDone("This recorder has no standby.")
        try:
            key = await to_thread(load_key, folder)
        except NotDone:  # damaged: the standby would not know this recorder by it
            key = None
        await to_thread(self._changeable.put, "standby", {"address": "", "key": ""})
        if key is None:
            return UNTOLD
        try:
            await leave_standby(chosen, key, self._of.member.instance)
        except NotDone as error:
            return f"{error.message} {error.do}"
        return ""

    # --- as the standby

    async def invite(self) -> tuple[list[str], int]:
        """Become a standby if this is none. Return a link by each address, best first, and when they expire, ms UTC.

        Raises NotDone, StorageError, SettingsError.
        """
        folder = self._of.folder
        if folder is None or self._changeable.file is None:
            raise NotDone(
                "This recorder has no folder and settings file, so it can't be a standby.",
                "Create a settings file with `tawny init`, then restart tawny.",
            )
        if not self._changeable.now().standby.enabled:
            await to_thread(self._changeable.put, "standby", {"enabled": True})
        key = await to_thread(load_or_make_key, folder)
        code, ends_ms = await self._of.server.invite()
        mark = fingerprint(key.public_key().public_bytes_raw())
        urls = dict.fromkeys(url.rstrip("/") for url in self._of.addresses() if url)
        return [str(JoinLink(url, code, mark, "standby")) for url in urls], ends_ms

    async def revoke(self, recorder: str) -> bool:
        """End the protection of a recorder; its cameras' credentials are deleted. Return False if there is none."""
        return await self._of.server.revoke(recorder)

    # --- internal

    def _key_for(self, link: JoinLink) -> Ed25519PrivateKey:
        """Return this recorder's key for the standby of a link. Raises NotDone, StorageError."""
        chosen, folder = self._changeable.now().standby, self._of.folder
        if folder is None or self._changeable.file is None:
            raise NotDone(
                "This recorder has no folder and settings file, so it can't have a standby.",
                "Create a settings file with `tawny init`, then restart tawny.",
            )
        if chosen.address and chosen.key != link.hub:
            raise NotDone(f"This recorder has a standby at {chosen.address}.", "End that first.")
        key = load_or_make_key(folder)
        if fingerprint(key.public_key().public_bytes_raw()) == link.hub:
            raise NotDone("A recorder can't be its own standby.", "Use this link on another recorder.")
        return key

    def _own(self) -> OwnStandby | None:
        member, settings = self._of.member, self._changeable.now()
        chosen = settings.standby
        if not chosen.address:
            return None
        known = member.known
        return OwnStandby(
            chosen.address, member.standby, chosen.key, member.words(), member.state, member.since_ms, known.heard_ms,
            member.why_not_ready, member.state is StandbyMemberState.READY and known.is_watched, self._covered(),
            unknown_modes(settings), tuple(self._own_takeovers(known.takeovers)),
        )  # fmt: skip

    def _covered(self) -> tuple[CoveredCamera, ...]:
        now_ms, refused = self._of.clock.now_ms(), self._of.member.known.refused
        found = []
        for one in self._of.plan().cameras:
            why = one.hindrance(now_ms) or refused.get(one.id, "")
            found.append(CoveredCamera(one.id, one.name, _OWN_WORDS.get(why, why), ""))
        return tuple(found)

    def _own_takeovers(self, takeovers: Sequence[Takeover]) -> Iterable[TakeoverSummary]:
        for silent_ms, several in _failures(takeovers):
            outcomes = [self._outcome(one) for one in several]
            found = {handing for _, handing in outcomes}
            order: tuple[Handing, ...] = ("lasting", "waiting", "kept", "gone", "handed", "nothing")
            handing = next(one for one in order if one in found)
            yield _together(silent_ms, several, max(lost_ms for lost_ms, _ in outcomes), handing)

    def _outcome(self, one: Takeover) -> tuple[int, Handing]:
        """Return how long neither this recorder nor the standby recorded a camera, and what became of the rest."""
        now_ms = self._of.clock.now_ms()
        begin_ms = max(0, one.silent_ms - _SLACK_MS)
        within = Span(begin_ms, max(begin_ms, (one.end_ms or now_ms) + _SLACK_MS))
        handed_ms = before_ms = after_ms = 0
        for gap in self._of.index.gaps(CameraId(one.camera), within):
            cut = gap.span(now_ms).cut_to(within)
            if cut is not None and gap.reason is GapReason.FILLED:
                handed_ms += cut.end_ms - cut.begin_ms
            if cut is None or gap.reason in BY_CHOICE or gap.is_start:
                continue
            middle_ms = min(max(cut.begin_ms, one.begin_ms), cut.end_ms)
            before_ms += middle_ms - cut.begin_ms
            after_ms += cut.end_ms - middle_ms
        if handed_ms:
            return before_ms + after_ms, "handed"
        if one.end_ms is None:
            return before_ms, "lasting"
        if not one.is_handed:
            return before_ms, "waiting"
        if after_ms <= _LEAST_LEFT_MS:
            return before_ms, "nothing"
        return (before_ms + after_ms, "gone") if one.is_gone else (before_ms, "kept")

    def _protected(self, state: ProtectedState) -> ProtectedRecorder:
        box, index = state.box, self._of.index
        cameras = tuple(
            CoveredCamera(one.id, one.name, one.problem, self._of.id_here(box, one.id) if one.id in state.taken else "")
            for one in state.cameras
        )
        known = {*(one.id for one in state.cameras), *(one.camera for one in state.takeovers)}
        size = sum(index.size_bytes(self._of.id_here(box, one)) for one in known)
        return ProtectedRecorder(
            box.id, box.name, box.words, state.lease, state.is_connected, state.is_watched, state.since_ms,
            state.silent_ms, cameras, size, tuple(self._others_takeovers(state)),
        )  # fmt: skip

    def _others_takeovers(self, state: ProtectedState) -> Iterable[TakeoverSummary]:
        for silent_ms, several in _failures(state.takeovers):
            lost_ms = max(self._recorded_from_ms(state.box, one) - silent_ms for one in several)
            handing: Handing = "handed" if all(one.is_handed for one in several) else "waiting"
            if handing == "handed" and any(self._is_gone(state.box, one) for one in several):
                handing = "gone"
            if any(one.end_ms is None for one in several):
                handing = "lasting"
            yield _together(silent_ms, several, max(0, lost_ms), handing)

    def _is_gone(self, box: Box, one: Takeover) -> bool:
        """Return whether the recorder got nothing of a takeover, and nothing of it is here."""
        within = Span(one.begin_ms, max(one.begin_ms, one.end_ms or 0))
        return one.is_gone and not self._of.index.spans(self._of.id_here(box, one.camera), StreamName.MAIN, within)

    def _recorded_from_ms(self, box: Box, one: Takeover) -> int:
        """Return when this standby had the first picture of a takeover; its end if it had none."""
        if self._is_gone(box, one):
            return one.end_ms or one.begin_ms
        within = Span(one.silent_ms, max(one.silent_ms, one.end_ms or self._of.clock.now_ms()))
        spans = self._of.index.spans(self._of.id_here(box, one.camera), StreamName.MAIN, within)
        first_ms = min((span.begin_ms for span in spans), default=one.begin_ms)
        return first_ms if first_ms < one.begin_ms + _FIRST_MS else one.begin_ms


def unknown_modes(settings: Settings) -> tuple[str, ...]:
    """Return the modes that presence can begin, and in which a camera is not recorded.

    A standby doesn't know who is at home: it records on where such a mode would begin after its recorder has failed.
    """
    presence = settings.modes.presence
    if not presence.automatic or not presence.everybody:
        return ()
    return tuple(
        mode
        for mode in dict.fromkeys((presence.nobody, presence.back))
        if any((there := in_mode(settings, mode, name)).privacy or there.record == "off" for name in settings.cameras)
    )


def _failures(takeovers: Sequence[Takeover]) -> list[tuple[int, list[Takeover]]]:
    """Return the last takeovers, newest first: those of all cameras that one failure has caused together."""
    ordered = sorted(takeovers, key=lambda one: (-one.silent_ms, one.camera))
    found = [(silent_ms, list(several)) for silent_ms, several in groupby(ordered, key=lambda one: one.silent_ms)]
    return found[:MOST_SHOWN]


def _together(silent_ms: int, several: Sequence[Takeover], lost_ms: int, handing: Handing) -> TakeoverSummary:
    ends = [one.end_ms for one in several]
    end_ms = None if None in ends else max(one for one in ends if one is not None)
    return TakeoverSummary(silent_ms, end_ms, tuple(dict.fromkeys(one.camera for one in several)), lost_ms, handing)

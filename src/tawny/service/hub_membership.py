"""Membership of a hub: joining by a link or by a QR code that a camera sees, what the hub may do, and leaving.

What counts is in the settings file; `FleetMember` follows it. So it is the same by page and by command, and nothing is
restarted.
"""

import logging
from asyncio import to_thread
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tawny.config.fleet import SHARES
from tawny.fleet.box import FleetMember, MemberState, comparison_words_of, forget_name, join_hub, leave_hub
from tawny.fleet.hub_pass import HubPass, PassStore
from tawny.fleet.identity import JoinLink, forget_key, load_key, load_or_make_key
from tawny.media.codec.decoder import DecodedFrame, Decoder
from tawny.media.image.mask import mask_picture
from tawny.model.errors import NotDone, UsageError
from tawny.model.packets import VideoFormat
from tawny.service.changeable_settings import ChangeableSettings
from tawny.stream.hub import Hub

log = logging.getLogger(__name__)
STALE_MS: Final = 2000
"""An older keyframe may not show the code yet: the frames since then are decoded, too."""
_MOST_WIDTH: Final = 1920
"""Larger pictures are reduced: a code that is held before the camera is large enough."""


@dataclass(frozen=True, slots=True)
class Membership:
    """state: of the connection, since `since_ms`; detail: why it is refused or offline. hub: its address; empty: none.

    name: of the hub; words: to compare; both empty until it was reached. can_join: whether this recorder can at all.
    """

    hub: str
    name: str
    fingerprint: str
    words: str
    allow: tuple[str, ...]
    state: MemberState
    since_ms: int
    detail: str
    can_join: bool
    given: HubPass | None
    """The pass that lets installers at the hub see pictures now."""


@dataclass(frozen=True, slots=True)
class HubPreview:
    """A hub that may be joined: its address, and the fingerprint of its key, which it has proved."""

    hub: str
    fingerprint: str
    words: str


class HubMembershipService:
    """Coroutines run in any event loop. folder: with the recorder's key; None: in memory. get_name: for the hub."""

    def __init__(
        self,
        folder: Path | None,
        changeable: ChangeableSettings,
        member: FleetMember,
        passes: PassStore,
        get_name: Callable[[], str],
    ) -> None:
        self._folder, self._changeable, self._member, self._get_name = folder, changeable, member, get_name
        self._passes = passes

    def now(self) -> Membership:
        """Return the state. Reads the disk at most once."""
        fleet, member = self._changeable.now().fleet, self._member
        welcome = member.welcome if fleet.hub else None
        return Membership(
            fleet.hub, welcome.hub if welcome else "", fleet.hub_key, member.words() if welcome else "", fleet.allow,
            member.state, member.since_ms, member.detail,
            self._folder is not None and self._changeable.file is not None,
            self._passes.now() if fleet.hub else None,
        )  # fmt: skip

    async def preview(self, link: JoinLink) -> HubPreview:
        """Return what to compare before joining; the link stays unused. Raises NotDone, StorageError."""
        key = await to_thread(self._key_to_join, link)
        return HubPreview(link.url, link.hub, await comparison_words_of(link, key, self._changeable.now().fleet.nats))

    async def join(self, link: JoinLink, allow: Iterable[str]) -> Membership:
        """Join the hub, and connect. Raises NotDone, StorageError, SettingsError: nothing was changed here."""
        chosen = _in_order(allow)
        key = await to_thread(self._key_to_join, link)
        await to_thread(self._passes.end)  # of another hub
        await join_hub(link, key, self._get_name(), chosen, self._changeable.now().fleet.nats)
        if self._folder is not None:
            await to_thread(forget_name, self._folder)
        values = {"hub": link.url, "hub_key": link.hub, "allow": list(chosen)}
        await to_thread(self._changeable.put, "fleet", values)
        return await to_thread(self.now)

    def set_allowed(self, allow: Iterable[str]) -> Membership:
        """Change what people at the hub may do; it applies at once. Raises NotDone, StorageError, SettingsError."""
        self._changeable.put("fleet", {"allow": list(_in_order(allow))})
        return self.now()

    def give_pass(self, lasts_s: float, shares: Iterable[str]) -> Membership:
        """Let installers at the hub see pictures for some time. Raises NotDone, StorageError."""
        if not self._changeable.now().fleet.hub:
            raise NotDone("This recorder has joined no hub.")
        self._passes.give(lasts_s, shares)
        return self.now()

    def end_pass(self) -> Membership:
        """End the pass; what is shown by it ends within a second. Raises StorageError."""
        self._passes.end()
        return self.now()

    async def leave(self) -> str:
        """Leave the hub. Return what the hub's owner still has to do; empty: nothing. Raises NotDone, StorageError.

        The settings come first: whatever the hub answers, this recorder doesn't connect again.
        """
        fleet, folder = self._changeable.now().fleet, self._folder
        if not fleet.hub or folder is None:
            raise NotDone("This recorder has joined no hub.")
        try:
            key = await to_thread(load_key, folder)
        except NotDone:  # damaged: of no use any more, and removed below
            key = None
        await to_thread(self._passes.end)
        await to_thread(self._changeable.put, "fleet", {"hub": "", "hub_key": ""})
        problem = ""
        if key is not None:
            try:
                await leave_hub(fleet, key, self._member.instance)
            except NotDone as error:
                problem = f"{error.message} {error.do}"
        now = self._changeable.now()
        if not (now.hub.enabled or now.standby.enabled or now.standby.address):  # else the key has other uses
            await to_thread(forget_key, folder)
        return problem

    def _key_to_join(self, link: JoinLink) -> Ed25519PrivateKey:
        fleet = self._changeable.now().fleet
        if self._folder is None or self._changeable.file is None:
            raise NotDone(
                "This recorder has no folder and settings file, so it can't join a hub.",
                "Create a settings file with `tawny init`, then restart tawny.",
            )
        if fleet.hub and fleet.hub_key != link.hub:  # the same hub may have another address now
            raise NotDone(f"This recorder has joined {fleet.hub}.", "Leave that hub first.")
        return load_or_make_key(self._folder)


def _in_order(allow: Iterable[str]) -> tuple[str, ...]:
    chosen = frozenset(allow)
    return tuple(one for one in SHARES if one in chosen)


# A QR code before a camera


def link_before_camera(stream: Hub) -> JoinLink | None:
    """Return the join link whose QR code the camera sees now; None if there is none. Other codes are passed over.

    Decodes one frame, or what has come since the newest keyframe if that is old.
    """
    frame = _newest_frame(stream)
    if frame is None:
        return None
    sent = DecodedFrame(
        mask_picture(frame, stream.private).raw, frame.camera, frame.at_ms
    )  # a mirrored code has no text
    for text in qr_texts(sent.luma):
        try:
            return JoinLink.parse(text)
        except UsageError:
            continue
    return None


def qr_texts(luma: Any) -> list[str]:
    """Return the texts of QR codes in uint8 [height, width]. Noise is smoothed if nothing is found without."""
    import cv2  # local: recording works without the vision library

    height, width = luma.shape
    if width > _MOST_WIDTH:
        luma = cv2.resize(luma, (_MOST_WIDTH, round(height * _MOST_WIDTH / width)), interpolation=cv2.INTER_AREA)
    for picture in (luma, cv2.GaussianBlur(luma, (3, 3), 0)):
        for detector in (cv2.QRCodeDetectorAruco(), cv2.QRCodeDetector()):
            try:
                _, texts, _, _ = detector.detectAndDecodeMulti(picture)
            except cv2.error as error:  # of pictures that only look like a code
                log.debug("a picture could not be searched for QR codes: %s", error)
                continue
            if found := [text for text in texts if text]:
                return found
    return []


def _newest_frame(stream: Hub) -> DecodedFrame | None:
    packets = [packet for packet in stream.recent(0.0) if packet.is_video]
    if not packets:
        return None
    if packets[-1].at_ms - packets[0].at_ms < STALE_MS:
        packets = packets[:1]
    assert isinstance(packets[0].format, VideoFormat)
    decoder = Decoder(packets[0].format)
    frames = [frame for packet in packets for frame in decoder.decode(packet)[-1:]][-1:] or decoder.drain()
    return frames[-1] if frames else None

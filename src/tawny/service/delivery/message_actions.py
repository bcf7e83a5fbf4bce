"""Actions of messages: mute, false alarm, keep.

A signed token authorizes one action on one event for one notifier until it expires, while the notifier has the address
it was sent to. It permits nothing else, and no more than the notifier's user may do now.
"""

import hmac
import logging
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from tawny.delivery.outbox import Outbox
from tawny.model.errors import NotDone, StorageError
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId
from tawny.model.times import Clock
from tawny.service.delivery.notification_filter import NotifierMutes
from tawny.service.recorder import RecorderService

log = logging.getLogger(__name__)
MUTE_MS = 3_600_000
LASTS_MS = 7 * 86_400_000
MUTE = "m"
"""The action that concerns the notifier alone; the others change what everyone sees."""
LABELS = {MUTE: "Mute for 1 h", "f": "False alarm", "k": "Keep"}
_KEY = "acts/key"
_OF = "acts/of/"
"""Prefix of the marks of a notifier's first address, hashed: signatures for it contain no address.

They stay when it is removed: another one may get its name.
"""
_REMOVED = "-"
SHOWN_MS = 6 * 3_600_000
"""Validity, ms, of a link to an image."""
_ENDED = "This button has expired."
LINK_ENDED = "This link has expired."
INSTEAD = "Open tawny instead."


@dataclass(frozen=True, slots=True)
class MessageAction:
    """An action of a message. words: the question before it; done: the confirmation after it."""

    do: str
    event: EventId
    words: str
    done: str


class MessageActions:
    """Signs and executes message actions. Thread-safe.

    camera_name: returns the display name of a camera. allows: whether a notifier's user may do an action (a key of
    LABELS) on events of a camera now.
    """

    def __init__(
        self,
        outbox: Outbox,
        mutes: NotifierMutes,
        recorder: RecorderService,
        clock: Clock,
        camera_name: Callable[[CameraId], str],
        allows: Callable[[str, str, CameraId], bool],
    ) -> None:
        self.allows = allows
        self._outbox, self._mutes, self._recorder = outbox, mutes, recorder
        self._clock, self._camera_name = clock, camera_name
        key = outbox.marks(_KEY).get(_KEY)
        if key is None:
            key = secrets.token_hex(32)
            outbox.mark(_KEY, key)
        self._key = bytes.fromhex(key)
        self._first = {name.removeprefix(_OF): text.rstrip() for name, text in outbox.marks(_OF).items()}
        self._salts: dict[str, str] = {}
        """By notifier, what its signatures contain: its address, hashed, or nothing for its first one."""

    def take_over(self, addresses: Mapping[str, str]) -> None:
        """End the actions and links in messages of notifiers that are removed, or have another address.

        addresses: of the notifiers there are now, with their logins.
        """
        salts = {to: self._sign(f"{to}\naddress\n{address}") for to, address in addresses.items()}
        for to in salts.keys() - self._first:  # messages of a version without these marks may have buttons
            self._first[to] = salts[to]
            try:
                self._outbox.mark(_OF + to, salts[to])
            except StorageError as error:
                log.warning("The address of %s isn't noted: buttons in its messages may outlast it: %s", to, error)
        self._salts = {to: "" if salt == self._first[to] else salt for to, salt in salts.items()}

    def token(self, to: str, do: str, event: EventId) -> str:
        """Return a signed token of at most 64 bytes. do: a key of LABELS."""
        until = f"{(self._clock.now_ms() + LASTS_MS) // 60_000:x}"
        return f"{do}.{event}.{until}.{self._signature(to, do, event, until)}"

    def look(self, to: str, token: str) -> MessageAction:
        """Return the action of a token without executing it.

        Raises NotDone if the token is invalid or expired, or the notifier's user may not do it.
        """
        do, event_id, until, signature = (*token.split("."), "", "", "")[:4]
        is_ours = token.count(".") == 3 and hmac.compare_digest(
            signature.encode(), self._signature(to, do, event_id, until).encode()
        )
        if not is_ours or int(until, 16) * 60_000 < self._clock.now_ms():
            raise NotDone(_ENDED, INSTEAD)
        event = self._event(EventId(event_id))
        if not self.allows(to, do, event.camera):
            raise NotDone(_ENDED, INSTEAD)
        name = self._camera_name(event.camera)
        words = {
            MUTE: (f"Mute {name} for an hour?", f"{name} is muted for an hour."),
            "f": ("Mark as false alarm?", "Marked as false alarm."),
            "k": ("Keep this event?", "Kept. tawny won't delete it."),
        }[do]
        return MessageAction(do, event.id, *words)

    def do(self, to: str, token: str) -> str:
        """Execute the action and return its confirmation. Idempotent. Raises NotDone like `look`."""
        act = self.look(to, token)
        if act.do == MUTE:
            self._mutes.put(to, self._event(act.event).camera, MUTE_MS)
        elif act.do == "f":
            self._recorder.mark_event(act.event, false_alarm="other")
        else:
            self._recorder.mark_event(act.event, kept=True)
        return act.done

    def shown_token(self, to: str, form: str, event: EventId) -> str:
        """Return a signed token that shows one form of one event for SHOWN_MS."""
        until = f"{(self._clock.now_ms() + SHOWN_MS) // 1000:x}"
        return f"{form}.{event}.{until}.{self._signature(to, f'show {form}', event, until)}"

    def shown(self, to: str, token: str) -> tuple[str, Event]:
        """Return form and event of such a token. Raises NotDone if the token is invalid or expired."""
        form, event_id, until, signature = (*token.split("."), "", "", "")[:4]
        expected = self._signature(to, f"show {form}", event_id, until)
        is_ours = token.count(".") == 3 and hmac.compare_digest(signature.encode(), expected.encode())
        if not is_ours or int(until, 16) * 1000 < self._clock.now_ms():
            raise NotDone(LINK_ENDED, INSTEAD)
        return form, self._event(EventId(event_id))

    def _event(self, key: EventId) -> Event:
        event = self._recorder.index.event(key)
        if event is None:
            raise NotDone("This event has been deleted.", "")
        return event

    def of_recorder(self, to: str, name: str) -> str:
        """Return a message's ID that another recorder or notifier doesn't use for a message of this name."""
        return "/".join([name, self._sign(f"{to}\nmessage\n{name}\n")])

    def _signature(self, to: str, do: str, event: str, until: str) -> str:
        salt = self._salts.get(to, _REMOVED)
        return self._sign("\n".join([to, do, event, until, *([salt] if salt else [])]))

    def _sign(self, text: str) -> str:
        made = hmac.new(self._key, text.encode(), sha256).digest()
        return urlsafe_b64encode(made[:12]).decode()

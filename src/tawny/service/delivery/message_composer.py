"""Message composer: turns deliveries to notifiers into text, snapshot or clip, links and buttons when they are sent."""

import re
from collections import Counter
from collections.abc import Callable, MutableMapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from tawny.config.targets import NotifierSettings
from tawny.delivery.delivery import Delivery, DeliveryContent, StoredContent, in_memory
from tawny.delivery.notifier import Button, Message, NotifierTraits, Urgency
from tawny.media.image.canvas import contact_sheet
from tawny.media.image.jpeg import ImageView
from tawny.model.errors import ContentGone, FileSealed, NotDone
from tawny.model.events import (
    DOORBELL,
    Event,
    Level,
    actor_name,
    event_title,
    highest,
    kind_title,
    shown_level,
)
from tawny.model.ids import CameraId, EventId, StreamName
from tawny.model.observations import RecognisedText
from tawny.model.states import summary
from tawny.model.times import Span
from tawny.playback.clips import ClipCache, ClipFile, ClipTooLarge
from tawny.playback.frame_reader import event_snapshot
from tawny.playback.timeline import recorded_of_wanted
from tawny.service.delivery.event_forms import PREVIEW_TYPES, EventForms, Preview
from tawny.service.delivery.message_actions import INSTEAD, LABELS, LINK_ENDED, MUTE, MessageActions
from tawny.service.delivery.notification_filter import Snoozes, clock_text, is_late, time_text
from tawny.service.delivery.problems import of_alarm, of_alarms_end, shared, still_so
from tawny.service.delivery.upload_scheduler import DeliverySource
from tawny.service.languages import Translations
from tawny.service.recorder import RecorderService
from tawny.service.visits import EventVisit
from tawny.storage.index.protocol import all_events

# Texts of messages: what, where, when; the same for all notifiers. now_ms: when they are sent, as a time says its day
# unless that is today.

_TABS: Final = {Level.ALERT: "", Level.DETECTION: "?tab=detections", Level.MOTION: "?tab=motion"}
"""Of the Events page, in its address: that of alerts opens by itself."""


def between_text(begin_ms: int, end_ms: int, zone: ZoneInfo, now_ms: int) -> tuple[str, str]:
    """Return the times of begin and end; the end says its day only if it is another one than that of the begin."""
    first, last = (datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone) for at_ms in (begin_ms, end_ms))
    if first.date() == last.date():
        return time_text(begin_ms, now_ms, zone), clock_text(last)
    return time_text(begin_ms, now_ms, zone), time_text(end_ms, now_ms, zone, names_day=True)


def of_event(
    event: Event, camera: str, zone: ZoneInfo, now_ms: int, called: Callable[[RecognisedText], str]
) -> tuple[str, str]:
    """Return `Person at Front door` and `Porch, 20:46.` called: returns the name of what was recognized."""
    end_ms = event.start_ms if event.end_ms is None else event.end_ms
    others = [one for one in dict.fromkeys(seen.label for seen in event.objects) if one != event.kind]
    seen = f" Detected: {', '.join([event.kind, *others])}." if others and event.end_ms is not None else ""
    actor, when = actor_name(event, called) or event_title(event), _time(event.start_ms, end_ms, zone, now_ms)
    return f"{actor} at {camera}", f"{_place(event)}{when}.{seen}"


def of_ring(event: Event, camera: str, zone: ZoneInfo, now_ms: int) -> tuple[str, str]:
    """Return `Someone rang at Front door.` and `20:46.`"""
    return f"Someone rang at {camera}.", f"{time_text(event.start_ms, now_ms, zone)}."


def of_visit(
    visit: EventVisit, cameras: Sequence[str], zone: ZoneInfo, now_ms: int, called: Callable[[RecognisedText], str]
) -> tuple[str, str]:
    """Return `Person: Gate → Front door` and `20:46 to 20:51.` cameras: names, in the order they were reached."""
    when = _time(visit.start_ms, visit.end_ms or visit.events[-1].start_ms, zone, now_ms)
    actor = actor_name(visit.best, called) or event_title(visit.best)
    if len(cameras) == 1:
        return f"{actor} at {cameras[0]}", f"{_place(visit.best)}{when}."
    return f"{actor}: {cameras[0]} → {cameras[-1]}", f"{when}."


def _place(event: Event) -> str:
    """Return `Back gate, ` for the zone `back-gate`."""
    name = event.zones[0].replace("-", " ") if event.zones else ""
    return f"{name[:1].upper()}{name[1:]}, " if name else ""


def _time(begin_ms: int, end_ms: int, zone: ZoneInfo, now_ms: int, to: str = " to ") -> str:
    begin, end = between_text(begin_ms, end_ms, zone, now_ms)
    return begin if begin.endswith(end) else f"{begin}{to}{end}"


def of_events(
    events: Sequence[Event], camera: str, zone: ZoneInfo, now_ms: int, *, is_first: bool = False
) -> tuple[str, str]:
    """Return `Front door: 7 more events` and `20:46–20:51: 5 × person, 2 × vehicle`. At least one event.

    is_first: no message came before, of which these are more.
    """
    times_ms = [one.start_ms for one in events]
    when = _time(min(times_ms), max(times_ms), zone, now_ms, "–")
    return f"{camera}: {len(events)} {'' if is_first else 'more '}events", f"{when}: {counts(events)}"


def counts(events: Sequence[Event]) -> str:
    found = Counter(event.shown_kind for event in events)
    return ", ".join(f"{count} × {kind_title(kind).lower()}" for kind, count in found.most_common())


def of_day(recorded: float | None, events: Sequence[Event], day: str = "") -> tuple[str, str]:
    """Return the daily summary. recorded: recorded share of the day, 0..1; None if no recording was expected.

    day: `Fri 2026-11-20`; empty for the one that has just ended.
    """
    title = f"Daily summary of {day}" if day else "Daily summary"
    title = title if recorded is None else f"{title}: {share(recorded)} recorded"
    if not events:
        return title, "No events."
    return title, f"{len(events)} event{'' if len(events) == 1 else 's'}: {counts(events)}."


def share(part: float) -> str:
    """Return a percentage, rounded down: 99.999 % is `99.99 %`."""
    hundredths = int(part * 10_000 + 1e-6)
    return "100 %" if hundredths >= 10_000 else f"{hundredths / 100:.2f} %"


MOST_VIDEO_BYTES = 2_000_000_000
SHEET_PICTURES = 12
DAY_MS: Final = 86_400_000
_PAGE: Final = 1_000


@dataclass(frozen=True, slots=True)
class MessageMeans:
    """What the composers of all notifiers work with.

    link: returns the URL of an uploaded form of an event, or empty. shown: day and event whose message shows the
    witness, by notifier. title: returns the recorder's name. has_user: whether the user a notifier belongs to still has
    access, if it belongs to one.
    """

    source: DeliverySource
    recorder: RecorderService
    clips: ClipCache
    actions: MessageActions
    camera_name: Callable[[CameraId], str]
    link: Callable[[EventId, str], str]
    forms: EventForms
    shown: MutableMapping[str, tuple[str, str]]
    snoozes: Snoozes
    title: Callable[[], str]
    visit_of: Callable[[Event], EventVisit]
    has_user: Callable[[str], bool]


_HIDDEN: Final = {code: 0xF0000 + code for code in range(128)}
_SHOWN: Final = {hidden: code for code, hidden in _HIDDEN.items()}
_WEEKDAY: Final = re.compile(r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)(?= \d\d:\d\d| \d{4}-)")


def _hidden(name: str) -> str:
    """Return a name in private characters, so that no translation takes it for words: `No. 5`."""
    return name.translate(_HIDDEN)


def _in_language(message: Message, language: Translations) -> Message:
    """Return the message in a language, with the names shown again that were hidden from its translation."""

    def say(text: str) -> str:
        with_days = _WEEKDAY.sub(lambda found: language.translate(found[0]), text)
        return language.translate(with_days).translate(_SHOWN)

    return replace(
        message,
        title=say(message.title),
        text=say(message.text),
        link_label=say(message.link_label),
        labels=tuple(say(one) for one in message.labels),
        facts=tuple((say(name), value) for name, value in message.facts),
        buttons=tuple(replace(one, label=say(one.label)) for one in message.buttons),
        alone=_in_language(message.alone, language) if message.alone else None,
    )


class MessageComposer:
    """Composes the messages of one notifier. Thread-safe.

    address: public URL of the recorder, or empty. visit_has: whether a visit's message names another of its events;
    None: there is one message of each event.
    """

    def __init__(
        self,
        to: str,
        settings: NotifierSettings,
        traits: NotifierTraits,
        means: MessageMeans,
        address: str,
        may_see: Callable[[CameraId], bool],
        visit_has: Callable[[Event], bool] | None = None,
    ) -> None:
        self._visit_has = visit_has
        self._to, self._settings, self._traits, self._means = to, settings, traits, means
        self._address, self._may_see = address, may_see
        self._recorder, self._actions = means.recorder, means.actions
        self._sealed, self._clips = means.source.sealed, means.clips

    @property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self._recorder.zone)

    @property
    def _now_ms(self) -> int:
        return self._means.source.clock.now_ms()

    def _camera_name(self, camera: CameraId) -> str:
        return _hidden(self._means.camera_name(camera))

    def _called(self, read: RecognisedText) -> str:
        return _hidden(self._recorder.called(read))

    # --- text --------------------------------------------------------------------------------------------------------

    def message(self, delivery: Delivery) -> Message:
        """Return the message in its current state. Raises ContentGone if its event was deleted."""
        message = self._message(delivery)
        if delivery.content["kind"] == "change":
            return message
        if is_late(delivery, self._now_ms):
            alone = replace(message.alone, urgency=Urgency.QUIET) if message.alone else None
            message = replace(message, urgency=Urgency.QUIET, alone=alone)
        return self._finished(message, delivery)

    def _finished(self, message: Message, delivery: Delivery) -> Message:
        """Return the message with labels and the witness, in the channel's language."""
        labels, has_buttons = self._traits.labels, self._settings.buttons
        alone = replace(message.alone, labels=labels, has_buttons=has_buttons) if message.alone else None
        message = replace(message, labels=labels, has_buttons=has_buttons, alone=alone)
        message = _in_language(message, self._means.source.languages.closest(self._settings.language))
        return replace(message, history=self._history(message, delivery))

    def _history(self, message: Message, delivery: Delivery) -> str:
        """Return the witness for this message. Where it's visible text, only one event a day shows it."""
        witness = self._sealed.witness()
        if witness is None:
            return ""
        if not self._traits.carries_history and message.kind in ("event", "digest"):
            day = f"{datetime.fromtimestamp(self._now_ms / 1000, self._zone):%Y%m%d}"
            about = message.event or delivery.name
            shown_day, shown = self._means.shown.get(self._to, ("", ""))
            if shown_day != day:
                self._means.shown[self._to] = day, about
            elif shown != about:
                return ""
        return witness.text

    def _message(self, delivery: Delivery) -> Message:
        content = delivery.content
        match content["kind"]:
            case "event" | "clip" | "whole":
                return self._of_visit(delivery, self._of_event(delivery, self._event(delivery)))
            case "change":
                text = f"Detection changed to {bool(content['on'])}"  # as Raspberry Pancake's receivers expect it
                event = self._event(delivery)
                return Message(delivery.name, "event", text, "", delivery.at_ms, camera=event.camera, event=event.id)
            case "digest":
                return self._of_digest(delivery)
            case "alarm":
                return self._of_alarm(still_so(delivery, self._means.source.outbox, self._cameras()))
            case "recap":
                return self._of_day(delivery)
        title = f"Test from {_hidden(self._means.title())}"
        return Message(delivery.name, "test", title, "Notifications work.", delivery.at_ms, link=self._address)

    def _of_event(self, delivery: Delivery, event: Event) -> Message:
        """Return the message of a new event, of one that has ended, or of one with a single message."""
        kind, name = str(delivery.content["kind"]), self._camera_name(event.camera)
        title, text = of_event(event, name, self._zone, self._now_ms, self._called)
        has_clip = kind in ("clip", "whole") and self._settings.clip != "none"
        at = datetime.fromtimestamp(event.start_ms // 1000, UTC).astimezone(self._zone)
        frames = self._recorder.motion_frames(event)
        message = Message(
            delivery.name,
            "event",
            title,
            text,
            event.start_ms,
            camera=event.camera,
            event=event.id,
            urgency=Urgency.QUIET if kind == "clip" else Urgency.NORMAL,
            link=f"{self._address}/events/{event.id}" if self._address else "",
            clip_link=self._means.link(event.id, "mp4") if has_clip else "",
            image_view=self._image_view if self._settings.snapshot else "",
            picture_link=self._picture_link(event, self._shown_form if has_clip else "jpg"),
            heading=f"{self._means.camera_name(event.camera)} {at.isoformat()}",
            facts=(("Frames", str(frames)),) if kind != "event" else (),
            buttons=self._buttons(event),
        )
        return self._of_ring(message, event, name) if event.kind == DOORBELL else message

    def _of_ring(self, message: Message, event: Event, name: str) -> Message:
        """Return the message of a ring at the door: it opens the camera, ready to answer where it has a loudspeaker."""
        title, text = of_ring(event, name, self._zone, self._now_ms)
        live = f"/live/{quote(event.camera, safe='')}"
        speaker = self._recorder.speaker(event.camera)
        answer = f"{live}?talk=1" if speaker is not None else live
        if speaker is not None:
            speaker.close()
        pages = {"Talk": answer, "Live": live} if speaker is not None else {"Live": live}
        links = tuple(Button(label, self._address + path, "") for label, path in pages.items() if self._address)
        mutes = (one for one in message.buttons if one.label == LABELS[MUTE])
        return replace(
            message, title=title, text=text, opens=answer,
            urgency=message.urgency if message.urgency is Urgency.QUIET else Urgency.HIGH,
            link=self._address + answer if self._address else "",
            buttons=(*links, *mutes) if message.buttons else (),
        )  # fmt: skip

    def _of_visit(self, delivery: Delivery, message: Message) -> Message:
        """Return the message of an event with the way of its visit, as far as this notifier follows visits."""
        message = replace(message, about=str(delivery.content.get("about", "")))
        event = self._event(delivery)
        if self._visit_has is None or event.kind == DOORBELL:
            return message
        visit = self._means.visit_of(event)
        known = EventVisit(tuple(one for one in visit.events if one.id == message.event or self._visit_has(one)))
        if len(known.events) < 2:
            return message
        names = [*map(self._camera_name, known.cameras)]
        title, text = of_visit(known, names, self._zone, self._now_ms, self._called)
        is_update = bool(delivery.content.get("edits"))
        urgency = Urgency.QUIET if is_update else message.urgency
        return replace(message, title=title, text=text, urgency=urgency, cameras=known.cameras, alone=message)

    @property
    def _shown_form(self) -> str:
        """The image that stands for an event that has ended."""
        return {"sheet": "sheet", "link": "jpg"}.get(self._settings.clip, "gif")

    def _picture_link(self, event: Event, form: str) -> str:
        """Return a link to an image of the event for services that display it; empty if there is none."""
        if not self._settings.snapshot or not self._traits.shows_links:
            return ""
        if form == "jpg" and event.picture_ms is None:
            return ""
        if found := self._means.link(event.id, form):
            return found
        if self._address and not self._sealed.seals(event.camera):
            token = self._actions.shown_token(self._to, form, event.id)
            return f"{self._address}/api/v1/sent/{self._to}/{token}.{'gif' if form == 'gif' else 'jpg'}"
        return self._means.link(event.id, "jpg") if event.picture_ms is not None else ""

    def sent_image(self, token: str) -> StoredContent:
        """Return the image that a link of a message shows. Raises NotDone if the link has expired."""
        form, event = self._actions.shown(self._to, token)
        if not self._may_see(event.camera) or self._sealed.seals(event.camera):
            raise NotDone(LINK_ENDED, INSTEAD)
        if form == "jpg":
            return in_memory(self._jpeg(event) or b"", "image/jpeg", event.start_ms)
        span = self._means.source.clip_of(event, event.end_ms or self._now_ms)
        preview: Preview = "sheet" if form == "sheet" else "gif"
        try:
            made = self._means.forms.preview(self._to, event.camera, span, preview, self._settings.sheet_size)
        except ContentGone as error:
            raise NotDone("There is no video of this event.", "") from error
        return in_memory(made, PREVIEW_TYPES[preview], span.end_ms)

    def _of_digest(self, delivery: Delivery) -> Message:
        events = self._events_of(delivery)
        if len(events) == 1:
            return self._of_event(replace(delivery, content={"kind": "event"}), events[0])
        camera = CameraId(delivery.content["camera"])
        is_first = bool(delivery.content.get("first"))
        title, text = of_events(events, self._camera_name(camera), self._zone, self._now_ms, is_first=is_first)
        tab = _TABS[highest(map(shown_level, events))]
        link = f"{self._address}/events{tab}" if self._address else ""
        return Message(delivery.name, "digest", title, text, delivery.at_ms, camera=camera, link=link)

    def _of_alarm(self, delivery: Delivery, sees: Callable[[CameraId], bool] | None = None) -> Message:
        """Return the message of a problem. sees: whether someone who gets only a part of it may see a camera.

        Raises ContentGone if none of several cameras is left.
        """
        content, what, until_ms = delivery.content, str(delivery.content["what"]), delivery.content["until_ms"]
        cameras = [CameraId(content["camera"])] if content["camera"] else []
        detail, do, since_ms = content["detail"], content["do"], content["since_ms"]
        names = [self._camera_name(one) for one in cameras]
        if several := content.get("cameras"):
            ordered = dict.fromkeys([*self._recorder.camera_names(), *map(CameraId, several)])  # also of removed ones
            known = [one for one in ordered if one in several and self._may_see(one)]
            cameras = [one for one in known if sees is None or sees(one)]
            if not cameras:
                raise ContentGone(delivery.to, "none of its cameras can be seen")
            names = [self._camera_name(one) for one in cameras]
            details, dos, *begins_ms = zip(*(several[one] for one in cameras), strict=True)
            since_ms = min(begins_ms[0]) if begins_ms else since_ms  # earlier versions stored one for all
            detail, do = shared(names, details, dos)
        if until_ms is not None:
            since, until = between_text(since_ms, until_ms, self._zone, self._now_ms)
            title, text = of_alarms_end(what, names, since, until, detail)
        else:
            seen = [one.status for one in self._recorder.cameras() if self._may_see(one.status.id)]
            counts = summary([status.state for status in seen]) if len(seen) > 1 and sees is None else ""
            since = time_text(since_ms, self._now_ms, self._zone)
            title, text = of_alarm(what, names, since, detail, do, counts)
        is_one = len(cameras) < 2
        return Message(
            delivery.name, "alarm", title, text, delivery.at_ms,
            camera="".join(cameras) if is_one else "",
            urgency=Urgency.HIGH if until_ms is None else Urgency.NORMAL,
            link=f"{self._address}/health" if self._address else "",
            cameras=() if is_one else tuple(cameras),
            narrowed=None if is_one else lambda seen: self._finished(
                self._of_alarm(delivery, seen.__contains__), delivery
            ),
        )  # fmt: skip

    def _of_day(self, delivery: Delivery) -> Message:
        day = Span(int(delivery.content["from_ms"]), int(delivery.content["to_ms"]))
        middle, begin, end = (
            datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(self._zone)
            for at_ms in ((day.begin_ms + day.end_ms) / 2, day.begin_ms, day.end_ms)
        )
        about = f"{middle:%a %Y-%m-%d}" if self._now_ms - day.end_ms >= DAY_MS else ""
        if end.date() - begin.date() > timedelta(days=1):  # none was sent at the times between
            about = f"{begin:%a %Y-%m-%d} – {end:%a %Y-%m-%d}"
        title, text = of_day(self._recorded(day), self._events_in(day), about)
        link = f"{self._address}/timeline" if self._address else ""
        key = self._actions.of_recorder(self._to, delivery.name)
        return Message(key, "recap", title, text, delivery.at_ms, urgency=Urgency.QUIET, link=link)

    def _buttons(self, event: Event) -> tuple[Button, ...]:
        calls = self._traits.buttons == "calls"
        if not self._settings.buttons or not self._traits.buttons or not (calls or self._address):
            return ()
        allowed = [do for do in LABELS if self._actions.allows(self._to, do, event.camera)]
        made = [(LABELS[do], self._actions.token(self._to, do, event.id)) for do in allowed]
        start = f"{self._address}/actions/{self._to}/" if self._address else ""
        return tuple(Button(label, start + token if start else "", token) for label, token in made)

    # --- content -----------------------------------------------------------------------------------------------------

    def content(self, delivery: Delivery) -> DeliveryContent:
        """Return a snapshot, GIF, clip or contact sheet; empty content if not available.

        Raises StorageError, and ContentGone: also if notifications about the camera's events are snoozed now, or the
        rule that asked for it is, or the user may not see the camera now. A digest waits for a snooze's end instead.
        """
        if not self._means.has_user(self._to):
            raise ContentGone(delivery.to, "the user it belongs to has no access any more")
        if delivery.camera is not None and not self._may_see(delivery.camera):
            raise ContentGone(delivery.to, "the user it belongs to can't see this camera")
        if delivery.content["kind"] in ("event", "clip", "change", "whole") and delivery.camera is not None:
            now_ms = self._now_ms
            snoozes, rule = self._means.snoozes, str(delivery.content.get("rule", ""))
            why = snoozes.why(self._settings.user, delivery.camera, now_ms)
            if why := why or snoozes.why_rule(rule, delivery.camera, now_ms):
                raise ContentGone(delivery.to, why.rstrip("."))
        match delivery.content["kind"]:
            case "event":
                return self._picture(self._event(delivery))
            case "clip" | "whole":
                return self._moving(delivery)
            case "change" if self._settings.clip != "none":
                return self._moving(delivery)
            case "digest":
                return self._sheet(self._events_of(delivery))
            case "recap":
                day = Span(int(delivery.content["from_ms"]), int(delivery.content["to_ms"]))
                return self._sheet(self._events_in(day))
        return in_memory(b"", "text/plain", 0)

    def _picture(self, event: Event) -> DeliveryContent:
        wanted = self._settings.snapshot and self._traits.picture
        return in_memory((self._jpeg(event) if wanted else None) or b"", "image/jpeg", event.start_ms)

    def _jpeg(self, event: Event) -> bytes | None:
        """Return the event's JPEG as the settings show it.

        Sealed cameras: only if the settings allow it and while it is in memory.
        """
        is_sealed = self._settings.unencrypted_snapshots and self._sealed.seals(event.camera)
        if is_sealed:
            stored = self._recorder.masked(event, self._sealed.picture_in_memory(event))
        else:
            stored = self._recorder.event_picture(event)
        if not stored:
            return None
        is_square = self._traits.image_shape == "square"
        return event_snapshot(self._recorder, event, stored, self._image_view, is_square=is_square)

    @property
    def _image_view(self) -> ImageView:
        chosen = self._settings.snapshot_shows
        if chosen != "auto":
            return chosen
        return "full" if self._traits.image_shape == "whole" else "closeup"

    def _sheet(self, events: Sequence[Event]) -> DeliveryContent:
        """Return a contact sheet of at most SHEET_PICTURES evenly chosen events."""
        if not self._settings.snapshot or not self._traits.picture:
            return in_memory(b"", "image/jpeg", 0)
        step = max(1, -(-len(events) // SHEET_PICTURES))
        pictures = [self._jpeg(event) for event in events[::step]]
        with suppress(ValueError):
            return in_memory(contact_sheet([one for one in pictures if one]), "image/jpeg", 0)
        return in_memory(b"", "image/jpeg", 0)

    def _moving(self, delivery: Delivery) -> DeliveryContent:
        span = Span(int(delivery.content["from_ms"]), int(delivery.content["to_ms"]))
        wanted, traits = self._settings.clip, self._traits
        if traits.video and wanted in ("auto", "video"):
            clip = self._clip(delivery, StreamName.MAIN, span)
            if clip is not None and clip.size_bytes <= traits.largest_bytes:
                return in_memory(b"".join(clip.read(0, clip.size_bytes)), "video/mp4", span.end_ms)
        preview: Preview = "sheet" if wanted == "sheet" else "gif"
        if (traits.gif and wanted in ("auto", "gif", "video")) or (traits.picture and preview == "sheet"):
            with suppress(ContentGone):
                camera, forms = CameraId(delivery.camera or ""), self._means.forms
                made = forms.preview(delivery.to, camera, span, preview, self._settings.sheet_size)
                return in_memory(made, PREVIEW_TYPES[preview], span.end_ms)
        return self._picture(self._event(delivery))

    def _clip(self, delivery: Delivery, stream: StreamName, span: Span) -> ClipFile | None:
        with suppress(ClipTooLarge, FileSealed):
            return self._clips.clip(CameraId(delivery.camera or ""), stream, span, MOST_VIDEO_BYTES)
        return None

    # --- inside ------------------------------------------------------------------------------------------------------

    def _event(self, delivery: Delivery) -> Event:
        event = self._recorder.index.event(EventId(delivery.content["event"]))
        if event is None:
            raise ContentGone(delivery.to, "the event was deleted")
        return event

    def _events_of(self, delivery: Delivery) -> list[Event]:
        """Return the events of a digest that exist and are neither muted nor false alarms.

        Raises ContentGone if there are none.
        """
        keys = [EventId(one) for one in delivery.content["events"]]
        found = [event for key in keys if (event := self._recorder.index.event(key)) is not None]
        if not found:
            raise ContentGone(delivery.to, "the events were deleted")
        if not (unmuted := [event for event in found if not event.muted]):
            raise ContentGone(delivery.to, "the events are muted")
        if not (real := [event for event in unmuted if not event.false_alarm]):
            raise ContentGone(delivery.to, "the events are marked as false alarms")
        return real

    def _cameras(self) -> list[CameraId]:
        known = [*self._recorder.camera_names()]
        chosen = self._settings.cameras or known
        return [camera for camera in known if camera in chosen and self._may_see(camera)]

    def _events_in(self, day: Span) -> list[Event]:
        """Return the events of the notifier's levels and types in order of time, without muted ones."""
        cameras, levels, index = self._cameras(), self._settings.only_levels, self._recorder.index
        if not cameras:
            return []
        rings = [DOORBELL] if self._settings.rings else []
        kinds = [*self._settings.kinds, *rings] if self._settings.kinds else None
        found = all_events(
            lambda after: index.events(day, cameras=cameras, kinds=kinds, levels=levels, after=after, limit=_PAGE)
        )
        return sorted((one for one in found if not one.muted), key=lambda one: one.start_ms)

    def _recorded(self, day: Span) -> float | None:
        """Return the recorded share of the time of the day that was wanted, 0..1; None if none was."""
        archive, now_ms = self._recorder, self._now_ms
        found = [recorded_of_wanted(archive, camera, day, now_ms=now_ms) for camera in self._cameras()]
        there_s, wanted_s = sum(there for there, _, _ in found), sum(wanted for _, wanted, _ in found)
        return min(1.0, there_s / wanted_s) if wanted_s else None

"""What is rehearsed is what then happens, and what is noted as the reason afterwards, whatever the rules say."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st

from tawny.config.settings import Settings
from tawny.delivery.file_names import checked
from tawny.delivery.outbox import Outbox
from tawny.engine import Bus
from tawny.events.modes import ModeState, ModeStore
from tawny.model.events import Event, new_event_id
from tawny.model.ids import CameraId, EventId
from tawny.model.messages import EventChanged
from tawny.service.delivery.notification_filter import NotificationFilter
from tawny.service.delivery.notification_scheduler import NotificationScheduler
from tawny.service.delivery.upload_rules import UploadRule
from tawny.service.delivery.upload_scheduler import DeliverySource, UploadScheduler
from tawny.service.modes.mode_service import Rehearsal, RehearsalTargets, rehearsed
from tawny.service.modes.rule_actions import RuleActions, RuleDecider
from tawny.testing.clock import FakeClock
from tests.playback.archives import FakeArchive
from tests.service.modes.test_acting import AtOnce

BERLIN = ZoneInfo("Europe/Berlin")
CAMERAS, KINDS, ZONES, MODES = ("porch", "yard"), ("person", "vehicle"), ("path", "drive"), ("home", "away", "night")
PEOPLE = ("anna", "ben")
TIMES = ("22:00-06:00", "mon-fri 08:00-17:00", "sunset-30m-sunrise", "sat sun sunrise-sunset", "00:00-24:00")
DEEDS = (
    "notify phone", "notify mail", "notify everyone", "notify no one", "upload to offsite", "upload everywhere",
    "don't upload", "relay gate 2 s", "siren", "record yard 2 min", "run lights.sh", "say Go away", "ptz yard gate",
)  # fmt: skip


def some(of: tuple[str, ...], most: int = 2) -> st.SearchStrategy[list[str]]:
    return st.one_of(st.just([]), st.lists(st.sampled_from(of), max_size=most, unique=True))


whens = st.fixed_dictionaries(
    {
        "camera": some(CAMERAS, 1),
        "kind": some(KINDS, 1),
        "zone": some(ZONES, 1),
        "mode": some(MODES),
        "between": some(TIMES, 1),
        "home": some((*PEOPLE, "anybody"), 1),
        "away": some((*PEOPLE, "everybody"), 1),
        "min_duration": st.sampled_from(["0 s", "0 s", "0 s", "5 s", "20 s"]),
    }
)
rules = st.lists(
    st.one_of(
        st.fixed_dictionaries({"when": whens, "do": st.lists(st.sampled_from(DEEDS), min_size=1, max_size=2)}),
        st.fixed_dictionaries(
            {"when": whens.map(lambda one: {k: one[k] for k in ("camera", "mode", "between", "home", "away")}),
             "do": st.just(["don't record"])}
        ),
    ),
    max_size=5,
)  # fmt: skip
filters = st.builds(
    lambda cameras, kinds, quiet, events: {"cameras": cameras, "kinds": kinds, "quiet": quiet, "events": events},
    st.sampled_from([None, frozenset({CameraId("porch")})]),
    st.sampled_from([None, frozenset({"person"})]),
    st.sampled_from(["", "", "22:00-06:30"]),
    st.sampled_from([True, True, True, False]),
)
cells = st.fixed_dictionaries(
    {},
    optional={
        "notify": some(("person", "vehicle", "animal", "motion"), 2),
        "channels": some(("phone", "mail"), 2),
    },
)
tables = st.dictionaries(
    st.sampled_from(MODES),
    st.fixed_dictionaries({}, optional={"others": cells, "cameras": st.dictionaries(st.sampled_from(CAMERAS), cells)}),
)
situations = st.fixed_dictionaries(
    {
        "hour": st.integers(0, 365 * 24),
        "minute": st.integers(0, 59),
        "camera": st.sampled_from(CAMERAS),
        "kind": st.sampled_from(KINDS),
        "zones": some(ZONES),
        "home": some(PEOPLE),
        "by_hand": st.sampled_from([None, None, *MODES]),
        "is_muted": st.booleans(),
        "lasts_s": st.sampled_from([1.0, 5.0, 12.0, 30.0]),
        "before_s": st.sampled_from([0, 600, 3600, 17 * 3600]),
    }
)


class Done:
    """Who carries out orders: notes them."""

    def __init__(self) -> None:
        self.orders: list[dict[str, Any]] = []

    def order(self, asked: Any, by: str) -> str:
        self.orders.append(dict(asked))
        return ""

    def run(self, script: str, data: Any) -> str:
        self.orders.append({"do": script} | ({"say": data["say"]} if "say" in data else {}))
        return ""


class World:
    def __init__(
        self,
        root: Path,
        told: list[dict[str, Any]],
        phone: dict[str, Any],
        now: dict[str, Any],
        tables: dict[str, Any],
    ) -> None:
        self.now, self.clock = now, FakeClock("2026-01-01T00:00:00Z")
        self.clock.advance(now["hour"] * 3600 + now["minute"] * 60)
        self.settings = Settings.model_validate(
            {
                "modes": {
                    "schedule": {
                        "night": ["22:00-06:30", "sat sun sunset+20m-sunrise"],
                        "away": ["mon-fri 08:00-17:00"],
                    },
                    "exceptions": {"2026-12-24 to 2026-12-26": "sun", "2026-08-01 to 2026-08-14": "away"},
                    "location": [52.52, 13.40],
                    "presence": {"people": {name: {} for name in PEOPLE}, "away_after": "24 h"},
                    **tables,
                },
                "rules": told,
                "cameras": {name: {"source": "demo:front"} for name in CAMERAS},
                "notifiers": {name: {"url": "x"} for name in ("phone", "mail")},
                "destinations": {"offsite": {"url": "x"}},
            }
        )
        self.book, self.outbox, self.done = ModeStore(":memory:"), Outbox(":memory:", self.clock), Done()
        bus, archive = Bus(), FakeArchive(root)
        self.modes = ModeState(self.settings.modes, BERLIN, self.book, self.clock, bus.publish)
        self.deciding = RuleDecider(lambda: self.settings, self.modes, self.book, self.clock)
        self.filters = [NotificationFilter("phone", **phone), NotificationFilter("mail")]
        self.upload_rules = [UploadRule("offsite", checked("tawny"))]
        source = DeliverySource(self.outbox, archive, self.clock, clip_of, self.deciding)
        self.upload_scheduler = UploadScheduler(source, self.upload_rules, 10**9)
        self.scheduler = NotificationScheduler(source, self.filters, self.why_muted, list, BERLIN)
        self.acting = RuleActions(
            self.deciding, self.modes, self.done.order, self.done.run, self.publish_again, self.clock, AtOnce()
        )
        for listener in (self.acting.on_event, self.upload_scheduler.on_message, self.scheduler.on_message):
            bus.subscribe(EventChanged, listener)
        self.bus, self.archive = bus, archive

    def why_muted(self, to: str, camera: CameraId, at_ms: int) -> str:
        return "phone has muted this camera." if self.now["is_muted"] and to == "phone" else ""

    def step(self) -> None:
        for _ in range(2):  # what one says, another hears
            for part in (self.acting, self.upload_scheduler, self.scheduler):
                part.step()

    def rehearse(self, at_ms: int) -> Any:
        now = self.now
        asked = Rehearsal(now["camera"], now["kind"], at_ms, tuple(now["zones"]), lasts_s=now["lasts_s"])
        targets = RehearsalTargets(lambda: self.filters, lambda: self.upload_rules, self.why_muted)
        return rehearsed(asked, self.settings, self.modes, self.deciding, targets, BERLIN, self.clock)

    def happens(self) -> Event:
        """Begins now, goes on, is over."""
        now, at_ms = self.now, self.clock.now_ms()
        event = Event(new_event_id(at_ms), CameraId(now["camera"]), now["kind"], at_ms, None, 50.0, picture_ms=at_ms)
        event = replace(event, zones=tuple(now["zones"]))
        self.tell("started", event)
        for after_s in (5.0, 20.0):
            if after_s < now["lasts_s"]:
                self.clock.advance(after_s - (self.clock.now_ms() - at_ms) / 1000)
                self.step()
        self.clock.advance(now["lasts_s"] - (self.clock.now_ms() - at_ms) / 1000)
        self.tell("ended", event.ended(self.clock.now_ms()))
        return event

    def tell(self, what: str, event: Event) -> None:
        self.archive.index.put_event(event)
        self.bus.publish(EventChanged(what, event))
        self.step()

    def publish_again(self, event_id: EventId) -> None:
        event = self.archive.index.event(event_id)
        assert event is not None
        self.bus.publish(EventChanged("updated", event))

    def did(self, event: Event) -> set[str]:
        """What really happened, as deeds."""
        found = {f"notify {one.to}" for one in self.outbox.of_event(event.id) if one.to in ("phone", "mail")}
        found |= {"upload to offsite" for one in self.outbox.of_event(event.id) if one.to == "offsite"}
        words = {"gate": "relay gate 2 s", "siren": "relay siren 30 s"}
        for order in self.done.orders:
            match order:
                case {"command": "relay", "relay": relay}:
                    found.add(words[relay])
                case {"command": "ptz"}:
                    found.add("ptz yard gate")
                case {"do": script}:
                    found.add(f"say {order['say']}" if script == "say" else f"run {script}")
        if self.modes.hold(CameraId("yard")) is not None:
            found.add("record yard 2 min")
        return found


def clip_of(event: Event, now_ms: int) -> Any:
    return event.clip(now_ms, 2, 3)


ANYBODY: dict[str, Any] = {"cameras": None, "kinds": None, "quiet": "", "events": True}
ANYTIME: dict[str, Any] = {"hour": 0, "minute": 0, "camera": "porch", "kind": "person", "zones": [], "home": []}
MUTED_LATER_FORBIDDEN: dict[str, Any] = {"by_hand": None, "is_muted": True, "lasts_s": 5.0, "before_s": 0}


@example([{"when": {"min_duration": "5 s"}, "do": ["notify no one"]}], ANYBODY, ANYTIME | MUTED_LATER_FORBIDDEN, {})
@given(rules, filters, situations, tables)
def test_rehearsal_deed_and_reason_are_one(
    told: list[dict[str, Any]], phone: dict[str, Any], now: dict[str, Any], by_mode: dict[str, Any]
) -> None:
    with tempfile.TemporaryDirectory() as root:
        world = World(Path(root), told, phone, now, by_mode)
        world.step()
        for person in now["home"]:
            world.modes.seen(person, "ping")
        if now["by_hand"]:
            world.modes.set_mode(now["by_hand"], "Anna")
        at_ms = world.clock.now_ms() + now["before_s"] * 1000
        beforehand = world.rehearse(at_ms)
        world.clock.advance(now["before_s"])
        at_once = world.rehearse(at_ms)
        assert beforehand == at_once
        duty = world.deciding.rules.unrecorded(world.deciding.standing(CameraId(now["camera"])))
        assert beforehand.is_recorded is not bool(duty)
        event = world.happens()
        assert {one.deed for one in beforehand.outcomes if one.does} == world.did(event)
        noted = {one.action: (one.does, one.why) for one in world.deciding.why(event.id)}
        assert {one.deed: (one.does, one.why) for one in beforehand.outcomes} == noted
        again = RuleDecider(lambda: world.settings, world.modes, world.book, world.clock)
        assert again.why(event.id) == world.deciding.why(event.id)
        world.outbox.close()

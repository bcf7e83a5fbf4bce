"""Command service: the single entry point for commands. Checks permissions, executes, and writes the audit log.

Web page, command line, webhook, MQTT, datagram and rules only identify the issuer and pass the command on.
"""

import logging
from collections.abc import Callable, Sequence
from functools import singledispatchmethod
from typing import Final

from tawny.delivery import commands
from tawny.delivery.commands import RIGHT_FOR, CommandIssuer, CommandRefused, CommandResult, Order
from tawny.events.modes import ActiveHold, ModeState
from tawny.model.errors import NotDone, StorageError, TawnyError
from tawny.model.events import MANUAL, Event
from tawny.model.ids import CameraId
from tawny.model.times import Clock
from tawny.service.delivery.notification_filter import Snoozes
from tawny.service.integrations.device_control import HOME, DeviceControl
from tawny.service.integrations.external_events import EventKey, ExternalEvents
from tawny.service.integrations.tracking import AutoTracker

log = logging.getLogger(__name__)
SCHEDULE, FORMER_SCHEDULE = "schedule", "week"
BY_PEOPLE: Final = frozenset({"http", "command"})
"""Ways of commands by people, who may know the key of an event that a program opened."""
PRESET_S = 10.0
"""How long, s, a camera may need to reach a preset."""
Note = Callable[[str, str, str, str], None]
"""Writes an audit log entry: action, person, origin (an address, or the kind of connection), detail."""


class CommandService:
    """Executes commands. Thread-safe; may wait for disk and network.

    cameras: returns their IDs. is_private: whether the active mode keeps a camera private. Raises CommandRefused.
    """

    def __init__(
        self,
        cameras: Callable[[], Sequence[CameraId]],
        external_events: ExternalEvents,
        modes: ModeState,
        device_control: DeviceControl,
        note: Note,
        clock: Clock,
        is_private: Callable[[CameraId], bool] = lambda _: False,
    ) -> None:
        self._is_private = is_private
        self.snoozes: Snoozes | None = None
        """None: there are no notifications."""
        self._cameras, self._external_events, self._modes, self._device_control = (
            cameras,
            external_events,
            modes,
            device_control,
        )
        self._note, self._clock = note, clock
        self.tracker: AutoTracker | None = None

    def do(self, who: CommandIssuer, message: object) -> CommandResult:
        """Execute a command. message: a command, or its JSON. Raises CommandRefused."""
        order = message if isinstance(message, commands.EVERY) else commands.order_of(message)
        try:
            self._check(who, order)
            done = self._do(order, who)
        except CommandRefused as refused:
            self._write_down(who, order, f"refused: {refused.what}")
            raise
        except TawnyError as error:
            self._write_down(who, order, f"failed: {error.message}")
            raise CommandRefused("not_done", error.message, error.do) from error
        self._write_down(who, order, done.words)
        return done

    def _check(self, who: CommandIssuer, order: Order) -> None:
        right = RIGHT_FOR[order.command]
        if right not in who.may:
            raise CommandRefused(
                "not_allowed", f"{who.name} isn't allowed to do this.", f"It requires the permission `{right}`."
            )
        if isinstance(order, commands.PtzCommand) and (order.save or order.remove) and not who.is_owner:
            raise CommandRefused("not_allowed", "Only owners save and remove presets.", "Moving to them is allowed.")
        camera = self._camera_of(order, who)
        if camera is None:
            # the mode is set by people on the page too, whatever cameras they see
            is_mode = who.way in BY_PEOPLE and isinstance(order, commands.SetModeCommand)
            if who.cameras is not None and not is_mode:
                raise CommandRefused("not_allowed", f"{who.name} may only control some cameras.", "")
        elif camera not in self._cameras() or (who.cameras is not None and camera not in who.cameras):
            known = ", ".join(one for one in self._cameras() if who.cameras is None or one in who.cameras)
            raise CommandRefused("not_found", "Camera not found.", f"Cameras: {known or 'none'}.")

    def _camera_of(self, order: Order, who: CommandIssuer) -> str | None:
        """Return the camera a command applies to; None for all."""
        match order:
            case commands.EventUpdateCommand() | commands.EventCloseCommand():
                return order.camera or self._lasting(order, who).camera
            case commands.RelayCommand():
                camera = self._device_control.relay_camera(order.relay)
                if camera is None:
                    raise CommandRefused("not_found", "Relay not found.", "See `relays` in the settings.")
                return camera or None
            case commands.SetModeCommand() | commands.PresenceCommand():
                return None
            case commands.SnoozeCommand():
                return order.camera
        return order.camera

    def _write_down(self, who: CommandIssuer, order: Order, outcome: str) -> None:
        about = self._about(order)
        detail = f"{about}: {outcome}" if about else outcome
        log.info("%s by %s (%s): %s", order.command, who.name, who.way, detail)
        try:
            self._note(order.command, who.name, who.address or who.way, detail)
        except StorageError as error:
            log.warning("cannot write the audit log: %s", error)

    @staticmethod
    def _about(order: Order) -> str:
        for field in ("camera", "relay", "event", "mode", "person", "rule"):
            if value := getattr(order, field, ""):
                return str(value)
        return ""

    # --- commands ----------------------------------------------------------------------------------------------------

    @singledispatchmethod
    def _do(self, order: Order, who: CommandIssuer) -> CommandResult:
        raise NotImplementedError(type(order))

    @_do.register
    def _set_mode(self, order: commands.SetModeCommand, who: CommandIssuer) -> CommandResult:
        modes = self._modes
        if order.mode not in modes.names:
            if order.mode == SCHEDULE:
                modes.back_to_week()
                return CommandResult("Mode: on schedule.")
            if order.mode == FORMER_SCHEDULE:
                raise CommandRefused("bad_input", f'`"{FORMER_SCHEDULE}"` is now `"{SCHEDULE}"`.', "")
        modes.set_mode(order.mode, who.name, self._until_ms(order.lasts_s))
        return CommandResult(f"Mode: {order.mode}.")

    @_do.register
    def _presence(self, order: commands.PresenceCommand, who: CommandIssuer) -> CommandResult:
        if not order.home:
            self._modes.left(order.person)
            return CommandResult(f"{order.person} is away.")
        self._modes.seen(order.person, who.name)
        return CommandResult(f"{order.person} is home.")

    @_do.register
    def _pause(self, order: commands.PauseCommand, who: CommandIssuer) -> CommandResult:
        self._modes.pause(CameraId(order.camera), self._until_ms(order.lasts_s), who.name)
        return CommandResult(f"{order.camera} is paused for privacy.")

    @_do.register
    def _resume(self, order: commands.ResumeCommand, who: CommandIssuer) -> CommandResult:
        modes, camera = self._modes, CameraId(order.camera)
        if _is(modes.hold(camera), "pause"):
            modes.let_go(camera, who.name)
        return CommandResult(f"{order.camera} resumed.")

    @_do.register
    def _record(self, order: commands.RecordNowCommand, who: CommandIssuer) -> CommandResult:
        camera, key = CameraId(order.camera), EventKey("", f"{MANUAL} {order.camera}")
        if not order.on:
            if _is(self._modes.hold(camera), "record"):
                self._modes.let_go(camera, who.name)
            lasting = self._external_events.find(key)
            ended = self._external_events.end(lasting[0].id) if lasting else None
            return CommandResult(f"Manual recording of {camera} ended.", ended.id if ended else "")
        if _is(self._modes.hold(camera), "pause"):
            raise NotDone(f"{camera} is paused for privacy.", "Resume it first.")
        if self._is_private(camera):
            raise NotDone(f"{camera} is private in this mode.", "Change the mode first.")
        self._modes.record(camera, self._until_ms(order.lasts_s), who.name)
        hold = self._modes.hold(camera)
        left_ms = 0 if hold is None or hold.until_ms is None else hold.until_ms - self._clock.now_ms()
        lasts_s = max(order.lasts_s, left_ms // 1000)
        event, _ = self._opened(self._external_events.open(camera, MANUAL, key, "", 100.0, lasts_s, kept=True))
        if hold is not None and hold.until_ms is None:
            return CommandResult(f"Recording {camera} until it is stopped.", event.id)
        return CommandResult(f"Recording {camera} for {lasts_s:g} s.", event.id)

    @_do.register
    def _open(self, order: commands.EventOpenCommand, who: CommandIssuer) -> CommandResult:
        key = _key_of(order.key, who)
        event, is_new = self._opened(
            self._external_events.open(CameraId(order.camera), order.kind, key, order.label, order.score, order.lasts_s)
        )
        return CommandResult(f"Event {event.id} {'started' if is_new else 'goes on'}.", event.id)

    @_do.register
    def _update(self, order: commands.EventUpdateCommand, who: CommandIssuer) -> CommandResult:
        lasting = self._lasting(order, who)
        event = self._external_events.update(lasting.id, order.label, order.score, order.lasts_s) or lasting
        return CommandResult(f"Event {event.id} updated.", event.id)

    @_do.register
    def _close(self, order: commands.EventCloseCommand, who: CommandIssuer) -> CommandResult:
        lasting = self._lasting(order, who)
        event = self._external_events.end(lasting.id) or lasting
        return CommandResult(f"Event {event.id} ended.", event.id)

    @_do.register
    def _ptz(self, order: commands.PtzCommand, who: CommandIssuer) -> CommandResult:
        camera = CameraId(order.camera)
        if who.way == "http" and not order.stop:
            self._device_control.steer(camera, who.name)
        if order.save or order.remove:
            return self._preset_changed(camera, order)
        if order.home:
            with self._external_events.turning(camera, PRESET_S):
                self._device_control.go_home(camera)
            return CommandResult(f"{camera} is moving to its home position.")
        if order.stop:
            self._device_control.stop(camera)
            return CommandResult(f"{camera} stopped.")
        if order.preset:
            with self._external_events.turning(camera, PRESET_S):
                self._device_control.go_to(camera, order.preset)
            return CommandResult(f"{camera} is moving to {order.preset}.")
        with self._external_events.turning(camera, order.lasts_s):
            self._device_control.move(camera, order.pan, order.tilt, order.zoom, order.lasts_s)
        return CommandResult(f"{camera} is moving for {order.lasts_s:g} s.")

    def _preset_changed(self, camera: CameraId, order: commands.PtzCommand) -> CommandResult:
        if order.remove:
            self._device_control.remove_preset(camera, order.remove)
            return CommandResult(f"Preset {order.remove} removed.")
        self._device_control.save_preset(camera, order.save)
        is_home = order.save == HOME
        return CommandResult("Home position saved." if is_home else f"Preset {order.save} saved.")

    @_do.register
    def _track(self, order: commands.TrackCommand, who: CommandIssuer) -> CommandResult:
        if self.tracker is None:
            raise NotDone("Tracking isn't running.", "")
        self.tracker.switch(CameraId(order.camera), on=order.on)
        return CommandResult(f"Tracking of {order.camera} is {'on' if order.on else 'off'}.")

    @_do.register
    def _relay(self, order: commands.RelayCommand, who: CommandIssuer) -> CommandResult:
        self._device_control.switch(order.relay, on=order.on, lasts_s=order.lasts_s)
        lasts = "" if order.lasts_s is None else f" for {order.lasts_s:g} s"
        return CommandResult(f"{order.relay} switched {'on' if order.on else 'off'}{lasts}.")

    @_do.register
    def _snooze(self, order: commands.SnoozeCommand, who: CommandIssuer) -> CommandResult:
        if self.snoozes is None:
            raise NotDone("Nothing sends notifications here.", "")
        rule = self.snoozes.key_of(order.rule) if order.rule else ""
        camera = CameraId(order.camera) if order.camera else None
        what = order.rule or order.camera or "All cameras"
        if not order.on:
            ended = self.snoozes.end(camera, "", everyone=True, rule=rule)
            return CommandResult(f"{what} no longer snoozed." if ended else f"{what} wasn't snoozed.")
        for_s = None if order.lasts_s is None else round(order.lasts_s)
        made = self.snoozes.put(camera, for_s, "", who.name, everyone=True, rule=rule)
        return CommandResult(f"{what} snoozed {self.snoozes.until(made)}.")

    def _until_ms(self, lasts_s: float | None) -> int | None:
        return None if lasts_s is None else self._clock.now_ms() + round(lasts_s * 1000)

    @staticmethod
    def _opened(opened: tuple[Event, bool] | None) -> tuple[Event, bool]:
        if opened is None:
            raise CommandRefused("not_done", "Too many events are open.", "Close those that have ended.")
        return opened

    def _lasting(self, order: commands.EventUpdateCommand | commands.EventCloseCommand, who: CommandIssuer) -> Event:
        cameras = who.cameras if order.camera is None else frozenset({order.camera})
        found = self._external_events.find(_key_of(order.event, who), cameras)
        if not found and who.way in BY_PEOPLE:
            found = self._external_events.find(EventKey(None, order.event), cameras)
        if not found:
            raise CommandRefused("not_found", "No such open event.", "Use the event's ID or key.")
        if len(found) > 1:
            at = list(dict.fromkeys(one.camera for one in found))
            where = ", ".join(at if len(at) > 1 else [one.id for one in found])
            if len(at) > 1:
                what = f"Several open events have this key: {where}."
                raise CommandRefused("bad_input", what, "Name the camera, or use the event's ID.")
            what = f"Open events of several programs have this key: {where}."
            raise CommandRefused("bad_input", what, "Use the ID of one of them.")
        return found[0]


def _key_of(key: str, who: CommandIssuer) -> EventKey:
    return EventKey(f"{who.way} {who.name}", key)


def _is(hold: ActiveHold | None, what: str) -> bool:
    return hold is not None and hold.what == what

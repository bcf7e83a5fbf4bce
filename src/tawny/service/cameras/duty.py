"""Duty of a camera: what it must do now by its settings, a manual override and the rules."""

from dataclasses import dataclass, replace

from tawny.config.modes import ModeCameraSettings
from tawny.config.settings import CameraSettings
from tawny.events.modes import ActiveHold
from tawny.model.segments import STARTING, GapReason, Recording
from tawny.model.states import CameraState


@dataclass(frozen=True, slots=True)
class CameraDuty:
    """What a camera must do.

    record: what is recorded. back_s: how much earlier recording begins, if it can. is_read: False: not connected at
    all, while paused for privacy. state, reason, detail: reported while not recording.
    """

    record: Recording = "continuous"
    back_s: float = 0.0
    is_held: bool = False
    """Whether a person or a rule records it now, whatever the mode says."""
    is_watched: bool = True
    is_read: bool = True
    state: CameraState = CameraState.STARTING
    reason: GapReason = GapReason.RECORDER_OFF
    detail: str = STARTING

    @property
    def is_recorded(self) -> bool:
        """Whether it is recorded, always or when something happens."""
        return self.record != "off"

    @property
    def waits(self) -> bool:
        """Whether it is recorded only when something happens."""
        return self.record in ("events", "transitions")


AS_SET = ModeCameraSettings()
"""The mode changes nothing: the camera does what its own settings say."""
OFF = CameraDuty(record="off", state=CameraState.OFF, reason=GapReason.OFF, detail="")


def duty_of(
    settings: CameraSettings,
    hold: ActiveHold | None,
    unrecorded: str,
    mode: str = "",
    in_mode: ModeCameraSettings = AS_SET,
) -> CameraDuty:
    """Return the duty.

    unrecorded: why the rules suspend recording; empty if they do not. in_mode: what the active mode `mode` does with
    this camera.
    """
    if hold is not None and hold.what == "pause":
        return _private(hold.by)
    if in_mode.privacy:
        return _private(f"The mode {mode} says so.")
    if hold is not None:
        return CameraDuty(back_s=settings.pre, is_held=True)
    if settings.record == "off" and in_mode.record is None:
        return replace(OFF, is_watched=in_mode.detection is not False)
    if not unrecorded and in_mode.record == "off":
        unrecorded = f"The mode {mode} says so."
    if unrecorded:
        return CameraDuty(
            record="off", is_watched=False, state=CameraState.MODE_OFF, reason=GapReason.MODE, detail=unrecorded
        )
    return CameraDuty(in_mode.record or settings.record, is_watched=in_mode.detection is not False)


def _private(why: str) -> CameraDuty:
    return CameraDuty(
        record="off", is_watched=False, is_read=False, state=CameraState.PAUSED, reason=GapReason.PRIVACY, detail=why
    )

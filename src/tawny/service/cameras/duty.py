"""Duty of a camera: what it must do now by its settings, a manual override and the rules."""

from dataclasses import dataclass

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


OFF = CameraDuty(record="off", state=CameraState.OFF, reason=GapReason.OFF, detail="")


def duty_of(
    settings: CameraSettings, hold: ActiveHold | None, unrecorded: str, mode: str = "", in_mode: Recording | None = None
) -> CameraDuty:
    """Return the duty.

    unrecorded: why the rules suspend recording; empty if they do not. in_mode: what the active mode `mode` records of
    this camera; None: as the camera's own setting says.
    """
    if hold is not None and hold.what == "pause":
        return CameraDuty(
            record="off",
            is_watched=False,
            is_read=False,
            state=CameraState.PAUSED,
            reason=GapReason.PRIVACY,
            detail=hold.by,
        )
    if hold is not None:
        return CameraDuty(back_s=settings.pre)
    if settings.record == "off" and in_mode is None:
        return OFF
    if not unrecorded and in_mode == "off":
        unrecorded = f"The mode {mode} says so."
    if unrecorded:
        return CameraDuty(
            record="off", is_watched=False, state=CameraState.MODE_OFF, reason=GapReason.MODE, detail=unrecorded
        )
    return CameraDuty(in_mode or settings.record)

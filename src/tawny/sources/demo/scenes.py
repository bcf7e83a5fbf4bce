"""The places, and the day that passes in them: a demo day lasts 24 minutes, in each place from another hour on."""

from dataclasses import dataclass

DAY_S = 24 * 60
DUSK_BEGINS, DUSK, NIGHT, DAWN, DAY_BEGINS = 0.50, 0.58, 0.68, 0.90, 0.98
"""Shares of the demo's day: sunset from the first to the second, infrared between the third and the fourth."""
LIGHT_STEP_S = 2.0
"""The light changes in steps too small to see, so that pictures between them share all that stands still."""


@dataclass(frozen=True)
class DemoScene:
    """begins: the hour of its first second, as a share of the day. wind: how far leaves sway, in pixels of 1280."""

    name: str
    begins: float
    wind: float
    sound: bool = False


SCENES: dict[str, DemoScene] = {
    scene.name: scene
    for scene in (
        DemoScene("front", 0.04, 1.7),
        DemoScene("drive", 0.49, 1.6),
        DemoScene("garden", 0.16, 1.9, sound=True),
        DemoScene("side", 0.70, 1.4),
        DemoScene("hall", 0.10, 0.5),
        DemoScene("gate", 0.57, 1.7),
    )
}


@dataclass(frozen=True)
class Light:
    """Two plates and how much of the second is in the picture, how bright it is, and how much the sensor sees noise."""

    first: str
    second: str
    mix: float
    gain: float
    noise: float


def light(scene: DemoScene, at_s: float, speed: float = 1.0) -> Light:
    """The light after so many seconds; it stands still for `LIGHT_STEP_S`."""
    step_s = at_s // LIGHT_STEP_S * LIGHT_STEP_S
    hour = (scene.begins + step_s * speed / DAY_S) % 1.0
    if NIGHT <= hour < DAWN:
        return Light("infrared", "infrared", 0.0, 1.0, 1.75)
    if hour >= DAY_BEGINS or hour < DUSK_BEGINS:
        return Light("day", "day", 0.0, 1.0, 0.9)
    if hour < DUSK:
        mix = (hour - DUSK_BEGINS) / (DUSK - DUSK_BEGINS)
        return Light("day", "dusk", mix, 1.0, 0.9 + 0.6 * mix)
    if hour < NIGHT:
        return Light("dusk", "dusk", 0.0, 1.0 - 0.22 * (hour - DUSK) / (NIGHT - DUSK), 1.5)
    mix = (hour - DAWN) / (DAY_BEGINS - DAWN)
    return Light("dusk", "day", mix, 0.85 + 0.15 * mix, 1.5 - 0.6 * mix)

"""Demo scenes and their day cycle: a demo day lasts 24 minutes; each scene starts at a different time of day."""

from dataclasses import dataclass

DAY_S = 24 * 60
DUSK_BEGINS, DUSK, NIGHT, DAWN, DAY_BEGINS = 0.50, 0.58, 0.68, 0.90, 0.98
"""Shares of the demo day: dusk from DUSK_BEGINS to DUSK, infrared from NIGHT to DAWN."""
LIGHT_STEP_S = 2.0
"""Step of light changes, in seconds: invisible, and unchanged areas stay identical within a step."""


@dataclass(frozen=True)
class DemoScene:
    """begins: time of day at start, as a share of the day. wind: sway amplitude, px at 1280 px width."""

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
    """Light state. first, second: backgrounds.

    mix: share of the second. gain: brightness. noise: standard deviation.
    """

    first: str
    second: str
    mix: float
    gain: float
    noise: float


def light(scene: DemoScene, at_s: float, speed: float = 1.0) -> Light:
    """Return the light at `at_s`, constant within a `LIGHT_STEP_S` step."""
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

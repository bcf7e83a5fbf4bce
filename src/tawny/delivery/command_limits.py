"""Limits of numbers in commands. Without pydantic, because the command line checks them too."""

from typing import Final, NamedTuple

DAY_S: Final = 86_400.0


class Limits(NamedTuple):
    least: float
    most: float

    def include(self, value: float) -> bool:
        return self.least <= value <= self.most


LASTS_S: Final = {
    "set_mode": Limits(1, 31 * DAY_S),
    "pause": Limits(1, 31 * DAY_S),
    "record": Limits(1, DAY_S),
    "event.open": Limits(1, DAY_S),
    "event.update": Limits(1, DAY_S),
    "ptz": Limits(0.1, 10),
    "relay": Limits(0.1, 3600),
    "snooze": Limits(60, 7 * DAY_S),
}
"""Of `for`, by command."""
SPEED: Final = Limits(-1, 1)
SCORE: Final = Limits(0, 100)
NUMBERS: Final = {"pan": SPEED, "tilt": SPEED, "zoom": SPEED, "score": SCORE}
"""Of the other numbers, by field, which the options are named after."""

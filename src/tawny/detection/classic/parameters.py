"""Parameters of a detector's settings table: name, default, range; and `sensitivity` (1 to 100) as a substitute."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tawny.model.validation import value_text

USUAL = 50
DOUBLES = 25.0
"""Steps of sensitivity that halve or double the level."""


@dataclass(frozen=True, slots=True)
class DetectorParameter:
    """A numeric parameter. is_whole: integers only. is_odd: odd integers only."""

    usual: float
    least: float
    most: float
    is_whole: bool = False
    is_odd: bool = False

    def checked(self, key: str, value: Any) -> float:
        """Return the value as float. Raises ValueError: if it is not allowed."""
        fits = isinstance(value, int | float) and not isinstance(value, bool) and self.least <= value <= self.most
        if not fits or (self.is_whole and value != int(value)) or (self.is_odd and value % 2 != 1):
            kind = "an odd number" if self.is_odd else "a whole number" if self.is_whole else "a number"
            raise ValueError(f"{key}: found {value_text(value)}; allowed: {kind} from {self.least:g} to {self.most:g}")
        return float(value)


def read_parameters(
    table: Mapping[str, DetectorParameter], level: str, settings: Mapping[str, Any]
) -> dict[str, float]:
    """Return all parameters of a table.

    level: the parameter that `sensitivity` sets: 50 is the default, 75 half, 25 twice as much. Raises ValueError: for
    unknown keys, invalid values, or both `sensitivity` and the level.
    """
    allowed: Sequence[str] = ["sensitivity", *table]
    for key in settings:
        if key not in allowed:
            raise ValueError(f"{key}: not a setting of this detector; allowed: {', '.join(allowed)}")
    if "sensitivity" in settings and level in settings:
        raise ValueError(f"sensitivity: can't be combined with {level}; set only one of them")
    made = {key: number.checked(key, settings.get(key, number.usual)) for key, number in table.items()}
    if "sensitivity" in settings:
        n = DetectorParameter(USUAL, 1, 100, is_whole=True).checked("sensitivity", settings["sensitivity"])
        made[level] *= 2 ** ((USUAL - n) / DOUBLES)
    return made

"""The one setting: how little is enough to be seen."""

from dataclasses import dataclass

DEFAULT, LEAST, MOST = 50, 1, 100
CONTRAST = 4.0
"""Levels of 255 a cell must differ from the place, whatever the noise."""
SPREADS = 4.0
"""...and as many times the spread that this cell has shown. The sharp one: at 3 branches come through, at 5 people far
away at night are lost. So it is raised for less sensitivity, and not lowered for more."""
SMALLEST = 0.0003
"""Share of the picture below which a blob is nothing."""
DOUBLES = 50.0
"""Steps of sensitivity that halve or double what is asked."""


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What the number stands for."""

    contrast: float
    spreads: float
    smallest: float
    need: float
    """Evidence that makes a candidate an event."""

    @classmethod
    def of(cls, number: int) -> "Sensitivity":
        """number: 1 (asks twice as much) to 100 (half as much); 50 is the default."""
        asks = 2.0 ** ((DEFAULT - number) / DOUBLES)
        return cls(CONTRAST * asks, SPREADS * max(1.0, asks), SMALLEST * asks, asks)

    def least_cells(self, picture: int) -> int:
        """Cells of the smallest blob in a picture of so many cells."""
        return max(3, round(self.smallest * picture))

"""The sensitivity setting and the thresholds it gives."""

from dataclasses import dataclass

DEFAULT, LEAST, MOST = 50, 1, 100
CONTRAST = 4.0
"""Minimum difference of a cell to the background in levels of 255, regardless of noise."""
SPREADS = 4.0
"""Minimum difference in spreads of the cell. A critical value: at 3 branches cause events, at 5 distant people at night
are lost. It rises with lower sensitivity and does not fall with higher."""
SMALLEST = 0.0003
"""Minimum size of a blob as a share of the frame."""
DOUBLES = 50.0
"""Steps of sensitivity that halve or double the thresholds."""


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """Thresholds for one value of the setting."""

    contrast: float
    spreads: float
    smallest: float
    need: float
    """Evidence that makes a candidate an event."""

    @classmethod
    def of(cls, number: int) -> "Sensitivity":
        """Return the thresholds. number: 1 (twice the default thresholds) to 100 (half); 50 is the default."""
        asks = 2.0 ** ((DEFAULT - number) / DOUBLES)
        return cls(CONTRAST * asks, SPREADS * max(1.0, asks), SMALLEST * asks, asks)

    def least_cells(self, picture: int) -> int:
        """Return the minimum blob size in cells for a frame of this number of cells."""
        return max(3, round(self.smallest * picture))

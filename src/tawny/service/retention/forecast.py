"""Forecast of how far back recordings will reach: available space divided by rate."""

from tawny.config.retention import RetentionSettings
from tawny.storage.disk.disk import DiskCapacity

DAY_S = 86_400.0
LEAST_S = 600.0
"""Minimum measurement time, s, of a rate that is representative of a day."""


def keeps_days(keep: RetentionSettings, space: DiskCapacity, used_bytes: int, bytes_a_second: float) -> float | None:
    """Return the days of video that fit, at most `keep.max`; None while nothing is recorded."""
    if bytes_a_second <= 0:
        return None
    room_bytes = used_bytes + max(0.0, space.free_bytes - keep.min_free * space.total_bytes)
    if keep.max_size is not None:
        room_bytes = min(room_bytes, keep.max_size)
    return min(keep.max, room_bytes / bytes_a_second) / DAY_S

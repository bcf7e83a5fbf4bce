"""A camera's level, zones, lines and masks, from its settings to what watches."""

from tawny.config.settings import DetectionSettings
from tawny.detection.zones import CameraZones, DetectionLine, DetectionZone
from tawny.model.polygon import Polygon


def privacy_masks(watch: DetectionSettings) -> tuple[Polygon, ...]:
    """What nobody is to see."""
    return tuple(Polygon(points) for points in watch.private)


def camera_zones(watch: DetectionSettings) -> CameraZones:
    """Points are as the settings have them, checked there."""
    return CameraZones(
        zones=tuple(
            DetectionZone(
                name, Polygon(one.points), one.level, one.smallest, one.stay, one.direction, one.loiter, one.left
            )
            for name, one in watch.zones.items()
        ),
        lines=tuple(
            DetectionLine(name, (one.points[0], one.points[1]), one.direction) for name, one in watch.lines.items()
        ),
        mask=tuple(Polygon(points) for points in watch.mask),
        level=watch.level,
        frames=watch.frames,
        within=watch.within,
    )

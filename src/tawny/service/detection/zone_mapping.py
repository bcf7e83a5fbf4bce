"""Zone mapping: converts thresholds, zones, lines and masks from settings for detectors."""

from tawny.config.settings import CameraSettings, DetectionSettings
from tawny.detection.zones import CameraZones, DetectionLine, DetectionZone
from tawny.model.polygon import Polygon


def privacy_masks(camera: CameraSettings) -> tuple[Polygon, ...]:
    """Return the camera's privacy masks as polygons."""
    return tuple(Polygon(points) for points in camera.privacy_masks)


def camera_zones(watch: DetectionSettings) -> CameraZones:
    """Return the zones, lines and masks. Points have been validated with the settings."""
    return CameraZones(
        zones=tuple(
            DetectionZone(
                name,
                Polygon(one.points),
                one.threshold,
                one.min_size,
                one.min_time,
                one.direction,
                one.loitering_after,
                one.object_left_after,
            )
            for name, one in watch.zones.items()
        ),
        lines=tuple(
            DetectionLine(name, (one.points[0], one.points[1]), one.direction) for name, one in watch.lines.items()
        ),
        mask=tuple(Polygon(points) for points in watch.motion_masks),
        level=watch.threshold,
        frames=watch.frames,
        within=watch.within,
    )

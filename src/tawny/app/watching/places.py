"""A camera's level, zones, lines and masks, from its settings to what watches."""

from tawny.config.settings import Watch
from tawny.model.polygon import Polygon
from tawny.watch.zones import Line, Places, Zone


def private_of(watch: Watch) -> tuple[Polygon, ...]:
    """What nobody is to see."""
    return tuple(Polygon(points) for points in watch.private)


def places_of(watch: Watch) -> Places:
    """Points are as the settings have them, checked there."""
    return Places(
        zones=tuple(
            Zone(name, Polygon(one.points), one.level, one.smallest, one.stay, one.direction, one.loiter, one.left)
            for name, one in watch.zones.items()
        ),
        lines=tuple(Line(name, (one.points[0], one.points[1]), one.direction) for name, one in watch.lines.items()),
        mask=tuple(Polygon(points) for points in watch.mask),
        level=watch.level,
        frames=watch.frames,
        within=watch.within,
    )

"""Parts by name, as their entry points give them, and settings checked by the parts they are for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tawny.config.settings import Camera, Settings
from tawny.engine.plugins import PluginBroken, load
from tawny.model.errors import Problem, SettingsError
from tawny.sources.source import Source
from tawny.watch.detector import DetectorKind

OFF = "off"
"""The name of no detector."""


@dataclass(frozen=True, slots=True)
class Doors:
    sources: Mapping[str, Source]
    detectors: Mapping[str, DetectorKind]
    broken: tuple[PluginBroken, ...] = ()

    @classmethod
    def opened(cls) -> "Doors":
        """Everything installed."""
        sources, bad_sources = load("tawny.sources")
        detectors, bad_detectors = load("tawny.detectors")
        return cls({name: kind() for name, kind in sources.items()}, detectors, (*bad_sources, *bad_detectors))

    def source_of(self, address: str) -> Source | None:
        """Who opens such an address; None when nobody does."""
        return next((source for source in self.sources.values() if source.claims(address)), None)

    def public(self, address: str) -> str:
        """The address without user and password."""
        source = self.source_of(address)
        return source.public(address) if source else "an address of an unknown kind"

    def check(self, settings: Settings, file: str) -> None:
        """What only the parts know to be wrong. SettingsError with every problem."""
        problems = [problem for name, camera in settings.cameras.items() for problem in self._check(name, camera)]
        if problems:
            raise SettingsError(file, tuple(problems))

    def _check(self, name: str, camera: Camera) -> Iterator[Problem]:
        for key in ("source", "sub"):
            address = getattr(camera, key)
            if address and self.source_of(address) is None:
                allowed = "rtsp://host/path, /dev/video0, a video file such as clip.mp4, or demo:front"
                yield Problem(f"cameras.{name}.{key}", "an address of an unknown kind", allowed)
        for table, values in camera.tables.items():
            if table not in self.sources:
                yield Problem(f"cameras.{name}.{table}", "a table that is not known", ", ".join(sorted(self.sources)))
            else:
                yield from _refusals(f"cameras.{name}.{table}", lambda s=self.sources[table], v=values: s.settings(v))
        detector = camera.watch.detector
        if detector != OFF and detector not in self.detectors:
            allowed = ", ".join([OFF, *sorted(self.detectors)])
            yield Problem(f"cameras.{name}.watch.detector", repr(detector), allowed)
        elif detector != OFF:
            kind = self.detectors[detector]
            yield from _refusals(f"cameras.{name}.watch.{detector}", lambda: kind(camera.watch.options))
        for key in camera.watch.model_extra or {}:
            if key not in self.detectors:
                yield Problem(
                    f"cameras.{name}.watch.{key}", "a setting that is not known", "detector, or a detector's table"
                )


def _refusals(path: str, check: Any) -> Iterator[Problem]:
    try:
        check()
    except ValueError as error:
        yield Problem(path, "a value that cannot be used", str(error))

"""The search model: opened as the settings say, and the comparison of its vectors with a text or an event."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np

from tawny.config.recognition import SearchSettings
from tawny.detection.embedding import ClipModel, Embedder, VectorTable, clip_files, packed
from tawny.detection.onnx import FileVersion, file_version, refusals
from tawny.engine.plugins import PluginFailed, plug_in_code
from tawny.model.errors import NotDone
from tawny.model.events import Event
from tawny.model.ids import EventId
from tawny.model.times import Clock, Span

LEAST_Z: Final = 1.5
"""Standard score from which an event is an answer. Cosines of texts and images mean little by themselves."""
FIRST: Final = 5
"""Best events that are answers with any score above the mean: among few events none can stand out."""
MOST: Final = 3000
"""Maximum number of answers."""
_LEAST_SPREAD: Final = 0.01
_FRESH_S, _KEPT_S = 60.0, 300.0
"""Age from which vectors are read again if there are new ones, and time after which unused ones are released."""


class SearchModel:
    """The model that the settings select, or none. plug_ins: by name. Thread-safe."""

    def __init__(self, settings: Callable[[], SearchSettings], plug_ins: Mapping[str, Any]) -> None:
        self._settings, self._plug_ins = settings, plug_ins
        self._lock = threading.Lock()
        self._chosen: SearchSettings | None = None
        self._tried: FileVersion = ()
        """Version of the files that were opened, or could not be."""
        self._embedder: Embedder | None = None
        self.trouble = ""
        """Why there is none although the settings select one, and the remedy."""

    @property
    def id(self) -> str:
        """Return the ID of the model; empty without one."""
        with self._lock:
            found = self._opened()
            return found.id if found is not None else ""

    def image(self, rgb: Any) -> bytes:
        """Return the packed vector of an image; empty if the model can't take it."""
        with self._lock:
            embedder = self._opened()
            return b"" if embedder is None else self._asked(lambda: packed(embedder.image(rgb)), b"")

    def text(self, words: str) -> Sequence[float] | None:
        with self._lock:
            embedder = self._opened()
            return None if embedder is None else self._asked(lambda: embedder.text(words), None)

    def close(self) -> None:
        with self._lock:
            self._close()
            self._chosen = None

    def _asked(self, ask: Callable[[], Any], otherwise: Any) -> Any:
        """Return the answer. A plug-in is foreign code, but one that fails at one image may take the next."""
        known = (NotDone, ArithmeticError, LookupError, TypeError, *refusals())
        failures: tuple[type[Exception], ...] = (*known, PluginFailed)
        try:
            with plug_in_code(self._settings().model, *known):
                found = ask()
        except failures as error:
            self.trouble = f"The search model failed: {error}"
            return otherwise
        self.trouble = ""
        return found

    def _opened(self) -> Embedder | None:
        wanted = self._settings()
        if wanted == self._chosen and (self._embedder is not None or not wanted.model):
            return self._embedder
        version = file_version(*clip_files(Path(wanted.model).expanduser())) if wanted.model else ()
        if (wanted, version) != (self._chosen, self._tried):  # what failed may have been repaired
            self._close()
            self._chosen, self._tried = wanted, version
            self._open(wanted)
        return self._embedder

    def _open(self, wanted: SearchSettings) -> None:
        if not wanted.model:
            return
        try:
            if wanted.model in self._plug_ins:
                with plug_in_code(wanted.model, NotDone, ValueError, KeyError):
                    self._embedder = self._plug_ins[wanted.model](wanted.options)
            else:
                self._embedder = ClipModel(Path(wanted.model).expanduser())
        except (NotDone, ValueError, KeyError, PluginFailed) as error:
            self.trouble = f"Search finds events by colours and sizes only: {error}"

    def _close(self) -> None:
        if self._embedder is not None:
            self._embedder.close()
        self._embedder, self.trouble = None, ""


@dataclass(frozen=True, slots=True)
class _Loaded:
    model: str
    version: int
    at_s: float
    events: list[EventId]
    starts_ms: Any
    table: VectorTable
    rows: Mapping[EventId, bytes]


class VectorSource(Protocol):
    """Where vectors are: the database of a recorder, or the results of scans."""

    def vectors(self, model: str) -> list[tuple[EventId, int, bytes]]:
        """See `AppearanceDb.vectors`."""
        ...


class VectorSearch:
    """Finds the events whose vectors are nearest. Thread-safe. Vectors stay in memory for a while after a search."""

    def __init__(self, db: Callable[[], VectorSource], model: SearchModel, clock: Clock) -> None:
        self._db, self._model, self._clock = db, model, clock
        self._lock = threading.Lock()
        self._loaded: _Loaded | None = None
        self._used_s = 0.0
        self.version = 0
        """Raised with each change of stored vectors."""

    def similar(self, wanted: str | Event, spans: Sequence[Span]) -> list[tuple[EventId, float]] | None:
        """Return the events that start in these spans and look like a text or another event, the best first.

        Each with its standard score among all of these events. None without a model, or of an event without a vector.
        """
        model = self._model.id
        vector = self._model.text(wanted) if model and isinstance(wanted, str) else None
        if not model or (vector is None and isinstance(wanted, str)):
            return None
        loaded = self._fresh(model)
        if isinstance(wanted, Event):
            row = loaded.rows.get(wanted.id)
            if row is None:
                return None
            vector = np.frombuffer(row[4:], np.int8).tolist()
        assert vector is not None
        is_in = np.zeros(len(loaded.events), bool)
        for span in spans:
            is_in |= (loaded.starts_ms >= span.begin_ms) & (loaded.starts_ms < span.end_ms)
        at = np.nonzero(is_in)[0]
        if not len(at):
            return []
        cosines = loaded.table.cosines(vector)[at]
        scores = (cosines - cosines.mean()) / max(float(cosines.std()), _LEAST_SPREAD)
        order = np.argsort(-scores, kind="stable")[:MOST]
        return [
            (loaded.events[at[n]], float(scores[n]))
            for place, n in enumerate(order)
            if scores[n] >= LEAST_Z or (place < FIRST and scores[n] >= 0)
        ]

    def release(self) -> None:
        """Release vectors that were not searched for a while."""
        with self._lock:
            if self._loaded is not None and self._clock.mono_s() - self._used_s > _KEPT_S:
                self._loaded = None

    def _fresh(self, model: str) -> _Loaded:
        with self._lock:
            now_s, there = self._clock.mono_s(), self._loaded
            self._used_s = now_s
            is_old = there is not None and there.version != self.version and now_s - there.at_s >= _FRESH_S
            if there is None or there.model != model or is_old:
                rows = self._db().vectors(model)
                length = len(rows[-1][2]) if rows else 0
                rows = [row for row in rows if len(row[2]) == length]
                there = self._loaded = _Loaded(
                    model, self.version, now_s, [event for event, _, _ in rows],
                    np.array([start_ms for _, start_ms, _ in rows], np.int64),
                    VectorTable([vector for _, _, vector in rows]),
                    {event: vector for event, _, vector in rows},
                )  # fmt: skip
            return there

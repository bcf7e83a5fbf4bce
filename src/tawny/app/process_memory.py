"""Resident memory of the process: one heap, small pages, and nothing kept that only the start used (decision 35)."""

import gc
import importlib
import os
import re
import resource
import sys
import threading
from collections.abc import Callable, Container, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Final, cast

MALLOC_OPTIONS: Final = {-8: 1, -3: 500_000, -1: 4_000_000}
"""Options of mallopt(3): M_ARENA_MAX; M_MMAP_THRESHOLD and M_TRIM_THRESHOLD, in bytes."""
OBJECTS_A_COLLECTION: Final = 20_000
"""While modules are imported: 16 collections for the whole start, none longer than 11 ms on a fast computer."""
OLD_MODELS: Final = "pydantic.v1"
"""A module of 2 MB that FastAPI imports, where it exists, only to refuse models of it."""
_SET_THP_DISABLE: Final = 41
"""PR_SET_THP_DISABLE of prctl(2)."""
_DONTNEED: Final = 4
"""MADV_DONTNEED of madvise(2)."""
LOOKS_BETWEEN_RETURNS: Final = 10
"""Calls of `UnusedMemory.is_due` for each return."""
KEPT_BYTES: Final = 2_500_000
"""Library pages that are not worth a return."""
RETURNS_BETWEEN_ALL: Final = 15
"""Returns of blocks for each of all library pages: what is in use was perhaps measured while an event used more."""
_MAPPING: Final = re.compile(r"([0-9a-f]+)-([0-9a-f]+) r-[x-]p \S+ \S+ \d+ +(/\S.*)")
_LIBRARY: Final = re.compile(
    r"/(site-packages|dist-packages|lib-dynload)/|/lib(64)?/([^/]+-linux-[^/]+/)?[^/]+\.so[.\d]*$"
)
"""Libraries of Python modules, those that come with them, and those of the system. Drivers have folders of their own:
they are left out, because what uses a driver may have to unload it."""
_importing: Final = threading.RLock()
"""One thread at a time, so that each restores what it found."""
Pages = tuple[int, int]
"""First address, and the one after the last."""


def import_for_good(name: str) -> ModuleType:
    """Import a module. Meanwhile hide `OLD_MODELS`, and collect little garbage, each object once.

    All of it stays, so that it need not be looked through later either. What classes leave behind is collected before:
    what is frozen never is. Collecting all at once would stop every thread, cameras' too, for ten times as long.
    """
    with _importing:
        if name not in sys.modules:
            usual, loaded = gc.get_threshold(), cast("dict[str, ModuleType | None]", sys.modules)
            if is_hidden := OLD_MODELS not in loaded:
                loaded[OLD_MODELS] = None
            gc.set_threshold(OBJECTS_A_COLLECTION)
            try:
                importlib.import_module(name)
            finally:
                gc.set_threshold(*usual)
                if is_hidden:
                    del loaded[OLD_MODELS]
            gc.freeze()
    return sys.modules[name]


def limit_resident_memory() -> None:
    """Have the C library return freed frames to the system, and the system give out small pages only.

    By default every thread has its own heap, and each keeps the largest frames it ever freed. x264 and numpy request
    huge pages: each of their buffers is resident in steps of 2 MB, also where nothing was written. Call before threads
    start.
    """
    import ctypes  # commands that only need `import_for_good` do not pay for it

    with suppress(AttributeError, OSError):  # not every C library has mallopt, not every system prctl
        library = ctypes.CDLL(None)
        for option, value in MALLOC_OPTIONS.items():
            library.mallopt(option, value)
        library.prctl(_SET_THP_DISABLE, 1, 0, 0, 0)


def return_unused_memory(libraries: Iterable[Pages]) -> None:
    """Return freed memory inside the heap, and the library pages that nothing uses any more.

    libraries: as found by `find_library_pages`. They stay in the system's file cache: pages in use come back within a
    millisecond, without reading from disk. Call from any thread; takes 10 ms.
    """
    import ctypes

    with suppress(AttributeError, OSError):
        library = ctypes.CDLL(None)
        library.malloc_trim(ctypes.c_size_t(0))
        for first, last in libraries:
            library.madvise(ctypes.c_void_p(first), ctypes.c_size_t(last - first), _DONTNEED)


class UnusedMemory:
    """Returns unused memory regularly: blocks in the heap each time, pages of libraries when more of them are mapped,
    and every few minutes.

    Pages that are always in use would only be mapped again, which costs 3 % of the processor time of one camera. The
    first return takes place at once, in 35 ms. mapped_bytes: resident bytes of files; None: unknown. give_back: see
    `return_unused_memory`.
    """

    def __init__(
        self,
        mapped_bytes: Callable[[], int | None] | None = None,
        give_back: Callable[[Sequence[Pages]], None] | None = None,
    ) -> None:
        self._mapped_bytes = mapped_bytes or _mapped_bytes
        self._give_back = give_back or return_unused_memory
        self._looks = self._returns = 0
        self._in_use: int | None = None
        self._libraries = find_library_pages()
        self._give_back(self._libraries)

    def is_due(self) -> bool:
        """Return whether to call `give_back` now. Call every few seconds."""
        self._looks += 1
        if self._in_use is None:
            self._in_use = self._mapped_bytes()  # what is in use is mapped again by now
        return self._looks % LOOKS_BETWEEN_RETURNS == 0

    def give_back(self) -> None:
        self._returns += 1
        mapped = self._mapped_bytes()
        has_grown = mapped is None or self._in_use is None or mapped > self._in_use + KEPT_BYTES
        is_all = has_grown or self._returns % RETURNS_BETWEEN_ALL == 0
        self._give_back(self._libraries if is_all else ())
        self._in_use = None if is_all else self._in_use


def _mapped_bytes() -> int | None:
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[2]) * resource.getpagesize()
    except OSError:
        return None


def find_library_pages() -> list[Pages]:
    """Return where Python and libraries are mapped unchanged; empty if the system does not say. Takes 25 ms.

    Invariant: no page with anything but the content of its file is in it (tests/app/test_process_memory.py). The
    libraries are kept from being unloaded, so that nothing else can get their addresses.
    """
    try:
        with Path("/proc/self/maps").open() as maps:
            kept = {path for path in _libraries(maps) if _stays_loaded(path)}
        kept.add(str(Path("/proc/self/exe").readlink()))  # Debian's Python is no library, but the program itself
        with Path("/proc/self/smaps").open() as maps:
            return _unchanged(maps, kept)
    except OSError:
        return []


def _libraries(maps: Iterable[str]) -> set[str]:
    mappings = (_MAPPING.match(line) for line in maps)
    return {mapping[3] for mapping in mappings if mapping and _LIBRARY.search(mapping[3])}


def _stays_loaded(path: str) -> bool:
    import ctypes

    try:
        ctypes.CDLL(path, mode=os.RTLD_NOLOAD | os.RTLD_NODELETE)
    except OSError:  # no library, or one that has just been unloaded
        return False
    return True


def _unchanged(maps: Iterable[str], kept: Container[str]) -> list[Pages]:
    found: list[Pages] = []
    mapping: Pages | None = None
    for line in maps:
        if start := _MAPPING.match(line):
            mapping = (int(start[1], 16), int(start[2], 16)) if start[3] in kept else None
        elif line[:1].islower() or line[:1].isdigit():  # fields begin with a capital
            mapping = None
        elif mapping and line.startswith("Anonymous:") and int(line.split()[1]) == 0:
            found.append(mapping)
    return found

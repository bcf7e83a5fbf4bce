"""A folder with recordings, made once: two short lives of one camera."""

import asyncio
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tawny.app.control_socket import ControlSocket
from tawny.cli.main import main
from tawny.engine import Bus
from tawny.testing.clips import ClipSpec, clip_file
from tests.app.rig import DOOR, one_camera, rig


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


Tawny = Callable[..., Said]


@pytest.fixture
def tawny(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tawny:
    """Runs a command in an empty folder of its own and gives back what it said."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("tawny.cli.paths.ROOTS_FOLDER", tmp_path / "var-lib")

    def run(*words: str) -> Said:
        code = main(list(words))
        result = capsys.readouterr()
        return Said(code, result.out, result.err)

    return run


async def _closed(control: ControlSocket) -> None:
    """Close it when connections that a command has made and left are served."""
    for _ in range(20):
        await asyncio.sleep(0)
    await control.close()


@contextmanager
def answering(folder: Path, bus: Bus, answers: dict[str, Callable[[dict[str, Any]], Any]]) -> Iterator[None]:
    """The door for commands, as the program has it."""
    loop = asyncio.new_event_loop()
    control = ControlSocket(folder, bus, answers, lambda _: None)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(control.open(), loop).result(30)
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(_closed(control), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture(scope="session")
def recorded() -> Iterator[Path]:
    """Recorded twice, with a pause between."""
    with TemporaryDirectory(prefix="tawny-recorded-") as home:
        clip = clip_file(ClipSpec(seconds=4, sound="aac"))
        for _ in range(2):
            with rig(one_camera(str(clip)), Path(home)) as bench:
                bench.wait_for_seconds(2.5, DOOR)
        yield Path(home)


@pytest.fixture
def archive(recorded: Path, tmp_path: Path) -> Path:
    """A copy, for what changes it."""
    shutil.copytree(recorded, tmp_path / "archive", ignore=shutil.ignore_patterns("control"))
    return tmp_path / "archive"

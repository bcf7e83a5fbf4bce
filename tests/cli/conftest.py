"""A folder with recordings, made once: two short lives of one camera."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tawny.cli.main import main
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

    def run(*words: str) -> Said:
        code = main(list(words))
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return run


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recorded twice, with a pause between."""
    folder = tmp_path_factory.mktemp("recorded")
    clip = clip_file(ClipSpec(seconds=4, sound="aac"))
    for _ in range(2):
        with rig(one_camera(str(clip)), folder) as bench:
            bench.wait_for_seconds(2.5, DOOR)
    return folder

"""Scripts: only from their folder, with JSON on standard input, for so long, and dead with all that they started."""

import json
import os
import stat
from pathlib import Path

import pytest

from tawny.delivery.scripts import MOST_OUTPUT, ScriptRunner
from tawny.model.errors import DeliveryError, NotDone
from tawny.model.times import SystemClock
from tawny.service.integrations.emitter_worker import ScriptEmitter
from tawny.testing.waiting import until


class Folder:
    def __init__(self, path: Path, deadline_s: float = 20.0) -> None:
        self.path = path
        self.path.mkdir(mode=0o755)
        self.runner = ScriptRunner(path, deadline_s, SystemClock())

    def put(self, name: str, text: str, mode: int = 0o755) -> Path:
        path = self.path / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(mode)
        return path


@pytest.fixture
def scripts(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "scripts")


def is_alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def test_it_gets_json_and_what_it_says_is_kept(scripts: Folder) -> None:
    scripts.put("hello", 'cat; echo "seen" >&2')
    ran = scripts.runner.run("hello", {"type": "event.started", "camera": "Tür"})
    answer, seen = ran.output.splitlines()
    assert (ran.code, json.loads(answer), seen) == (0, {"type": "event.started", "camera": "Tür"}, "seen")


def test_it_has_nothing_of_our_environment(scripts: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONT_DOOR", "pLantedSecret")
    scripts.put("env", "env; pwd")
    found = scripts.runner.run("env", {}).output
    assert "pLantedSecret" not in found
    assert str(scripts.path) in found


def test_how_it_ended_is_told(scripts: Folder) -> None:
    scripts.put("bad", "echo no; exit 3")
    ran = scripts.runner.run("bad", {})
    assert (ran.code, ran.output, ran.is_well) == (3, "no", False)


def test_at_its_deadline_it_dies_with_all_that_it_started(tmp_path: Path) -> None:
    scripts = Folder(tmp_path / "scripts", deadline_s=0.5)
    scripts.put("late", "sleep 300 & echo $!; sleep 300 & echo $!; echo $$; wait")
    ran = scripts.runner.run("late", {})
    assert ran.code is None
    processes = [int(line) for line in ran.output.split()]
    assert len(processes) == 3
    until(lambda: not any(map(is_alive, processes)), 60, "all of them are gone")


def test_what_it_leaves_behind_is_ended(scripts: Folder) -> None:
    scripts.put("daemon", "sleep 300 >/dev/null 2>&1 & echo $!")
    process = int(scripts.runner.run("daemon", {}).output)
    until(lambda: not is_alive(process), 60, "it is gone")


def test_one_that_never_stops_talking_is_ended_and_little_is_kept(tmp_path: Path) -> None:
    scripts = Folder(tmp_path / "scripts", deadline_s=0.5)
    scripts.put("talks", "yes tawny")
    ran = scripts.runner.run("talks", {})
    assert ran.code is None
    assert 100 < len(ran.output) <= MOST_OUTPUT


def test_one_that_does_not_listen_harms_nobody(scripts: Folder) -> None:
    scripts.put("deaf", "exec <&-; echo done")
    assert scripts.runner.run("deaf", {"much": "x" * 1_000_000}).output == "done"


@pytest.mark.parametrize("name", ["", ".", "..", "../hello", "/bin/sh", "a/b", "-x", ".hidden", "a b", "x" * 61, "a\0"])
def test_names_that_lead_elsewhere_are_refused(scripts: Folder, name: str) -> None:
    with pytest.raises(NotDone, match="Invalid script name"):
        scripts.runner.run(name, {})


def test_only_plain_safe_files_are_started(scripts: Folder) -> None:
    scripts.put("real", "true")
    (scripts.path / "link").symlink_to("/bin/true")
    (scripts.path / "folder").mkdir()
    scripts.put("plain", "true", 0o644)
    scripts.put("open", "true", 0o757)
    os.mkfifo(scripts.path / "pipe")
    for name, why in [
        ("link", "isn't a regular file"),
        ("folder", "isn't a regular file"),
        ("pipe", "isn't a regular file"),
        ("plain", "isn't executable"),
        ("open", "Any user can change"),
        ("none", "not found"),
    ]:
        if name == "plain" and os.geteuid() == 0 and stat.S_IMODE((scripts.path / name).stat().st_mode) & 0o111:
            continue
        with pytest.raises(NotDone, match=why):
            scripts.runner.run(name, {})
    scripts.path.chmod(0o777)
    with pytest.raises(NotDone, match="Any user can change"):
        scripts.runner.run("real", {})


def test_what_cannot_be_started_is_said(scripts: Folder) -> None:
    (scripts.put("odd", "true")).write_bytes(b"\0\1 no program")
    with pytest.raises(NotDone, match="couldn't be started"):
        scripts.runner.run("odd", {})


def test_without_a_folder_there_are_no_scripts() -> None:
    with pytest.raises(NotDone, match="Scripts aren't allowed"):
        ScriptRunner(None, 1.0, SystemClock()).run("hello", {})


def test_once_stopped_nothing_is_started(scripts: Folder) -> None:
    scripts.put("hello", "true")
    scripts.runner.stop()
    with pytest.raises(NotDone, match="stopping"):
        scripts.runner.run("hello", {})


def test_the_command_that_makes_a_script_executable_can_be_pasted(tmp_path: Path) -> None:
    scripts = Folder(tmp_path / "my scripts")
    scripts.put("plain", "true", 0o644)
    with pytest.raises(NotDone) as refused:
        scripts.runner.run("plain", {})
    assert refused.value.do == f"Run `chmod +x '{scripts.path / 'plain'}'`."


def test_a_script_that_cannot_be_run_is_not_called_missing(scripts: Folder) -> None:
    path = scripts.put("plain", "true", 0o644)
    with pytest.raises(DeliveryError) as refused:
        ScriptEmitter("plain", scripts.runner).send({}, "")
    assert str(refused.value) == f"Script plain isn't executable. Run `chmod +x {path}`."

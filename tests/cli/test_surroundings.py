"""Where a command runs: closed streams, terminals without UTF-8, users without a home, paths that can't be used."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Tawny

TAWNY = [sys.executable, "-c", "from tawny.cli.main import entry; entry()"]


def _run(line: str, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a shell that closes or redirects its streams."""
    return subprocess.run(
        ["sh", "-c", line, "sh", *TAWNY, *words], capture_output=True, text=True, check=False, env={**os.environ, **env}
    )


@pytest.mark.parametrize("closed", ["2>&-", "<&- 2>&-", "2>/dev/full"])
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("check",), 0),
        (("events", "--from", "x"), 2),
        (("events", "--json", "--from", "x"), 2),
        (("events", "-x"), 2),
    ],
)
def test_messages_that_cannot_be_written_change_no_exit_code(
    recorded: Path, closed: str, words: tuple[str, ...], code: int
) -> None:
    done = _run(f'"$@" {closed}', *words, "--data", str(recorded))
    assert (done.returncode, bool(done.stdout)) == (code, code == 0), done


def test_all_streams_may_be_closed(recorded: Path) -> None:
    assert _run('"$@" <&- >&- 2>&-', "events", "--data", str(recorded)).returncode == 0


def test_a_reader_of_messages_that_is_gone_changes_no_exit_code(recorded: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    words = ("events", "--from", "x", "--data", str(recorded))
    done = subprocess.run([*TAWNY, *words], stdout=subprocess.PIPE, stderr=write, check=False)
    os.close(write)
    assert (done.returncode, done.stdout) == (2, b"")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_what_a_terminal_cannot_show_is_escaped(encoding: str) -> None:
    done = _run('"$@"', "config", "schema", PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\\u2026" in done.stdout
    as_json = _run('"$@"', "config", "schema", "--json", PYTHONIOENCODING=encoding)
    assert json.loads(as_json.stdout) == json.loads(_run('"$@"', "config", "schema", "--json").stdout)


@pytest.mark.parametrize("words", [("events",), ("status",), ("demo",), ("import", "frigate")])
def test_a_user_without_a_home_is_told_what_to_do(
    tawny: Tawny, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setattr("os.path.expanduser", lambda path: path)  # as without HOME and without an entry
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name)
    result = tawny(*words)
    assert result.code == 3, result
    assert result.err.startswith("tawny: The home folder of this user isn't known. Set HOME, or pass `--data`")


def test_without_a_home_what_was_named_is_used(
    tawny: Tawny, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert tawny("events").code == 3  # nothing is recorded in XDG_DATA_HOME
    monkeypatch.delenv("XDG_CONFIG_HOME")
    assert tawny("events", "--data", str(archive)).code == 0
    (tmp_path / "tawny.toml").write_text(f'[storage]\npath = "{archive}"\n[cameras.front]\nsource = "demo:"\n')
    assert tawny("events").code == 0


UNKNOWN = '[storage]\npath = "~no-such-user-9/x"\n[cameras.front]\nsource = "demo:"\n'


@pytest.mark.parametrize("words", [("config", "check"), ("status",), ("events",), ("run",), ("check",)])
def test_each_command_names_the_line_of_a_folder_of_an_unknown_user(
    tawny: Tawny, tmp_path: Path, words: tuple[str, ...]
) -> None:
    (tmp_path / "tawny.toml").write_text(UNKNOWN)
    result = tawny(*words)
    assert result.code == 2, result
    assert "line 2: storage.path: found '~no-such-user-9/x'" in result.err


@pytest.mark.parametrize("why", [errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR], ids=errno.errorcode.get)
@pytest.mark.parametrize(
    "words",
    [
        ("events", "--data", "{}"), ("status", "--data", "{}"), ("check", "--data", "{}"), ("events", "--config", "{}"),
        ("run", "--data", "{}"), ("decrypt", "{}"), ("verify", "{}"), ("doctor", "--bundle", "{}"),
        ("find", "x", "--in", "{}"), ("prune", "--folder", "{}", "--keep", "1 day"), ("init", "--config", "{}"),
        ("restore", "{}", "--data", "new"), ("setup-link", "--data", "{}"),
        ("export", "--camera", "x", "--from", "1 h ago", "--to", "now", "-o", "{}", "--data", "."),
    ],
    ids=lambda words: words[0],
)  # fmt: skip
def test_a_path_that_cannot_be_used_is_an_error(tawny: Tawny, tmp_path: Path, why: int, words: tuple[str, ...]) -> None:
    (tmp_path / "history").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").write_text("x")
    path = {errno.ENAMETOOLONG: "x" * 300, errno.ELOOP: "loop/x.mp4", errno.ENOTDIR: "file/x.mp4"}[why]
    result = tawny(*(word.format(path) for word in words))
    assert result.code not in (0, 1), result
    assert result.err.startswith("tawny: "), result


def test_a_name_that_is_too_long_is_no_error_of_the_disk(tawny: Tawny) -> None:
    result = tawny("events", "--data", "x" * 300)
    assert result.code == 3
    assert result.err.endswith(": File name too long. Choose another path.\n")
    assert "cable" not in result.err

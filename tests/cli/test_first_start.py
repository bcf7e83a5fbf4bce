"""Where settings and recordings are found, what the first start writes, and the link as text and as a QR code."""

import io
import socket
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import segno

from tawny.app import own_addresses
from tawny.cli.first_start import first_settings, qr_text, welcome
from tawny.cli.output import Output
from tawny.cli.paths import config_file, data_folder, default_folder
from tawny.config.loader import read_settings
from tawny.config.settings import Settings, listen_address
from tawny.engine.acceptor import free_address
from tawny.model.errors import FolderUnwritable, PortInUse
from tawny.sources.discovery.networks import OwnNetwork

LINK = f"http://192.168.1.10:8000/setup#token={'x' * 43}"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of a user who isn't root, in which there is nothing; the current folder is another one."""
    made, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    made.mkdir()
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("HOME", str(made))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    return made


def args(**given: str) -> Namespace:
    return Namespace(**({"config": None, "data": None, "listen": None} | given))


def test_recordings_go_below_the_home_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert data_folder(args(), Settings()) == home / ".local/share/tawny"
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "share"))
    assert default_folder() == home / "share/tawny"
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert default_folder() == Path("/var/lib/tawny")
    assert default_folder(home) == home / ".local/share/tawny"


@pytest.mark.parametrize("mark", ["tawny.db", "history/x"])
def test_recordings_of_an_earlier_version_stay_where_they_are(home: Path, mark: str) -> None:
    former = home / "tawny" / mark
    (home / "tawny").mkdir()
    assert default_folder() == home / ".local/share/tawny", "a checkout, for example"
    former.parent.mkdir(exist_ok=True)
    former.touch()
    assert default_folder() == home / "tawny"
    assert data_folder(args(data="/x"), Settings()) == Path("/x")


def test_settings_are_found_in_the_data_folder_last_of_all(home: Path) -> None:
    assert config_file(args()) is None
    places = [home / ".local/share/tawny", Path("/nothing"), home / ".config/tawny", Path.cwd()]
    for folder in (places[0], places[2], places[3]):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "tawny.toml").touch()
        found = config_file(args())
        assert found is not None
        assert found.resolve() == (folder / "tawny.toml").resolve()


def test_settings_of_a_given_folder_come_before_the_default_ones(home: Path, tmp_path: Path) -> None:
    for folder in (home / ".local/share/tawny", tmp_path / "disk"):
        folder.mkdir(parents=True)
        (folder / "tawny.toml").touch()
    assert config_file(args(data=str(tmp_path / "disk"))) == tmp_path / "disk/tawny.toml"
    assert config_file(args(data=str(tmp_path / "new"))) == home / ".local/share/tawny/tawny.toml"
    assert config_file(args(config="mine.toml")) == Path("mine.toml")


def test_the_first_start_writes_settings_for_the_network(home: Path) -> None:
    made = first_settings(args())
    assert made == home / ".local/share/tawny/tawny.toml"
    host, port = listen_address(read_settings(made).web.listen)
    assert (host in ("::", "0.0.0.0"), port in range(8000, 8100)) == (True, True)
    assert [made.stat().st_mode & 0o777, made.parent.stat().st_mode & 0o777] == [0o600, 0o700]
    assert read_settings(made).storage == Settings().storage


def test_the_first_start_keeps_what_the_command_says(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / 'a "strange" folder'
    made = read_settings(first_settings(args(listen="127.0.0.1:9", data=str(folder))))
    assert (made.web.listen, made.storage.path) == ("127.0.0.1:9", str(folder))


def test_a_folder_that_cannot_be_created_is_said(home: Path) -> None:
    with pytest.raises(FolderUnwritable):
        first_settings(args(data="/proc/tawny"))


def test_the_first_free_port_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        if port > 65_000:
            pytest.skip("no room above this port")
        assert listen_address(free_address(range(port, port + 50)))[1] > port
        with pytest.raises(PortInUse):
            free_address(range(port, port + 1))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_qr_code_is_the_link(home: Path) -> None:
    lines = [line.partition("m")[2].removesuffix("\x1b[0m") for line in qr_text(LINK).split("\n")]
    upper = {" ": (0, 0), "▀": (1, 0), "▄": (0, 1), "█": (1, 1)}
    rows = [[upper[one][half] for one in line] for line in lines for half in (0, 1)]
    wanted = [list(map(int, row)) for row in segno.make(LINK, error="l", micro=False).matrix_iter(border=2)]
    assert rows[: len(wanted)] == wanted
    assert not any(map(any, rows[len(wanted) :]))


@pytest.mark.parametrize(
    ("stream", "as_json", "link", "is_shown"),
    [
        (Terminal, False, LINK, True),
        (io.StringIO, False, LINK, False),
        (Terminal, True, LINK, False),
        (Terminal, False, "http://127.0.0.1:8000/setup#token=x", False),
        (Terminal, False, None, False),
    ],
)
def test_it_is_shown_to_people_with_a_terminal(
    stream: Callable[[], Any], as_json: bool, link: str | None, is_shown: bool
) -> None:
    out = stream()
    welcome(Output(as_json=as_json, out=out), {"link": link}, "tawny is running.")
    assert ("█" in out.getvalue()) == is_shown


def test_addresses_of_the_way_out_and_of_the_home_network_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    found = ["169.254.3.4", "203.0.113.7", "192.168.1.10", "10.0.0.2"]
    monkeypatch.setattr(own_addresses, "own_networks", lambda: [OwnNetwork("eth0", one, "") for one in found])
    monkeypatch.setattr(own_addresses, "_outgoing", lambda: "10.0.0.2")
    monkeypatch.setattr(socket, "gethostname", lambda: "Garage-Pi.lan")
    assert own_addresses.recorder_urls("::", 8000) == [
        "http://10.0.0.2:8000", "http://192.168.1.10:8000", "http://203.0.113.7:8000", "http://169.254.3.4:8000",
        "http://garage-pi.local:8000",
    ]  # fmt: skip
    assert own_addresses.recorder_urls("::1", 80) == ["http://[::1]"]
    monkeypatch.setenv("TAWNY_HOST_NAME", "homeassistant")
    assert own_addresses.recorder_urls("0.0.0.0", 8000) == ["http://homeassistant.local:8000"]
    monkeypatch.delenv("TAWNY_HOST_NAME")
    monkeypatch.setattr(own_addresses, "own_networks", list)
    monkeypatch.setattr(socket, "gethostname", lambda: "localhost")
    assert own_addresses.recorder_urls("0.0.0.0", 8001) == ["http://127.0.0.1:8001"]


@pytest.mark.parametrize(
    ("listens", "place"),
    [("[::]:8554", "10.0.0.2:8554"), ("0.0.0.0:80", "10.0.0.2:80"), ("[fd00::1]:554", "[fd00::1]:554")],
)
def test_a_server_on_all_addresses_has_one_for_others(
    listens: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_addresses, "own_networks", lambda: [OwnNetwork("eth0", "10.0.0.2", "")])
    assert own_addresses.reachable_place(listens) == place

"""Against OpenSSH's server, by password it would not even be asked: keys only, as it should be."""

import gc
import os
import pwd
import socket
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from tawny.delivery.delivery import in_memory
from tawny.delivery.destination import DestinationConnection, DestinationContext
from tawny.delivery.destinations.sftp import Sftp
from tawny.model.errors import (
    DeliveryError,
    StrangeTarget,
    TargetFull,
    TargetMissing,
    TargetRefused,
    TargetUnreachable,
)
from tawny.testing.clock import FakeClock
from tawny.testing.contracts.destination import Cut, CutContent, DestinationCase, DestinationContract, content
from tests.delivery.destinations.faulty_sftp import faulty_ssh_server
from tests.delivery.destinations.servers import SSHD, ssh_server
from tests.delivery.destinations.servers import SshServer as Server

pytestmark = pytest.mark.skipif(
    not SSHD.exists(), reason="OpenSSH's server is not installed: apt install openssh-server"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with ssh_server(tmp_path_factory.mktemp("ssh")) as made:
        yield made


def connect(server: Server, folder: Path, kind: Sftp | None = None, **options: Any) -> DestinationConnection:
    url = f"sftp://{pwd.getpwuid(os.geteuid()).pw_name}@127.0.0.1:{server.port}/{folder}"
    table = {"host_key": server.host_key, "key": str(server.key)} | options
    return (kind or Sftp()).connect(
        DestinationContext("nas", url.replace("//tmp", "/%2Ftmp"), Sftp().settings(url, table), FakeClock())
    )


class TestSftp(DestinationContract):
    @pytest.fixture
    def target(self, server: Server, tmp_path: Path) -> DestinationCase:
        def get(name: str) -> bytes | None:
            path = tmp_path / name
            return path.read_bytes() if path.exists() else None

        return DestinationCase(lambda: connect(server, tmp_path), get)


@pytest.mark.shows("PK21")
def test_a_file_is_as_old_as_what_it_shows(server: Server, tmp_path: Path) -> None:
    connection, made = connect(server, tmp_path), content()
    made.modified_ms = 1_700_000_000_000
    connection.put("a.jpg", made, "", lambda _: None)
    connection.close()
    assert (tmp_path / "a.jpg").stat().st_mtime == 1_700_000_000


def test_a_folder_whose_disk_is_unplugged_is_not_made_again(server: Server, tmp_path: Path) -> None:
    root = tmp_path / "usb" / "tawny"
    root.mkdir(parents=True)
    with closing(connect(server, root)) as connection:
        connection.put("porch/1.jpg", content(), "", lambda _: None)
        root.rename(tmp_path / "unplugged")
        with pytest.raises(TargetMissing, match="mounted"):
            connection.put("porch/2.jpg", content(), "", lambda _: None)
    assert not root.exists()


@pytest.mark.shows("PK21")
def test_an_unknown_server_is_told_nothing_and_its_key_is_named(server: Server, tmp_path: Path) -> None:
    with pytest.raises(StrangeTarget) as strange:
        connect(server, tmp_path, host_key="")
    assert server.host_key in str(strange.value)
    assert "set `host_key` to it" in strange.value.do
    assert not any(word in str(strange.value) for word in ("used to be", "intercepting"))


def test_another_server_than_before_is_refused(server: Server, tmp_path: Path) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").get_fingerprint()
    with pytest.raises(StrangeTarget):
        connect(server, tmp_path, host_key=other)


def test_who_is_not_let_in_is_told(server: Server, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger"
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(stranger)
    with pytest.raises(TargetRefused):
        connect(server, tmp_path, key=str(stranger))


@pytest.fixture
def locked(server: Server, tmp_path: Path) -> Path:
    """The server's key with the passphrase `right`, as ssh-keygen writes it."""
    path = tmp_path / "locked"
    asyncssh.read_private_key(server.key).write_private_key(path, passphrase="right")
    return path


def test_a_key_with_a_passphrase_is_used(server: Server, tmp_path: Path, locked: Path) -> None:
    connection = connect(server, tmp_path, key=str(locked), passphrase="right")
    assert [one.name for one in connection.files()] == ["locked"]
    connection.close()


@pytest.mark.parametrize("passphrase", ["", "wrong"])
def test_a_key_that_the_passphrase_does_not_open_is_told(
    server: Server, tmp_path: Path, locked: Path, passphrase: str
) -> None:
    with warnings.catch_warnings(record=True) as unclosed:
        warnings.simplefilter("always")
        with pytest.raises(TargetRefused, match=r"key can't be read: .*[Pp]assphrase"):
            connect(server, tmp_path, key=str(locked), passphrase=passphrase)
        gc.collect()
    assert unclosed == []


def test_a_file_that_is_no_key_is_told(server: Server, tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("not a key")
    with pytest.raises(TargetRefused, match="key can't be read"):
        connect(server, tmp_path, key=str(tmp_path / "notes"))


def test_a_folder_that_is_not_there_is_told(server: Server, tmp_path: Path) -> None:
    with pytest.raises(TargetMissing):
        connect(server, tmp_path / "nowhere")


def test_a_folder_that_is_not_there_is_created_on_request(server: Server, tmp_path: Path) -> None:
    """PK21."""
    connection = connect(server, tmp_path / "cam" / "front", create_folder=True)
    connection.put("2026/11/21/a.mp4", in_memory(b"a", "video/mp4", 1000), "", lambda _: None)
    assert (tmp_path / "cam" / "front" / "2026" / "11" / "21" / "a.mp4").read_bytes() == b"a"
    connection.close()


def test_nobody_there_is_told(server: Server, tmp_path: Path) -> None:
    with pytest.raises(TargetUnreachable):
        connect(Server(9, server.host_key, server.key), tmp_path)


def test_a_server_that_says_nothing_is_given_up(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tawny.delivery.destinations.sftp.TIMEOUT_S", 0.5)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(TargetUnreachable):
            connect(Server(silent.getsockname()[1], server.host_key, server.key), tmp_path)


@pytest.fixture
def mode(tmp_path: Path) -> Path:
    """What the faulty server is told to do."""
    return tmp_path / "mode"


@pytest.fixture
def faulty(tmp_path: Path, mode: Path) -> Iterator[Server]:
    (tmp_path / "root").mkdir()
    with faulty_ssh_server(tmp_path, mode) as made:
        yield made


def test_a_server_that_keeps_its_own_times_gets_the_file(faulty: Server, mode: Path, tmp_path: Path) -> None:
    mode.write_text("timeless")
    connection, made = connect(faulty, tmp_path / "root"), content()
    made.modified_ms = 1_700_000_000_000
    connection.put("a.jpg", made, "", lambda _: None)
    connection.close()
    assert (tmp_path / "root" / "a.jpg").read_bytes() == b"a picture"


@pytest.mark.parametrize(
    "ask",
    [lambda connection: connection.find("a.jpg"), lambda connection: list(connection.files())],
    ids=["find", "files"],
)
def test_a_disk_that_hangs_there_is_given_up(
    faulty: Server, mode: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ask: Callable[..., object]
) -> None:
    connection = connect(faulty, tmp_path / "root")
    monkeypatch.setattr("tawny.delivery.destinations.sftp.ANSWER_S", 0.5)
    mode.write_text("hangs")
    with pytest.raises(TargetUnreachable, match="took too long"):
        ask(connection)
    connection.close()


def test_a_server_may_take_its_time_for_a_whole_file(
    faulty: Server, mode: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It scans the file, or moves it to its storage. After a shorter limit, each try would end there again."""
    connection = connect(faulty, tmp_path / "root")
    monkeypatch.setattr("tawny.delivery.destinations.sftp.ANSWER_S", 1.0)
    mode.write_text("scans")
    connection.put("a.jpg", content(), "", lambda _: None)
    connection.close()
    assert (tmp_path / "root" / "a.jpg").read_bytes() == b"a picture"


@pytest.mark.parametrize("said", ["whole", "whole later", "whole failure"])
def test_a_server_that_refuses_to_continue_a_file_gets_the_whole_file(
    faulty: Server, mode: Path, tmp_path: Path, said: str
) -> None:
    (tmp_path / "root" / "a.jpg.part").write_bytes(b"a pic")
    connection = connect(faulty, tmp_path / "root")
    mode.write_text(said)
    connection.put("a.jpg", content(), content().sha256, lambda _: None)
    connection.close()
    assert (tmp_path / "root" / "a.jpg").read_bytes() == b"a picture"


def test_what_a_lost_connection_brings_late_does_no_harm(server: Server, tmp_path: Path) -> None:
    part = tmp_path / "a.jpg.part"
    part.write_bytes(b"a pic")

    class LateContent(CutContent):
        def read(self, offset: int, size_bytes: int) -> bytes:
            with part.open("ab") as lost:
                lost.write(b"tu")
            return super().read(offset, size_bytes)

    made, connection = LateContent(b"a picture", at=0), connect(server, tmp_path)
    connection.put("a.jpg", made, made.sha256, lambda _: None)
    connection.close()
    assert (tmp_path / "a.jpg").read_bytes() == b"a picture"


@pytest.mark.parametrize(("said", "error"), [("full", TargetFull), ("quota", DeliveryError)])
def test_what_a_full_disk_has_of_a_file_stays(
    faulty: Server, mode: Path, tmp_path: Path, said: str, error: type[DeliveryError]
) -> None:
    """Sent whole again, it would be full again."""
    part = tmp_path / "root" / "a.jpg.part"
    part.write_bytes(b"a pic")
    connection = connect(faulty, tmp_path / "root")
    mode.write_text(said)
    with pytest.raises(error):
        connection.put("a.jpg", content(), content().sha256, lambda _: None)
    connection.close()
    assert part.read_bytes() == b"a pic"


@pytest.mark.parametrize(
    ("said", "name", "says"),
    [
        ("read-only", "a.jpg", "its disk is read-only"),
        ("read-only", "porch/a.jpg", "its disk is read-only"),
        ("no folders", "porch/a.jpg", "Permission denied"),
    ],
)
def test_a_folder_that_cannot_be_written_is_told(
    faulty: Server, mode: Path, tmp_path: Path, said: str, name: str, says: str
) -> None:
    """A disk with errors is mounted read-only, of which OpenSSH says no more than that a file isn't there."""
    with closing(connect(faulty, tmp_path / "root")) as connection:
        mode.write_text(said)
        with pytest.raises(TargetRefused, match=says):
            connection.put(name, content(), "", lambda _: None)


def test_an_error_is_not_its_own_cause(faulty: Server, mode: Path, tmp_path: Path) -> None:
    """Where a folder goes while a file is sent: following the causes would not end."""
    with closing(connect(faulty, tmp_path / "root")) as connection:
        mode.write_text("gone")
        with pytest.raises(DeliveryError, match="No such file") as refused:
            connection.put("a.jpg", content(), "", lambda _: None)
    cause = refused.value.__cause__
    assert isinstance(cause, asyncssh.SFTPNoSuchFile)
    assert cause.__cause__ is not cause


def test_a_folder_that_exists_needs_no_right_to_create_it(faulty: Server, mode: Path, tmp_path: Path) -> None:
    (tmp_path / "root" / "porch").mkdir()
    mode.write_text("no folders")
    with closing(connect(faulty, tmp_path / "root")) as connection:
        connection.put("porch/a.jpg", content(), "", lambda _: None)
    assert (tmp_path / "root" / "porch" / "a.jpg").exists()


@pytest.fixture(scope="module")
def hosts() -> dict[str, asyncssh.SSHKey]:
    kinds = ("ssh-rsa", "ecdsa-sha2-nistp256", "ssh-ed25519")
    return {kind: asyncssh.generate_private_key(kind) for kind in kinds}


@pytest.fixture
def with_three(tmp_path: Path, mode: Path, hosts: dict[str, asyncssh.SSHKey]) -> Iterator[Server]:
    """A server with the usual host keys of OpenSSH."""
    with faulty_ssh_server(tmp_path, mode, list(hosts.values())) as made:
        yield made


@pytest.mark.parametrize("kind", ["ssh-rsa", "ecdsa-sha2-nistp256", "ssh-ed25519"])
def test_each_host_key_of_a_server_is_right(
    with_three: Server, tmp_path: Path, hosts: dict[str, asyncssh.SSHKey], kind: str
) -> None:
    connect(with_three, tmp_path, host_key=hosts[kind].get_fingerprint()).close()


def test_later_connections_begin_with_the_right_host_key(
    with_three: Server, tmp_path: Path, hosts: dict[str, asyncssh.SSHKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, begun, dial = Sftp(), list[str](), asyncssh.connect

    def dialling(*to: Any, **how: Any) -> Any:
        begun.append(how["username"])
        return dial(*to, **how)

    monkeypatch.setattr(asyncssh, "connect", dialling)
    for tries in (2, 3):
        connect(with_three, tmp_path, kind, host_key=hosts["ssh-rsa"].get_fingerprint()).close()
        assert len(begun) == tries


def test_a_new_server_is_named_by_the_host_key_that_others_show(
    with_three: Server, tmp_path: Path, hosts: dict[str, asyncssh.SSHKey]
) -> None:
    with pytest.raises(StrangeTarget) as strange:
        connect(with_three, tmp_path, host_key="")
    assert hosts["ssh-ed25519"].get_fingerprint() in str(strange.value)


def test_a_server_with_three_other_host_keys_is_refused(with_three: Server, tmp_path: Path) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").get_fingerprint()
    with pytest.raises(StrangeTarget):
        connect(with_three, tmp_path, host_key=other)


def test_a_lost_connection_is_no_sign_of_an_attack(
    with_three: Server, tmp_path: Path, hosts: dict[str, asyncssh.SSHKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a host key that is remembered from before, each first connection after a start shows another one."""
    dial, numbers = asyncssh.connect, count(1)

    def dialling(*to: Any, **how: Any) -> Any:
        if next(numbers) == 2:
            raise asyncssh.ConnectionLost("Connection lost")
        return dial(*to, **how)

    monkeypatch.setattr(asyncssh, "connect", dialling)
    connect(with_three, tmp_path, host_key=hosts["ssh-rsa"].get_fingerprint()).close()


def test_a_connection_that_is_lost_after_the_right_host_key_is_no_sign_of_an_attack(
    with_three: Server, tmp_path: Path, hosts: dict[str, asyncssh.SSHKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    dial = asyncssh.connect

    async def dialling(*to: Any, **how: Any) -> Any:
        made = await dial(*to, **how)
        made.abort()
        raise asyncssh.ConnectionLost("Connection lost")

    monkeypatch.setattr(asyncssh, "connect", dialling)
    with pytest.raises(TargetUnreachable):
        connect(with_three, tmp_path, host_key=hosts["ssh-rsa"].get_fingerprint())


def test_a_server_that_has_lost_the_remembered_host_key_is_strange(
    with_three: Server, tmp_path: Path, hosts: dict[str, asyncssh.SSHKey]
) -> None:
    """Also where the last connection found that it is to be asked for that one only."""
    kind, wanted, home = Sftp(), hosts["ssh-rsa"].get_fingerprint(), tmp_path / "another"
    connect(with_three, tmp_path, kind, host_key=wanted).close()
    home.mkdir()
    with faulty_ssh_server(home, home / "mode") as another, pytest.raises(StrangeTarget):
        connect(another, tmp_path, kind, host_key=wanted)


def test_a_server_that_shows_a_host_key_that_was_not_offered_is_strange(
    with_three: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interceptor would else be dialled for ever."""
    dial, numbers = asyncssh.connect, count(1)

    def dialling(*to: Any, **how: Any) -> Any:
        if next(numbers) == 10:
            raise asyncssh.KeyExchangeFailed("it was dialled too often")
        return dial(*to, **how | {"server_host_key_algs": "ssh-ed25519"})

    monkeypatch.setattr(asyncssh, "connect", dialling)
    other = asyncssh.generate_private_key("ssh-ed25519").get_fingerprint()
    with pytest.raises(StrangeTarget):
        connect(with_three, tmp_path, host_key=other)
    assert next(numbers) == 3


def test_what_was_cut_off_goes_by_the_name_that_it_would_have(server: Server, tmp_path: Path) -> None:
    connection = connect(server, tmp_path)
    with pytest.raises(Cut):
        connection.put("2026/a.mp4", CutContent(bytes(3_000_000), 2_000_000), "", lambda _: None)
    listed = [one.name for one in connection.files()]
    connection.remove("2026/a.mp4")
    connection.close()
    assert (listed, list(tmp_path.iterdir())) == (["2026/a.mp4"], [])


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"host_key": "abc"}, "use SHA256:… or ssh-ed25519"),
        ({"key": "/nowhere/key"}, "isn't a file"),
        ({"password": "x"}, "unknown key"),
    ],
)
def test_settings_that_cannot_be_are_told(table: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Sftp().settings("sftp://cam@nas/x", table)


def test_a_public_key_is_as_good_as_its_fingerprint() -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    result = Sftp().settings("sftp://cam@nas/x", {"host_key": key.export_public_key().decode()})
    assert result["host_key"] == key.get_fingerprint()

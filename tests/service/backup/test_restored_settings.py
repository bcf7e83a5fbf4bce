"""The settings that a restore writes: only where they can be written, and links stay links."""

import errno
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from tawny.config.file_writing import SettingsFolderUnwritable
from tawny.config.settings import WebSettings
from tawny.model.errors import NotDone
from tawny.sealed import age_file
from tawny.service.backup.backup_file import backup_parts
from tawny.service.backup.restore import PENDING, UnpackedBackup, finish_restore

PASSPHRASE = "river-candle-otter-amber"
SETTINGS = '[web]\nname = "Home"\n'


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(age_file, "WORK_FACTOR", 1)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def config(data: Path, tmp_path: Path) -> Path:
    """Settings that changed since the backup."""
    (data / "history").mkdir(parents=True)
    made = tmp_path / "etc/tawny.toml"
    made.parent.mkdir()
    made.write_text(SETTINGS)
    (made.with_name("secrets.toml")).write_text('A = "1"\n')
    (made.with_name("secrets.toml")).chmod(0o600)
    return made


@pytest.fixture
def unpacked(data: Path, config: Path) -> UnpackedBackup:
    content = b"".join(backup_parts(data, config, PASSPHRASE, 5, "garage"))
    config.write_text("# changed\n")
    config.with_name("secrets.toml").write_text("# changed\n")
    return UnpackedBackup.unpack([content], PASSPHRASE, data)


def refused(unpacked: UnpackedBackup, config: Path, data: Path) -> str:
    """Return why, as the plan says it too."""
    with pytest.raises(NotDone) as error:
        unpacked.commit(config)
    unpacked.discard()
    assert not (data / PENDING).exists()
    return str(error.value)


def test_settings_that_may_not_be_written_are_said_before(
    unpacked: UnpackedBackup, config: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode, **_: access(path, mode) and (path != config.parent or mode == os.F_OK)
    )
    notes = unpacked.plan(config).notes
    result = refused(unpacked, config, data)
    assert f"Can't write to the folder {config.parent} (Permission denied)." in result
    assert result in notes


def test_linked_certificates_are_said_before(unpacked: UnpackedBackup, config: Path, data: Path) -> None:
    config.with_name("certificates").symlink_to(data)
    assert f"{config.parent}/certificates is a link" in refused(unpacked, config, data)


def test_a_settings_file_that_is_mounted_by_itself_is_said_before(
    unpacked: UnpackedBackup, config: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tawny.service.backup.obstacles.mount_points", set)  # as without /proc
    monkeypatch.setattr(os.path, "ismount", lambda path: path == config)
    assert f"{config} is mounted by itself" in refused(unpacked, config, data)


def test_a_subvolume_is_no_mount(
    unpacked: UnpackedBackup, config: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of Btrfs has a device of its own, and can be renamed."""
    monkeypatch.setattr(os.path, "ismount", lambda path: path == data / "history")
    assert not [note for note in unpacked.plan(config).notes if "mounted" in note]
    unpacked.commit(config)
    assert finish_restore(data)


def test_secrets_that_would_be_readable_for_others_are_refused_over_the_network(
    unpacked: UnpackedBackup, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on exFAT, where tawny would start with no settings that have secrets."""
    made = tempfile.TemporaryFile

    def without_modes(dir: Path) -> IO[bytes]:  # noqa: A002
        file = made(dir=dir)
        os.fchmod(file.fileno(), 0o755)
        return file

    monkeypatch.setattr("tawny.service.backup.obstacles.tempfile.TemporaryFile", without_modes)
    why = f"secrets.toml would be readable for others in {config.parent}: its disk keeps no permissions."
    assert why in " ".join(unpacked.plan(config).notes)
    with pytest.raises(NotDone, match="its disk keeps no permissions"):
        unpacked.check_start(config)
    unpacked.discard()


def mounted(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    """As a bind mount from the same file system: it has the device of its folder."""
    monkeypatch.setattr("tawny.service.backup.obstacles.mount_points", lambda: {Path("/"), place})


@pytest.mark.parametrize("name", ["tawny.toml", "secrets.toml", "certificates", "certificates/own"])
def test_a_mount_from_the_same_disk_is_said_before(
    unpacked: UnpackedBackup, config: Path, data: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    mounted(monkeypatch, config.parent / name)
    notes = unpacked.plan(config).notes
    result = refused(unpacked, config, data)
    assert result in notes
    assert f"{config.parent / name} is mounted by itself" in result


def test_a_mount_in_the_data_folder_is_said_before(
    unpacked: UnpackedBackup, config: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounted(monkeypatch, data / "models")
    assert f"{data}/models is mounted by itself" in refused(unpacked, config, data)


@pytest.mark.long
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_a_real_mount_from_the_same_disk_is_seen(config: Path) -> None:
    script = (
        f"mount --bind {config.with_name('secrets.toml')} {config} && {sys.executable} -c "
        f"'from pathlib import Path; from tawny.service.backup.obstacles import mount_obstacle; "
        f'print(mount_obstacle([Path("{config}")]))\''
    )
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    if "denied" in done.stderr or "not permitted" in done.stderr:
        pytest.skip("this container can't mount")
    assert f"{config} is mounted by itself" in done.stdout, done.stderr


def test_a_backup_without_settings_needs_no_place_for_them(
    config: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (data / "setup.json").write_text("{}")
    content = b"".join(backup_parts(data, None, PASSPHRASE, 5, "garage"))
    mounted(monkeypatch, config)
    unpacked = UnpackedBackup.unpack([content], PASSPHRASE, data)
    assert not [note for note in unpacked.plan(config).notes if "mounted" in note]
    unpacked.commit(config)
    assert finish_restore(data)


def test_the_start_names_the_folder_of_the_settings(unpacked: UnpackedBackup, config: Path, data: Path) -> None:
    unpacked.commit(config)
    config.parent.rename(config.parent.with_name("away"))
    config.parent.write_text("no folder")
    with pytest.raises(SettingsFolderUnwritable) as error:
        finish_restore(data)
    assert error.value.where == str(config.parent)


def linked(path: Path) -> Path:
    """Move the file into a repository, and leave a link."""
    target = path.parent / "repository" / path.name
    target.parent.mkdir(exist_ok=True)
    path.rename(target)
    path.symlink_to(target)
    return target


def test_links_to_the_settings_stay(unpacked: UnpackedBackup, config: Path, data: Path) -> None:
    links = config, config.with_name("secrets.toml")
    settings, secrets = map(linked, links)
    unpacked.commit(config)
    assert finish_restore(data)
    assert all(one.is_symlink() for one in links)
    assert settings.read_text().startswith(SETTINGS)
    assert (secrets.read_text(), secrets.stat().st_mode & 0o777) == ('A = "1"\n', 0o600)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_link_of_another_user_makes_root_overwrite_nothing(
    unpacked: UnpackedBackup, config: Path, data: Path
) -> None:
    secrets = config.with_name("secrets.toml")
    target = linked(secrets)
    os.chown(secrets, 71, 71, follow_symlinks=False)
    unpacked.commit(config)
    assert finish_restore(data)
    assert (secrets.is_symlink(), target.read_text()) == (False, "# changed\n")


NO_FILE = "no settings file"


def saved_with(config: Path, data: Path, there: str) -> bytes:
    """Return a backup with this web.listen."""
    config.write_text(f'[web]\nlisten = "{there}"\n')
    return b"".join(backup_parts(data, config, PASSPHRASE, 5, "garage"))


def restored_listen(here: str, there: str, config: Path, data: Path) -> tuple[str, str, str]:
    """Return the notes, the address that the plan names, and the settings after the restore."""
    content = saved_with(config, data, there)
    config.write_text(f'[web]\nlisten = "{here}"\n' if here else "")
    if here == NO_FILE:
        config.unlink()
    unpacked = UnpackedBackup.unpack([content], PASSPHRASE, data)
    plan = unpacked.plan(config)
    unpacked.commit(config)
    assert finish_restore(data)
    return " ".join(plan.notes), plan.listens, config.read_text()


@pytest.mark.parametrize(("here", "stays"), [("127.0.0.1:8123", "127.0.0.1:8123"), ("", "127.0.0.1:8000")])
def test_an_address_of_another_computer_is_not_taken_over(config: Path, data: Path, here: str, stays: str) -> None:
    notes, listens, text = restored_listen(here, "192.0.2.20:8000", config, data)
    assert "This computer can't listen on 192.0.2.20:8000" in notes
    assert f"It stays {stays}." in notes
    assert (f'listen = "{stays}"' in text, listens) == (True, "")


def test_another_address_is_said(config: Path, data: Path) -> None:
    there = "127.0.0.1:0"  # any free port
    notes, listens, text = restored_listen("127.0.0.1:1", there, config, data)
    assert f"web.listen was 127.0.0.1:1. It becomes {there}." in notes
    assert "tawny's pages are there then, unless it is started with `--listen`." in notes
    assert (f'listen = "{there}"' in text, listens) == (True, there)


def test_the_port_that_tawny_itself_uses_is_no_obstacle(config: Path, data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as in_use:
        port = in_use.getsockname()[1]
        _, listens, _ = restored_listen(f"0.0.0.0:{port}", f"127.0.0.1:{port}", config, data)
    assert listens == f"127.0.0.1:{port}"


@contextmanager
def another_program(host: str = "127.0.0.1") -> Iterator[int]:
    """A process of its own that listens; return the port."""
    with socket.create_server((host, 0)) as made:
        port = made.getsockname()[1]
        child = subprocess.Popen(["sleep", "60"], pass_fds=[made.fileno()])
    try:
        yield port
    finally:
        child.kill()
        child.wait()


def test_the_port_of_another_program_is_not_taken_over(config: Path, data: Path) -> None:
    with another_program() as port:
        notes, _, _ = restored_listen("127.0.0.1:1", f"127.0.0.1:{port}", config, data)
    assert f"can't listen on 127.0.0.1:{port}" in notes


def test_nor_is_one_that_the_settings_here_have_too(config: Path, data: Path) -> None:
    """Its address there may be another one, or tawny isn't running."""
    with another_program("127.0.0.2") as port:
        notes, _, _ = restored_listen(f"127.0.0.1:{port}", f"0.0.0.0:{port}", config, data)
    assert f"can't listen on 0.0.0.0:{port}" in notes


def test_the_port_of_tawny_itself_by_listen_or_rtsp_is_no_obstacle(config: Path, data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as in_use:
        place = f"127.0.0.1:{in_use.getsockname()[1]}"
        notes, listens, _ = restored_listen("127.0.0.1:1", place, config, data)
    assert "can't listen" not in notes
    assert listens == place


def test_an_address_that_is_in_use_already_is_no_other_one(unpacked: UnpackedBackup, config: Path) -> None:
    """As by `--listen`, which the next start has too: the pages stay where they are."""
    config.write_text('[web]\nlisten = "127.0.0.1:1"\n')
    assert unpacked.plan(config, "127.0.0.1:1").listens == "127.0.0.1:8000"
    assert unpacked.plan(config, "127.0.0.1:8000").listens == ""
    assert unpacked.plan(config, "127.0.0.1:2").listens == ""
    unpacked.discard()


def test_a_new_computer_keeps_an_address_that_is_not_here_yet(config: Path, data: Path) -> None:
    """All addresses instead would reach further than that of a VPN."""
    place = f"192.0.2.20:{free_port()}"
    notes, _, text = restored_listen(NO_FILE, place, config, data)
    assert f"This computer can't listen on {place}" in notes
    assert f"Connect that network before tawny starts, or change it in {config}." in notes
    assert f'listen = "{place}"' in text


def test_an_address_from_the_environment_is_tried_as_it_is_here(
    config: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLACE", "192.0.2.20:8000")
    notes, listens, text = restored_listen("127.0.0.1:8123", "${PLACE}", config, data)
    assert "This computer can't listen on 192.0.2.20:8000" in notes
    assert ('listen = "127.0.0.1:8123"' in text, listens) == (True, "")


def test_an_address_that_stays_stays_as_it_is_stated(config: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACE", "127.0.0.1:8123")
    notes, _, text = restored_listen("${PLACE}", "192.0.2.20:8000", config, data)
    assert "It stays 127.0.0.1:8123." in notes
    assert 'listen = "${PLACE}"' in text


def test_an_address_stays_also_if_the_secrets_here_cannot_be_read(config: Path, data: Path) -> None:
    """tawny doesn't start then, which is when people restore."""
    unpacked = UnpackedBackup.unpack([saved_with(config, data, "192.0.2.20:8000")], PASSPHRASE, data)
    config.write_text('[web]\nlisten = "127.0.0.1:8123"\n')
    config.with_name("secrets.toml").write_text("torn = ")
    assert "It stays 127.0.0.1:8123." in " ".join(unpacked.plan(config).notes)
    unpacked.commit(config)
    assert finish_restore(data)
    assert 'listen = "127.0.0.1:8123"' in config.read_text()


def test_a_reference_that_is_no_address_shows_no_secret(
    config: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLACE", "pl4nted-s3cret")
    assert restored_listen("127.0.0.1:8123", "${PLACE}", config, data)[1] == "${PLACE}"


def test_the_default_address_is_tried_too_on_a_new_computer(
    config: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with another_program() as port:
        place = f"127.0.0.1:{port}"
        monkeypatch.setattr("tawny.service.backup.fitted_settings.WebSettings", lambda: WebSettings(listen=place))
        notes, _, text = restored_listen(NO_FILE, "", config, data)
    assert f"This computer can't listen on {place}" in notes
    assert 'listen = "127.0.0.1:80' in text


def test_what_the_plan_says_is_written(config: Path, data: Path) -> None:
    """Also where the port has got free since."""
    with another_program() as port:
        config.write_text(f'[web]\nlisten = "127.0.0.1:{port}"\n')
        content = b"".join(backup_parts(data, config, PASSPHRASE, 5, "garage"))
        config.unlink()
        unpacked = UnpackedBackup.unpack([content], PASSPHRASE, data)
        result = next(note for note in unpacked.plan(config).notes if "It becomes 127." in note)
    unpacked.commit(config)
    assert finish_restore(data)
    assert f'listen = "{result.rpartition("It becomes ")[2].rstrip(".")}"' in config.read_text()


def test_a_new_computer_takes_the_next_port_of_the_same_host(config: Path, data: Path) -> None:
    with another_program() as port:
        notes, _, text = restored_listen(NO_FILE, f"127.0.0.1:{port}", config, data)
    assert "It becomes 127.0.0.1:80" in notes
    assert 'listen = "127.0.0.1:80' in text


def test_all_addresses_without_ipv6_are_kept_as_the_server_does(
    config: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = socket.socket

    def without(family: int = -1, *given: int, **more: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        return made(family, *given, **more)

    place = f"[::]:{free_port()}"
    monkeypatch.setattr("tawny.engine.acceptor.socket.socket", without)
    notes, _, text = restored_listen(NO_FILE, place, config, data)
    assert "can't listen" not in notes
    assert f'listen = "{place}"' in text


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as made:
        return int(made.getsockname()[1])

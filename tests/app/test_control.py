"""The door for commands: in the data folder, or, when nothing may be written, a name that only the kernel keeps."""

import asyncio
import errno
import os
import socket
import threading
from collections.abc import AsyncGenerator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import TypeAdapter

from tawny.app import control_client, control_socket
from tawny.app.control_client import NAME, abstract_address, ask, is_in_memory, is_running
from tawny.app.control_socket import MOST_AT_ONCE, ControlSocket
from tawny.engine import Bus
from tawny.model.errors import (
    FolderInUse,
    FolderUnwritable,
    NotDone,
    SettingsError,
    SourceUnreachable,
    StorageError,
    TawnyError,
)
from tawny.model.messages import Message


def _control(folder: Path, *, on_disk: bool) -> ControlSocket:
    def told(message: Message) -> dict[str, Any]:
        return {"type": type(message).__name__}

    return ControlSocket(folder, Bus(), {"status": lambda _: {"ok": True}}, told, on_disk=on_disk)


async def _asked(folder: Path) -> list[dict[str, Any]]:
    return await asyncio.to_thread(lambda: list(ask(folder, {"command": "status"})))


async def test_in_memory_mode_it_answers_and_nothing_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "is" / "not" / "there"
    control = _control(folder, on_disk=False)
    assert not is_in_memory(folder)
    await control.open()
    try:
        assert is_in_memory(folder)
        assert await _asked(folder) == [{"ok": True}]
        assert list(tmp_path.iterdir()) == []
    finally:
        await control.close()
    with pytest.raises(NotDone):
        await _asked(folder)


async def test_another_folder_is_another_recorder(tmp_path: Path) -> None:
    control = _control(tmp_path / "one", on_disk=False)
    await control.open()
    try:
        with pytest.raises(NotDone):
            await _asked(tmp_path / "two")
    finally:
        await control.close()


async def test_a_second_recorder_of_one_name_in_memory_mode_is_refused(tmp_path: Path) -> None:
    first, second = _control(tmp_path, on_disk=False), _control(tmp_path, on_disk=False)
    await first.open()
    try:
        with pytest.raises(FolderInUse, match="Another tawny is already recording"):
            await second.open()
    finally:
        await second.close()
        await first.close()


async def test_on_a_disk_it_is_for_its_owner_only(tmp_path: Path) -> None:
    control = _control(tmp_path, on_disk=True)
    await control.open()
    try:
        assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600
        assert not is_in_memory(tmp_path)
        assert await _asked(tmp_path) == [{"ok": True}]
    finally:
        await control.close()
    assert not (tmp_path / NAME).exists()


def _without_sockets(monkeypatch: pytest.MonkeyPatch, error: int) -> None:
    """Let no file system hold sockets."""
    start = asyncio.start_unix_server

    async def refuse(serve: Any, path: str, **more: Any) -> asyncio.Server:
        if not path.startswith("\0"):
            Path(path).touch()
            raise OSError(error, os.strerror(error))
        return await start(serve, path, **more)

    monkeypatch.setattr(asyncio, "start_unix_server", refuse)


@pytest.mark.parametrize("error", [errno.EPERM, errno.EOPNOTSUPP, errno.EIO, errno.ENXIO])
async def test_on_a_disk_that_holds_no_sockets_it_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    """exFAT by FUSE says EIO, and leaves a plain file."""
    _without_sockets(monkeypatch, error)
    control = _control(tmp_path, on_disk=True)
    await control.open()
    try:
        assert not (tmp_path / NAME).exists()
        assert await _asked(tmp_path) == [{"ok": True}]
        assert not is_in_memory(tmp_path)
    finally:
        await control.close()
    assert not is_running(tmp_path)


async def test_a_folder_that_may_not_be_written_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _without_sockets(monkeypatch, errno.EACCES)
    control = _control(tmp_path, on_disk=True)
    with pytest.raises(FolderUnwritable):
        await control.open()
    await control.close()


async def test_a_disk_that_fails_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Path, **_: object) -> None:
        if path.exists():
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    _without_sockets(monkeypatch, errno.EIO)
    monkeypatch.setattr(Path, "unlink", fail)
    control = _control(tmp_path, on_disk=True)
    with pytest.raises(StorageError, match=r"control: Input/output error\."):
        await control.open()
    await control.close()


async def test_it_answers_when_its_disk_is_gone(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    control = _control(folder, on_disk=True)
    await control.open()
    try:
        folder.rename(tmp_path / "gone")
        assert await _asked(folder) == [{"ok": True}]
    finally:
        await control.close()


async def test_two_recorders_with_folders_of_one_name_may_share_a_network(tmp_path: Path) -> None:
    """As in two containers: each is asked by its folder."""
    first, second = _control(tmp_path, on_disk=True), _control(tmp_path, on_disk=True)
    await first.open()
    try:
        await second.open()
        assert await _asked(tmp_path) == [{"ok": True}]
    finally:
        await second.close()
        await first.close()


async def test_a_recorder_that_ends_leaves_what_the_next_one_of_its_folder_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It lost the folder while its disk was away."""
    monkeypatch.setattr(control_socket, "NAME_EVERY_S", 0.01)
    first, second = _control(tmp_path, on_disk=True), _control(tmp_path, on_disk=True)
    await first.open()
    await second.open()
    try:
        await first.close()
        assert (tmp_path / NAME).is_socket()
        (tmp_path / NAME).rename(tmp_path / "away")
        async with asyncio.timeout(10):
            while not await asyncio.to_thread(is_running, tmp_path):
                await asyncio.sleep(0.01)
        assert await _asked(tmp_path) == [{"ok": True}]
    finally:
        await second.close()


async def test_the_name_of_another_recorder_is_not_wanted_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of one in another container, which would not get it back after a restart."""
    monkeypatch.setattr(control_socket, "NAME_EVERY_S", 0.01)
    monkeypatch.setattr(control_socket, "NAME_FOR_S", 0.02, raising=False)
    control = _control(tmp_path, on_disk=True)
    with _listening(abstract_address(tmp_path, os.geteuid(), has_folder=True)):
        await control.open()
        await asyncio.sleep(0.2)
    try:
        (tmp_path / NAME).rename(tmp_path / "away")
        await asyncio.sleep(0.2)
        assert not await asyncio.to_thread(is_running, tmp_path)
    finally:
        await control.close()


@contextmanager
def _listening(address: str) -> Iterator[None]:
    with socket.socket(socket.AF_UNIX) as recorder:
        recorder.bind(address)
        recorder.listen()
        yield


def test_a_recorder_is_found_by_another_spelling_of_its_folder(tmp_path: Path) -> None:
    """On disks that hold no sockets."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    with _listening(abstract_address(tmp_path / "disk", os.geteuid(), has_folder=True)):
        assert [is_running(tmp_path / name) for name in ("link", "disk/../disk", "elsewhere")] == [True, True, False]


@pytest.mark.parametrize(("process", "user", "is_own"), [(7, 0, True), (7, 1, False), (0, 0, False)])
def test_an_abstract_socket_of_another_user_or_container_is_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, process: int, user: int, *, is_own: bool
) -> None:
    monkeypatch.setattr(control_client, "peer", lambda _: (process, os.geteuid() + user))
    with _listening(abstract_address(tmp_path, os.geteuid(), has_folder=True)):
        assert is_running(tmp_path) is is_own


async def test_a_disk_is_not_opened_to_other_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_socket, "peer", lambda _: (7, os.geteuid() + 1))
    control = _control(tmp_path, on_disk=True)
    await control.open()
    try:
        (tmp_path / NAME).unlink()
        assert await _asked(tmp_path) == []
    finally:
        await control.close()


def test_root_also_asks_the_recorder_of_the_folders_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(Path, "stat", lambda _: SimpleNamespace(st_uid=4711))
    monkeypatch.setattr(control_client, "peer", lambda _: (7, 4711))
    assert not is_running(tmp_path)
    with _listening(abstract_address(tmp_path, 4711, has_folder=True)):
        assert is_running(tmp_path)


async def test_one_that_says_nothing_does_no_harm(tmp_path: Path) -> None:
    control = _control(tmp_path, on_disk=False)
    await control.open()
    try:
        assert await asyncio.to_thread(is_in_memory, tmp_path)
        with socket.socket(socket.AF_UNIX) as silent:
            await asyncio.to_thread(silent.connect, abstract_address(tmp_path, os.geteuid()))
            assert await _asked(tmp_path) == [{"ok": True}]
    finally:
        await control.close()


async def test_a_slow_command_delays_neither_the_status_nor_others(tmp_path: Path) -> None:
    goes_on = threading.Event()

    def slow(_: dict[str, Any]) -> dict[str, Any]:
        assert goes_on.wait(30)
        return {"ok": True}

    answers: dict[str, Any] = {"status": lambda _: {"ok": True}, "targets": lambda _: {"items": []}, "test": slow}
    control = ControlSocket(tmp_path, Bus(), answers, lambda _: None)

    clients = ThreadPoolExecutor(MOST_AT_ONCE + 30)  # each waits in a thread of its own

    async def asked(command: str) -> list[dict[str, Any]]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(clients, lambda: list(ask(tmp_path, {"command": command})))

    await control.open()
    try:
        tests = [asyncio.create_task(asked("test")) for _ in range(MOST_AT_ONCE - 1)]
        await asyncio.sleep(0.1)
        assert await asyncio.wait_for(asked("targets"), 10) == [{"items": []}]
        tests += [asyncio.create_task(asked("test")) for _ in range(20)]
        await asyncio.sleep(0.1)
        assert await asyncio.wait_for(asked("status"), 10) == [{"ok": True}]
        goes_on.set()
        assert await asyncio.gather(*tests) == [[{"ok": True}]] * len(tests)
    finally:
        goes_on.set()
        await control.close()
        clients.shutdown()


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (NotDone("The camera is new.", "Wait a minute."), "Wait a minute."),
        (SettingsError("tawny.toml", ()), "Fix the settings above"),
        (SourceUnreachable("10.0.0.9", "timed out"), "Check that it is switched on"),
    ],
)
async def test_what_a_handler_refuses_is_answered_in_its_words(tmp_path: Path, error: TawnyError, hint: str) -> None:
    def refuse(_: dict[str, Any]) -> dict[str, Any]:
        raise error

    async def refuse_later(_: Mapping[str, Any]) -> AsyncGenerator[Mapping[str, Any], None]:
        yield {"at": 1}
        raise error

    control = ControlSocket(tmp_path, Bus(), {"move-camera": refuse}, lambda _: None, {"scan": refuse_later})
    await control.open()
    try:
        (answer,) = await asyncio.to_thread(lambda: list(ask(tmp_path, {"command": "move-camera"})))
        assert (answer["error"]["code"], answer["error"]["message"]) == (error.code, error.message)
        assert hint in answer["error"]["hint"]
        assert await asyncio.to_thread(lambda: list(ask(tmp_path, {"command": "scan"}))) == [{"at": 1}, answer]
    finally:
        await control.close()


async def test_a_value_of_a_request_that_is_invalid_is_said(tmp_path: Path) -> None:
    whole = TypeAdapter(dict[str, int])
    control = ControlSocket(tmp_path, Bus(), {"why": whole.validate_python}, lambda _: None)
    await control.open()
    try:
        (answer,) = await asyncio.to_thread(lambda: list(ask(tmp_path, {"command": "why"})))
        assert answer["error"]["code"] == "bad_input"
        assert "a whole number" in answer["error"]["message"]
    finally:
        await control.close()

"""Backups by owners: saved, uploaded, compared, restored; never by others, never unconfirmed, never half."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.requests import ClientDisconnect

from tawny.api.auth.accounts import Caller, Role, TokenPurpose
from tawny.service.backup.backup_service import BackupService
from tawny.service.backup.restore import PENDING, UPLOAD, finish_restore
from tests.api.fakes import House

PASSPHRASE = {"passphrase": "river-candle-otter-amber"}


@pytest.fixture
def kept(house: House, tmp_path: Path) -> House:
    data = tmp_path / "kept"
    (data / "history/signed").mkdir(parents=True)
    (data / "setup.json").write_text('{"made": 1}')
    (data / "tawny.toml").write_text('[web]\nname = "Home"\n')
    house.site.backup = BackupService(data, data / "tawny.toml", "garage", house.clock)
    return house


def data_of(house: House) -> Path:
    return house.site.backup.places()[0]


async def pieces(content: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(content), 100_000):
        yield content[at : at + 100_000]


async def saved_and_uploaded(browser: httpx.AsyncClient) -> bytes:
    saved = await browser.post("/api/v1/backup", json=PASSPHRASE)
    assert saved.status_code == 200, saved.text
    assert saved.headers["content-disposition"].endswith('.tawny-backup"')
    sent = await browser.put("/api/v1/restore/file", content=pieces(saved.content))
    assert sent.status_code == 200, sent.text
    return saved.content


async def test_save_compare_restore(kept: House) -> None:
    browser, data, restarts = kept.signed_in(), data_of(kept), []
    kept.site.can_restart = True
    kept.site.restart = lambda: restarts.append(1)
    await saved_and_uploaded(browser)
    (data / "tawny.toml").write_text('[web]\nname = "Changed"\n')
    (data / "setup.json").write_text("{}")
    answer = (await browser.post("/api/v1/restore/check", json=PASSPHRASE)).json()
    assert answer["host"] == "garage"
    assert {"path": "web.name", "before": "'Changed'", "after": "'Home'"} in answer["changes"]
    assert not (data / PENDING).exists(), "looking changes nothing"
    done = await browser.post("/api/v1/restore", json=PASSPHRASE)
    assert done.json()["restarts"] is True, done.text
    assert restarts == [1]
    assert Path(done.json()["saved"]).stat().st_mode & 0o777 == 0o600
    assert (data / "setup.json").read_text() == "{}", "nothing changes while it runs"
    assert finish_restore(data)
    assert (data / "setup.json").read_text() == '{"made": 1}'
    assert 'name = "Home"' in (data / "tawny.toml").read_text()
    assert not (data / UPLOAD).exists()


async def test_a_restore_restores_what_its_check_showed(kept: House) -> None:
    browser, data = kept.signed_in(), data_of(kept)
    first = await saved_and_uploaded(browser)
    shown = (await browser.post("/api/v1/restore/check", json=PASSPHRASE)).json()["upload"]
    (data / "tawny.toml").write_text('[web]\nname = "Other"\n')
    await saved_and_uploaded(browser)
    refused = await browser.post("/api/v1/restore", json={**PASSPHRASE, "upload": shown})
    assert (refused.status_code, refused.json()["code"]) == (409, "upload_changed"), refused.text
    assert not (data / PENDING).exists()
    sent = await browser.put("/api/v1/restore/file", content=first)
    assert sent.json()["upload"] == shown
    assert (await browser.post("/api/v1/restore", json={**PASSPHRASE, "upload": shown})).status_code == 200


async def test_a_restore_says_the_address_that_the_pages_get(kept: House) -> None:
    browser, data = kept.signed_in(), data_of(kept)
    (data / "tawny.toml").write_text('[web]\nlisten = "127.0.0.1:0"\n')
    await saved_and_uploaded(browser)
    (data / "tawny.toml").write_text('[web]\nlisten = "127.0.0.1:1"\n')
    done = await browser.post("/api/v1/restore", json=PASSPHRASE)
    assert done.json()["listens"] == "127.0.0.1:0", done.text


async def test_what_is_refused(kept: House) -> None:
    browser, data = kept.signed_in(), data_of(kept)
    weak = await browser.post("/api/v1/backup", json={"passphrase": "short"})
    assert (weak.status_code, weak.json()["code"]) == (400, "weak_password")
    for route in ("/api/v1/restore/check", "/api/v1/restore"):
        assert "No backup has been uploaded" in (await browser.post(route, json=PASSPHRASE)).text
    content = await saved_and_uploaded(browser)
    for route in ("/api/v1/restore/check", "/api/v1/restore"):
        wrong = await browser.post(route, json={"passphrase": "something else"})
        assert wrong.status_code == 400
        assert "Wrong passphrase" in wrong.text
    await browser.put("/api/v1/restore/file", content=content[:-30])
    for route in ("/api/v1/restore/check", "/api/v1/restore"):
        cut = await browser.post(route, json=PASSPHRASE)
        assert cut.status_code == 400
        assert "Can't use this backup" in cut.text
    assert not (data / PENDING).exists()
    assert not list(data.glob("before-restore*"))


async def test_the_audit_log_tells_a_restore_once_it_is_certain(kept: House) -> None:
    browser, actions = kept.signed_in(), list[str]()
    kept.site.can_restart = True
    kept.site.restart = lambda: actions.extend(one.action for one in kept.accounts.audit())
    await saved_and_uploaded(browser)
    await browser.post("/api/v1/restore", json={"passphrase": "something else"})
    assert "backup restored" not in [one.action for one in kept.accounts.audit()]
    await browser.post("/api/v1/restore", json=PASSPHRASE)
    assert actions.count("backup restored") == 1, "before the restart"


async def test_too_large(kept: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tawny.service.backup.backup_service.MOST_BYTES", 1000)
    sent = await kept.signed_in().put("/api/v1/restore/file", content=bytes(2000))
    assert sent.status_code == 400
    assert not (data_of(kept) / UPLOAD).exists()


@pytest.mark.parametrize("ends", ["whole", "cut"])
async def test_an_upload_that_hung_leaves_the_one_after_it(kept: House, ends: str) -> None:
    browser = kept.signed_in()
    content = (await browser.post("/api/v1/backup", json=PASSPHRASE)).content
    hangs, goes_on = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield content[: len(content) // 2]
        hangs.set()
        await goes_on.wait()
        if ends == "cut":
            raise ClientDisconnect
        yield content[len(content) // 2 :]

    first = asyncio.create_task(browser.put("/api/v1/restore/file", content=slowly()))
    await hangs.wait()
    await saved_and_uploaded(browser)
    goes_on.set()
    assert (await first).status_code == 400
    assert (await browser.post("/api/v1/restore/check", json=PASSPHRASE)).status_code == 200


CALLS = (
    ("POST", "/api/v1/backup"), ("PUT", "/api/v1/restore/file"), ("POST", "/api/v1/restore/check"),
    ("POST", "/api/v1/restore"),
)  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
async def test_only_the_owner_who_confirmed(kept: House, call: tuple[str, str]) -> None:
    assert (await kept.signed_in(Role.MEMBER).request(*call, json=PASSPHRASE)).status_code == 403
    assert (await kept.browser().request(*call, json=PASSPHRASE)).status_code == 401
    person = kept.accounts.put_person("Olga", Role.OWNER)
    browser = kept.browser(kept.accounts.begin_session(person, Caller("127.0.0.1")))
    kept.clock.advance(3600)
    answer = await browser.request(*call, json=PASSPHRASE)
    assert (answer.status_code, answer.json()["code"]) == (403, "confirm_first")


async def test_without_settings_file(house: House) -> None:
    assert (await house.signed_in().post("/api/v1/backup", json=PASSPHRASE)).status_code == 404


async def test_a_restore_brings_no_programs_that_do_not_run_here(kept: House) -> None:
    """Who took over an owner's browser could run any command as the user of the recorder."""
    browser, data = kept.signed_in(), data_of(kept)
    before = (data / "tawny.toml").read_text()
    (data / "tawny.toml").write_text('[cameras.gate]\nsource = "exec:"\n[cameras.gate.exec]\ncommand = ["id"]\n')
    await saved_and_uploaded(browser)
    same = await browser.post("/api/v1/restore/check", json=PASSPHRASE)
    assert same.status_code == 200, "what runs here already may be restored"
    (data / "tawny.toml").write_text(before)
    for route in ("/api/v1/restore/check", "/api/v1/restore"):
        refused = await browser.post(route, json=PASSPHRASE)
        assert refused.status_code == 400
        assert "cameras.gate.exec.command" in refused.json()["message"]
        assert "tawny restore" in refused.json()["hint"]
    assert not (data / PENDING).exists()
    assert not list(data.glob("before-restore*"))


# At setup: a recorder without an owner, by who has the setup link.


@pytest.fixture
def fresh(kept: House) -> House:
    kept.site.owner.has_owner = False
    return kept


def backup_of_another(house: House, folder: Path) -> bytes:
    (folder / "history/signed").mkdir(parents=True)
    (folder / "setup.json").write_text('{"made": 1}')
    (folder / "tawny.toml").write_text('[web]\nname = "Cottage"\n')
    other = BackupService(folder, folder / "tawny.toml", "cottage", house.clock)
    return b"".join(other.parts(PASSPHRASE["passphrase"]))


async def test_a_fresh_recorder_is_restored_with_the_setup_link(fresh: House, tmp_path: Path) -> None:
    browser, data, restarts = fresh.browser(), data_of(fresh), []
    fresh.site.can_restart = True
    fresh.site.restart = lambda: restarts.append(1)
    before = {path.name: path.read_bytes() for path in data.glob("*.*")}
    token = fresh.accounts.new_token(TokenPurpose.CLAIM)
    content = backup_of_another(fresh, tmp_path / "cottage")
    headers = {"X-Setup-Token": token}
    sent = await browser.post("/api/v1/setup/restore/file", content=pieces(content), headers=headers)
    assert sent.status_code == 200, sent.text
    wrong = await browser.post("/api/v1/setup/restore", json={"token": token, "passphrase": "not the one of the file"})
    assert (wrong.status_code, wrong.json()["message"]) == (400, "Wrong passphrase for this backup.")
    now = {path.name: path.read_bytes() for path in data.glob("*.*") if path.name != UPLOAD}
    assert (now, restarts) == (before, []), "nothing is written, and it can be tried again"
    assert fresh.accounts.is_good(token, TokenPurpose.CLAIM)
    done = await browser.post("/api/v1/setup/restore", json={"token": token, **PASSPHRASE})
    assert (done.status_code, done.json()["restarts"], restarts) == (200, True, [1])
    assert finish_restore(data)
    assert 'name = "Cottage"' in (data / "tawny.toml").read_text()
    assert not (data / UPLOAD).exists()


@pytest.mark.parametrize("content", [b"", b"not a backup", b"age-encryption.org/v1\n"])
async def test_what_is_no_backup_changes_nothing_at_setup(fresh: House, content: bytes) -> None:
    browser, data = fresh.browser(), data_of(fresh)
    token = fresh.accounts.new_token(TokenPurpose.CLAIM)
    await browser.post("/api/v1/setup/restore/file", content=content, headers={"X-Setup-Token": token})
    answer = await browser.post("/api/v1/setup/restore", json={"token": token, **PASSPHRASE})
    assert (answer.status_code, (data / PENDING).exists()) == (400, False), answer.text


async def test_a_backup_that_never_came_is_said(fresh: House) -> None:
    token = fresh.accounts.new_token(TokenPurpose.CLAIM)
    answer = await fresh.browser().post("/api/v1/setup/restore", json={"token": token, **PASSPHRASE})
    assert (answer.status_code, answer.json()["message"]) == (400, "No backup has been uploaded.")


async def test_a_backup_that_would_lack_something_is_refused(kept: House, tmp_path: Path) -> None:
    history = data_of(kept) / "history"
    history.rename(tmp_path / "elsewhere")
    history.symlink_to(tmp_path / "elsewhere")
    refused = await kept.signed_in().post("/api/v1/backup", json=PASSPHRASE)
    assert refused.status_code == 400
    assert "is a link" in refused.json()["message"]

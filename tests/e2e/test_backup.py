"""A recorder is backed up while it runs and restored elsewhere: the same accounts, fingerprint, keys and events."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pyotp
import pytest
from playwright.sync_api import Browser, expect

from tawny.service.backup.backup_file import fingerprint_in, is_kept
from tawny.testing.waiting import until
from tests.e2e.conftest import OURS, OWNER, Tawny, owner_of, with_settings
from tests.e2e.rules import axe_script, unfit, violations
from tests.e2e.test_first_hour import first_start
from tests.sealed.made import OWNER as KEY
from tests.sealed.made import RECOVERY
from tests.support.ports import free_port
from tests.support.processes import ended

PASSPHRASE = "river-candle-otter-amber"
WAIT_MS = 60_000
SETTINGS = f"""
# mine
[web]
name = "Cottage"

[encryption]
recipients = ["{KEY.recipient}"]
recovery = "{RECOVERY.recipient}"

[cameras.front]
source = "demo:front"

[cameras.gate]
source = "rtsp://viewer:${{CAMERA}}@127.0.0.2:9/secretpath"
encrypt = true
"""
PLANTED = (b"k4merapassw0rd", b"secretpath", b"Cottage", b"Anna", b"front", b"AGE-SECRET", b"rtsp://")


def settings_in(folder: Path) -> Iterator[Tawny]:
    folder.mkdir()
    secrets = folder / "secrets.toml"
    secrets.write_text('CAMERA = "k4merapassw0rd"\n')
    secrets.chmod(0o600)
    yield from with_settings(folder, SETTINGS)


house_in = contextmanager(settings_in)


def tawny(*words: str, code: int = 0) -> str:
    command = [str(Path(sys.executable).with_name("tawny")), *words]
    done = subprocess.run(command, input=f"{PASSPHRASE}\n", capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@contextmanager
def running(config: Path, data: Path) -> Iterator[str]:
    """One that has an owner, so it prints no link; yields its address."""
    log = config.with_suffix(".log")
    command = [str(Path(sys.executable).with_name("tawny")), "run", "--config", str(config), "--data", str(data)]
    with log.open("wb") as out:
        process = subprocess.Popen([*command, "--listen", "127.0.0.1:0"], stdout=out, stderr=out)
    try:
        until(lambda: "Web interface: " in log.read_text() or process.poll() is not None, 60, "the address")
        found = re.search(r"Web interface: (http://[^\s/]+)", log.read_text())
        assert found, log.read_text()
        yield found[1]
    finally:
        assert ended(process) == 0, log.read_text()
    assert "Traceback" not in log.read_text(), log.read_text()


def client(base: str) -> httpx.Client:
    return httpx.Client(base_url=f"{base}/api/v1", headers={**OURS, "Origin": base}, timeout=20)


def events(data: Path) -> list[str]:
    lines = tawny("events", "--json", "--from", "yesterday", "--data", str(data)).splitlines()
    return re.findall(r'"id": ?"([^"]+)"', "\n".join(lines))


LEFT_OUT = re.compile(
    r"(front|gate)/.*"  # footage
    r"|tawny\.db|appearance\.db|grids/.*|scores/.*|clips/.*|inbox/.*"  # made again from footage, or footage itself
    r"|history/(folders\.json|reserve)|lock|control|https-served|.*\.db-(wal|shm)"  # of this computer and run
)


def unknown_files(data: Path) -> list[str]:
    """Names that a backup neither holds nor leaves out on purpose."""
    names = [path.relative_to(data).as_posix() for path in data.rglob("*") if not path.is_dir()]
    return [name for name in names if not is_kept(f"data/{name}") and not LEFT_OUT.fullmatch(name)]


def test_moves_to_another_computer(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    file = tmp_path / "one.tawny-backup"
    with house_in(old) as house, client(house.base) as page:
        token = house.link.partition("#token=")[2]
        assert page.post("/setup/claim", json={"token": token, **OWNER}).is_success
        secret = page.post("/me/two-step", json={}).json()["secret"]
        codes = page.post("/me/two-step/confirm", json={"code": pyotp.TOTP(secret).now()}).json()["codes"]
        until(lambda: bool(events(house.folder)), 90, "an event")
        seen = events(house.folder)
        here = ("--config", str(old / "tawny.toml"), "--data", str(house.folder), "--passphrase-stdin")
        tawny("backup", str(file), *here)
        refused = tawny("restore", str(file), *here, "--replace", code=33)
        assert "in use" in refused or "process" in refused
    content = file.read_bytes()
    assert not [one for one in (*PLANTED, secret.encode()) if one in content]
    assert unknown_files(old / "data") == [], "is it kept, or can it be left out? (service/backup/backup_file.py)"

    there = ("--config", str(new / "tawny.toml"), "--data", str(new / "data"))
    result = tawny("restore", str(file), *there, "--passphrase-stdin")
    assert fingerprint_in(old / "data")[:16] in result
    shutil.copytree(old / "data/front", new / "data/front")
    with running(new / "tawny.toml", new / "data") as base, client(base) as page:
        answer = page.post("/sign-in", json={"name": OWNER["name"], "password": OWNER["password"]})
        assert not page.get("/cameras").is_success, "the second step is still asked for"
        asked = {**answer.json()["second_step"], "code": codes[0]}
        signed = page.post("/sign-in/second-step", json=asked)
        assert signed.is_success, signed.text
        assert page.get("/cameras").is_success
    assert fingerprint_in(new / "data") == fingerprint_in(old / "data")
    assert set(seen) <= set(events(new / "data"))
    text = (new / "tawny.toml").read_text()
    assert "# mine" in text and KEY.recipient in text and "encrypt = true" in text
    assert (new / "secrets.toml").read_text() == (old / "secrets.toml").read_text()
    tawny("check", *there)


@pytest.mark.browser
def test_y4_n27_owner_saves_and_restores_in_the_browser(browser: Browser, tmp_path: Path) -> None:
    with house_in(tmp_path / "house") as house:
        context = owner_of(browser, house, 390)
        page = context.new_page()
        page.goto(f"{house.base}/settings/system")
        page.get_by_label("Passphrase of the backup").fill("short")
        page.get_by_role("button", name="Save backup").click()
        expect(page.get_by_text("This passphrase is too easy to guess.")).to_be_visible()
        page.get_by_label("Passphrase of the backup").fill(PASSPHRASE)
        with page.expect_download(timeout=WAIT_MS) as begun:
            page.get_by_role("button", name="Save backup").click()
        assert begun.value.suggested_filename.endswith(".tawny-backup")
        file = tmp_path / begun.value.suggested_filename
        begun.value.save_as(file)
        config = tmp_path / "house/tawny.toml"
        config.write_text(config.read_text().replace("Cottage", "Castle"))
        page.get_by_label("Backup file").set_input_files(file)
        page.get_by_label("Passphrase of the backup").fill("another passphrase")
        page.get_by_role("button", name="Show what would change").click()
        expect(page.get_by_text("Wrong passphrase for this backup.")).to_be_visible(timeout=WAIT_MS)
        page.get_by_label("Passphrase of the backup").fill(PASSPHRASE)
        page.get_by_role("button", name="Show what would change").click()
        expect(page.get_by_text("web.name")).to_be_visible(timeout=WAIT_MS)
        assert unfit(page, axe_script()) == []
        assert "Castle" in config.read_text(), "looking changes nothing"
        page.get_by_role("button", name="Restore and restart").click()
        expect(page.get_by_text("The backup is restored when tawny has started again.")).to_be_visible(timeout=WAIT_MS)
        until(lambda: "Cottage" in config.read_text(), 60, "the settings of the backup")
        until(lambda: not (house.folder / ".restore").exists(), 60, "the end of the restore")
        assert list(house.folder.glob("before-restore-*.tawny-backup"))
        log = house.folder.with_suffix(".log")
        until(
            lambda: "Web interface: " in log.read_text(),
            20,
            "the next start",
        )
        context.close()


def test_a_dry_run_says_what_differs(tmp_path: Path) -> None:
    with house_in(tmp_path / "house") as house:
        config = tmp_path / "house/tawny.toml"
        file = tmp_path / "one.tawny-backup"
        place = ("--config", str(config), "--data", str(house.folder), "--passphrase-stdin")
        tawny("backup", str(file), *place)
    config.write_text(config.read_text().replace("Cottage", "Castle"))
    data = json.loads(tawny("restore", str(file), *place, "--dry-run", "--json"))
    assert [one["path"] for one in data["changes"]] == ["web.name"]
    assert "Castle" in config.read_text()


@pytest.mark.browser
@pytest.mark.parametrize("width", [pytest.param(1280, marks=pytest.mark.long), 390])
def test_a_fresh_computer_begins_with_the_backup(browser: Browser, tmp_path: Path, width: int) -> None:
    old, file = tmp_path / "old", tmp_path / "one.tawny-backup"
    with house_in(old) as house:
        owner_of(browser, house, width).close()
        here = ("--config", str(old / "tawny.toml"), "--data", str(house.folder), "--passphrase-stdin")
        tawny("backup", str(file), *here)
    shots = Path(os.environ.get("SHOTS", tmp_path))
    with first_start(tmp_path / "home", f"127.0.0.1:{free_port()}") as recorder:
        context = browser.new_context(viewport={"width": width, "height": 844}, locale="en-US")
        page = context.new_page()
        page.goto(recorder.link)
        expect(page.get_by_role("button", name="Create account")).to_be_visible(timeout=WAIT_MS)
        page.screenshot(path=str(shots / f"setup-account-{width}.png"))
        page.get_by_role("button", name="Restore a backup").click()
        page.get_by_label("Backup file").set_input_files(file)
        page.get_by_label("Passphrase of the backup").fill("another passphrase")
        page.get_by_role("button", name="Restore and restart").click()
        expect(page.get_by_role("alert")).to_contain_text("Wrong passphrase for this backup.", timeout=WAIT_MS)
        page.screenshot(path=str(shots / f"setup-restore-{width}.png"))
        assert violations(page, axe_script()) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert "Cottage" not in recorder.settings.read_text()
        page.get_by_label("Passphrase of the backup").fill(PASSPHRASE)
        page.get_by_role("button", name="Restore and restart").click()
        page.wait_for_url("**/sign-in", timeout=WAIT_MS)
        page.get_by_label("Name").fill(OWNER["name"])
        page.get_by_label("Password", exact=True).fill(OWNER["password"])
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.wait_for_selector('[data-camera="front"]', timeout=WAIT_MS)
        assert "# mine" in recorder.settings.read_text()
        data = next(recorder.home.rglob("history")).parent
        assert fingerprint_in(data) == fingerprint_in(old / "data")
        context.close()

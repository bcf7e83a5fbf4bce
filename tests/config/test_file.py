"""`tawny.toml`: what is read, and that everything wrong with it is told at once, with line and path."""

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from tawny.config.changes import parse_modes, put_table, template
from tawny.config.drafts import SettingsDraft
from tawny.config.file_writing import write_new
from tawny.config.loader import parse_settings, read_settings, stored_secrets
from tawny.config.mode_presets import FAMILY, PRESETS, with_preset
from tawny.config.settings import Settings
from tawny.model.errors import FolderUnwritable, NotDone, SettingsError

GOOD = """
[storage]
path = "/srv/video"
retention = { min = "3 days", max = "30 days", max_size = "200 GB" }

[cameras.front-door]
source = "rtsp://admin:${PW}@192.168.1.20/main"   # the porch
post = "20 s"
[cameras.front-door.detection.motion]
sensitivity = 60
[cameras.front-door.rtsp]
transport = "udp"
"""


def good() -> Settings:
    settings, problems = parse_settings(GOOD, {"PW": "s3cret"})
    assert settings is not None, problems
    return settings


def problems_of(text: str, **secrets: str) -> list[str]:
    settings, problems = parse_settings(text, secrets)
    assert settings is None
    return [str(problem) for problem in problems]


def test_units_become_numbers() -> None:
    keep = good().storage.retention
    assert (keep.min, keep.max_size, keep.min_free) == (259_200, 200 * 10**9, 0.1)


def test_secrets_are_filled_in() -> None:
    assert good().cameras["front-door"].source == "rtsp://admin:s3cret@192.168.1.20/main"


@pytest.mark.parametrize(
    ("secret", "login"),
    [
        ("Zk3/9fQm", "Zk3%2F9fQm"),
        ("77/9f:x@y", "77%2F9f:x%40y"),
        ("a#b?[c]", "a%23b%3F%5Bc%5D"),
        ("50%/z", "50%25%2Fz"),
        ("a%2Fb", "a%2Fb"),
        ("a%2Fb?", "a%2Fb%3F"),
        ("a@b c%", "a@b c%"),
    ],
)
def test_a_secret_before_the_host_stays_there(secret: str, login: str) -> None:
    """What is percent-encoded already, as earlier versions wanted it, goes on working."""
    text = GOOD + '[mqtt]\nurl = "mqtt://tawny:${PW}@broker/tawny"\n'
    settings, problems = parse_settings(text, {"PW": secret})
    assert settings, problems
    assert settings.mqtt.url == f"mqtt://tawny:{login}@broker/tawny"
    assert settings.cameras["front-door"].source == f"rtsp://admin:{login}@192.168.1.20/main"


@pytest.mark.parametrize("url", ["discord://${PW}", "https://host/${PW}/@me", "${PW}"])
def test_a_secret_elsewhere_in_an_address_is_filled_in_as_it_is(url: str) -> None:
    settings, problems = parse_settings(f'{GOOD}[notifiers.n]\nurl = "{url}"\n', {"PW": "1/x#y"})
    assert settings, problems
    assert settings.notifiers["n"].url == url.replace("${PW}", "1/x#y")


def test_a_date_may_be_the_last_of_all() -> None:
    settings, problems = parse_settings(f'{GOOD}[modes.exceptions]\n"9999-12-31" = "home"\n', {"PW": "x"})
    assert settings, problems


def test_a_password_with_a_slash_does_not_become_a_broker_and_its_topic() -> None:
    (problem,) = problems_of(f'{GOOD}[mqtt]\nurl = "mqtt://tawny:77/9fQm@broker/tawny"\n', PW="x")
    assert "%2F" in problem
    assert "9fQm" not in problem


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("[fleet.nats]\npassword = 1234567", "fleet.nats.password"),
        ("[[live.turn]]\nurl = 'turn:x'\nsecret = 1234567", "live.turn.0.secret"),
        ("[[live.turn]]\nurl = 'turn:x'\npassword = 1234567", "live.turn.0.password"),
        ("[sign_in.oidc]\nclient_secret = 1234567", "sign_in.oidc.client_secret"),
        ("[web.secure]\ndns_secrets = { KEY = 1234567 }", "web.secure.dns_secrets.KEY"),
        ("[mqtt]\nurl = 1234567", "mqtt.url"),
    ],
)
def test_a_secret_of_the_wrong_type_is_not_shown(text: str, path: str) -> None:
    made, problems = parse_settings(text, {})
    assert made is None
    assert path in [one.path for one in problems]
    assert "1234567" not in str(SettingsError("tawny.toml", tuple(problems)))


def test_tables_of_parts_are_passed_on() -> None:
    camera = good().cameras["front-door"]
    assert camera.table("rtsp") == {"transport": "udp"}
    assert camera.detection.options == {"sensitivity": 60}


def test_the_template_is_valid() -> None:
    """Beside modes that differ, it changes no setting."""
    made, _ = parse_settings(template(), {})
    assert made is not None
    family = parse_modes(with_preset({}, PRESETS[FAMILY]), [])[0]
    assert made == Settings(modes=family)


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        ('[storage]\nretention = { min = "3 dayz" }', "storage.retention.min", 2),
        ("[storage]\nfoo = 1", "storage.foo", 2),
        ('\n[web]\nlisten = "8000"', "web.listen", 3),
        ('[cameras.a]\nsource = "x"\npost = "-3 s"', "cameras.a.post", 3),
        ('[cameras.a]\nsource = "x"\npre = "2 h"', "cameras.a.pre", 3),
        ('[cameras.a]\nsource = "x"\nsorce = "y"', "cameras.a.sorce", 3),
        ('[cameras.a]\nname = "x"', "cameras.a.source", 1),
        ('[cameras.A_b]\nsource = "x"', "cameras.A_b", 1),
        ('[cameras.history]\nsource = "x"', "cameras.history", 1),
        ('[cameras.a]\nsource = "x"\nrecord = "sometimes"', "cameras.a.record", 3),
        ('[cameras.a]\nsource = ""', "cameras.a.source", 2),
        ("camera = 3", "camera", 1),
        ("[web]\nlisten = 8000", "web.listen", 2),
    ],
)
def test_a_mistake_is_told_with_its_path_and_line(text: str, path: str, line: int) -> None:
    result = problems_of(text)
    assert any(each.startswith(f"line {line}: {path}: found ") for each in result), result


@pytest.mark.parametrize(
    ("points", "allowed"),
    [
        ("[[0, 0], [1, 1]]", "at least three points"),
        ("[[0, 0], [1, 0], [1, 2]]", "points in the image, with x and y from 0 to 1"),
        ("[[0, 0], [1, 1], [1, 0], [0, 1]]", "edges that meet only at their ends"),
    ],
)
def test_a_zone_that_is_none_is_told_with_what_is_allowed(points: str, allowed: str) -> None:
    result = problems_of(f'[cameras.a]\nsource = "x"\n[cameras.a.detection.zones]\nyard = {points}')
    assert result == [f"line 4: cameras.a.detection.zones.yard.points: found a list; allowed: {allowed}"]


def test_values_that_conflict_are_told_in_a_sentence() -> None:
    result = problems_of('[storage]\nretention = { min = "30 days", max = "3 days" }')
    assert result == ["line 2: storage.retention: Keep at least must not be longer than keep at most"]
    result = problems_of('[modes.schedule]\nnight = ["sunset-sunrise"]')
    assert result == [
        "line 1: modes: The schedule uses sunrise or sunset, so `location = [latitude, longitude]` is required"
    ]


def test_all_mistakes_are_told_at_once() -> None:
    assert len(problems_of('[storage]\nfoo = 1\nbar = 2\n[web]\nlisten = "x"\n[cameras.a]\nsource = "${NOT_SET}"')) == 4


def test_broken_toml_is_told_with_its_line() -> None:
    assert problems_of("[storage\npath = 1")[0].startswith("line 1: file: found ")


def test_an_address_is_never_shown() -> None:
    text = "".join(problems_of("[cameras.a]\nsource = 5\nsub = { a = 's3cret' }"))
    assert "s3cret" not in text


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="tawny init") as caught:
        read_settings(tmp_path / "tawny.toml")
    assert caught.value.exit_code == 2


def test_secrets_come_from_a_file_only_its_owner_can_read(tmp_path: Path) -> None:
    (tmp_path / "tawny.toml").write_text(GOOD)
    secrets = tmp_path / "secrets.toml"
    secrets.write_text('PW = "from file"')
    secrets.chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        read_settings(tmp_path / "tawny.toml", env={})
    secrets.chmod(0o600)
    assert "from file" in read_settings(tmp_path / "tawny.toml", env={}).cameras["front-door"].source


@pytest.mark.parametrize(
    ("content", "why"),
    [("PW = 'größe'".encode("latin-1"), "not UTF-8"), (b"PW =", "Invalid value")],
    ids=["latin", "cut"],
)
def test_secrets_that_cannot_be_read_are_a_mistake_of_the_settings(tmp_path: Path, content: bytes, why: str) -> None:
    """A running recorder keeps its previous settings then, and says why."""
    (tmp_path / "tawny.toml").write_text(GOOD)
    (tmp_path / "secrets.toml").write_bytes(content)
    (tmp_path / "secrets.toml").chmod(0o600)
    with pytest.raises(SettingsError, match=why):
        read_settings(tmp_path / "tawny.toml", {})


def test_secrets_of_another_user_are_a_mistake_of_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tawny.toml").write_text(GOOD)
    (tmp_path / "secrets.toml").touch(0o600)
    read = Path.read_text

    def refused(path: Path, *words: Any, **more: Any) -> str:
        if path.name == "secrets.toml":
            raise PermissionError(errno.EACCES, "Permission denied")
        return read(path, *words, **more)

    monkeypatch.setattr(Path, "read_text", refused)
    with pytest.raises(SettingsError, match=r"secrets.toml.*Permission denied.*the user running tawny"):
        read_settings(tmp_path / "tawny.toml", {})


def test_a_byte_order_mark_is_no_part_of_a_setting(tmp_path: Path) -> None:
    path = tmp_path / "tawny.toml"
    path.write_text('[web]\nname = "Barn"\n', encoding="utf-8-sig")
    assert read_settings(path, {}).web.name == "Barn"
    put_table(path, "web", {"name": "Shed"})
    assert read_settings(path, {}).web.name == "Shed"


def test_a_change_keeps_links_and_line_ends(tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.mkdir()
    for name, text in (("tawny.toml", '[web]\r\nname = "Barn"\r\n'), ("secrets.toml", 'PW = "1"\r\n')):
        (store / name).write_bytes(text.encode())
        (store / name).chmod(0o600)
        (tmp_path / name).symlink_to(store / name)
    path = tmp_path / "tawny.toml"
    put_table(path, "web", {"name": "Shed"})
    draft = SettingsDraft(path, "", {})
    draft.add_camera("front", {"source": "rtsp://u:${CAMERA_FRONT}@192.0.2.1/x"}, {"CAMERA_FRONT": "p"})
    draft.write()
    assert path.is_symlink()
    assert (tmp_path / "secrets.toml").is_symlink()
    assert (store / "tawny.toml").read_bytes().startswith(b'[web]\r\nname = "Shed"\r\n')
    assert (store / "secrets.toml").read_bytes().startswith(b'PW = "1"\r\nCAMERA_FRONT = "p"')


def test_what_changes_left_that_were_killed_is_removed(tmp_path: Path) -> None:
    """They may hold passwords."""
    file, killed = tmp_path / "tawny.toml", OSError(errno.EIO, "killed")
    file.write_text('[web]\nlisten = "127.0.0.1:8000"\n')
    with (
        patch.object(Path, "replace", side_effect=killed),
        patch.object(Path, "unlink"),
        pytest.raises(FolderUnwritable),
    ):
        put_table(file, "web", {"name": "Home"})
    assert len(list(tmp_path.iterdir())) == 2
    put_table(file, "web", {"name": "Home"})
    assert list(tmp_path.iterdir()) == [file]


def test_settings_that_cannot_be_written_name_their_folder(tmp_path: Path) -> None:
    """Another folder with `--data` would not help."""
    file, denied = tmp_path / "tawny.toml", OSError(errno.EROFS, "Read-only file system")
    file.touch()
    with patch.object(Path, "replace", side_effect=denied), pytest.raises(FolderUnwritable) as refused:
        put_table(file, "web", {"name": "Home"})
    assert f"write permission in {tmp_path}. A service may write in /etc/tawny" in refused.value.do
    assert "--data" not in refused.value.do


def test_settings_that_a_full_disk_refuses_say_so(tmp_path: Path) -> None:
    file, full = tmp_path / "tawny.toml", OSError(errno.ENOSPC, "No space left on device")
    file.touch()
    with patch("tawny.config.file_writing.os.fsync", side_effect=full), pytest.raises(FolderUnwritable) as refused:
        put_table(file, "web", {"name": "Home"})
    assert (refused.value.message, refused.value.do) == (f"The disk at {tmp_path} is full.", "Free up space there.")


def test_a_change_succeeds_where_files_have_no_modes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on some file systems of FUSE."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    file = tmp_path / "tawny.toml"
    file.touch()
    for name in ("chmod", "fchown"):
        monkeypatch.setattr(os, name, refuse)
    put_table(file, "web", {"name": "Home"})
    assert "Home" in file.read_text()


def test_a_change_succeeds_where_folders_cannot_be_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on SMB."""
    file = tmp_path / "tawny.toml"
    file.write_text('[web]\nlisten = "127.0.0.1:8000"\n')

    def refused(_: Path) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr("tawny.config.file_writing.sync_folder", refused)
    put_table(file, "web", {"name": "Home"})
    assert read_settings(file).web.name == "Home"


def test_a_change_succeeds_where_files_have_no_mode(tmp_path: Path) -> None:
    """As on FAT."""
    file = tmp_path / "tawny.toml"
    file.write_text('[web]\nlisten = "127.0.0.1:8000"\n')
    with patch("os.chmod", side_effect=PermissionError(errno.EPERM, "Operation not permitted")):
        put_table(file, "web", {"name": "Home"})
    assert read_settings(file).web.name == "Home"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_change_by_root_leaves_the_files_to_their_owner(tmp_path: Path) -> None:
    os.chown(tmp_path, 33, 33)
    path = tmp_path / "tawny.toml"
    write_new(path, template())
    put_table(path, "web", {"name": "Shed"})
    draft = SettingsDraft(path, "", {})
    draft.add_camera("front", {"source": "rtsp://u:${CAMERA_FRONT}@192.0.2.1/x"}, {"CAMERA_FRONT": "p"})
    draft.write()
    assert {one.name: (one.stat().st_uid, one.stat().st_gid) for one in tmp_path.iterdir()} == {
        "tawny.toml": (33, 33), "secrets.toml": (33, 33),
    }  # fmt: skip


def test_the_environment_wins_over_files(tmp_path: Path) -> None:
    (tmp_path / "tawny.toml").write_text(GOOD)
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "PW").write_text("from credentials\n")
    env = {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")}
    assert "from credentials" in read_settings(tmp_path / "tawny.toml", env=env).cameras["front-door"].source
    assert (
        "from env" in read_settings(tmp_path / "tawny.toml", env={**env, "PW": "from env"}).cameras["front-door"].source
    )


def test_systemd_names_the_files_of_a_folder_of_credentials_with_its_id(tmp_path: Path) -> None:
    (tmp_path / "tawny.toml").write_text('[cameras.a]\nsource = "rtsp://u:${PW}@192.0.2.1/${tawny_id}"\n')
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "tawny_PW").write_text("s3cret\n")
    (tmp_path / "credentials" / "tawny_id").write_text("named so by its user")
    env = {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")}
    source = read_settings(tmp_path / "tawny.toml", env=env).cameras["a"].source
    assert source == "rtsp://u:s3cret@192.0.2.1/named so by its user"


def test_credentials_beside_the_settings_are_read_without_systemd(tmp_path: Path) -> None:
    (tmp_path / "tawny.toml").write_text(GOOD)
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "old").mkdir()
    (tmp_path / "credentials" / "PW").write_text("from credentials\n")
    assert "from credentials" in read_settings(tmp_path / "tawny.toml", env={}).cameras["front-door"].source


def test_credentials_of_the_service_only_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They may be root's, or hidden from the service, which gets copies."""
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "PW").write_text("s3cret\n")
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    assert stored_secrets(tmp_path, {}) == {}


def test_stored_secrets_are_those_of_files_only(tmp_path: Path) -> None:
    """Of the environment, none is hidden in diagnostics: its values are in every text."""
    (tmp_path / "passed").mkdir()
    (tmp_path / "passed" / "tawny_PW").write_text("s3cret\n")
    env = {"CREDENTIALS_DIRECTORY": str(tmp_path / "passed"), "HOME": "/root"}
    assert stored_secrets(tmp_path, env) == {"PW": "s3cret", "tawny_PW": "s3cret"}


def add_camera(path: Path, camera: str, source: str) -> None:
    draft = SettingsDraft(path, "", {}, may_refer=True)
    draft.add_camera(camera, {"source": source}, {})
    draft.understood()
    draft.write()


def test_adding_a_camera_keeps_comments_and_spacing(tmp_path: Path) -> None:
    path = tmp_path / "tawny.toml"
    path.write_text('# mine\n[web]   # here\nlisten = "127.0.0.1:8000"\n\n[cameras.a]\nsource = "demo:"  # first\n')
    before = path.read_text()
    add_camera(path, "b", "rtsp://host/x")
    assert path.read_text().startswith(before)
    assert read_settings(path).cameras["b"].source == "rtsp://host/x"


def test_adding_what_is_not_valid_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "tawny.toml"
    write_new(path, template())
    before = path.read_text()
    with pytest.raises(SettingsError):
        add_camera(path, "Bad Name", "rtsp://host/x")
    assert path.read_text() == before


def test_a_new_file_is_for_its_owner_only_also_after_a_change(tmp_path: Path) -> None:
    path = tmp_path / "tawny.toml"
    before = os.umask(0)
    try:
        write_new(path, template())
        modes = [path.stat().st_mode & 0o777]
        add_camera(path, "a", "rtsp://admin:pw@host/x")
    finally:
        os.umask(before)
    assert [*modes, path.stat().st_mode & 0o777] == [0o600, 0o600]


def test_a_camera_is_added_once(tmp_path: Path) -> None:
    path = tmp_path / "tawny.toml"
    write_new(path, template())
    add_camera(path, "a", "demo:")
    with pytest.raises(NotDone, match="already"):
        add_camera(path, "a", "demo:")


def test_a_settings_file_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "tawny.toml").write_text("# mine")
    with pytest.raises(NotDone, match="already"):
        write_new(tmp_path / "tawny.toml", template())


@pytest.mark.parametrize("value", ["[1]", "[1, 2, 3]", '["a", "b"]', '"Berlin"', "[true, 1]", "{ lat = 1 }"])
def test_a_wrong_location_is_told_once(value: str) -> None:
    (problem,) = problems_of(f"[modes]\nlocation = {value}\n")
    assert problem.startswith("line 2: modes.location: found ")
    assert problem.endswith("; allowed: latitude and longitude, such as [52.52, 13.40]")


@pytest.mark.parametrize("value", ["[]", "[52, 13.4]"])
def test_a_location_has_two_numbers_or_none(value: str) -> None:
    assert parse_settings(f"[modes]\nlocation = {value}\n", {})[1] == []


@pytest.mark.parametrize("content", [None, b"[web\n", b"\xff\xfe"])
def test_a_file_that_was_damaged_meanwhile_is_said_and_left_alone(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "tawny.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"tawny\.toml"):
        put_table(path, "web", {"name": "Cabin"})
    assert (path.read_bytes() if path.exists() else None) == content


@pytest.mark.parametrize("is_new", [True, False])
def test_a_full_disk_leaves_no_part_of_a_file(tmp_path: Path, *, is_new: bool) -> None:
    """A size limit on files stands for the full disk."""
    path = tmp_path / "tawny.toml"
    if not is_new:
        path.write_text("# mine\n")
    script = (
        "import resource, signal, sys; from pathlib import Path; from tawny.config import file_writing as w\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "getattr(w, sys.argv[1])(Path(sys.argv[2]), 'a' * 9000)"
    )
    how = "write_new" if is_new else "replace_file"
    ended = subprocess.run([sys.executable, "-c", script, how, str(path)], capture_output=True, text=True, check=False)
    assert "FolderUnwritable" in ended.stderr, ended.stderr
    assert [one.read_text() for one in tmp_path.iterdir()] == ([] if is_new else ["# mine\n"])

"""Against an installed rclone, with a remote that is a folder, and stand-ins of rclone that fail."""

import shutil
import time
from pathlib import Path

import pytest

from tawny.delivery.destination import DestinationConnection, DestinationContext
from tawny.delivery.destinations import rclone
from tawny.delivery.destinations.rclone import RcloneDestination
from tawny.model.errors import DeliveryError, TargetFull, TargetMissing, TargetRefused, TargetUnreachable
from tawny.testing.clock import FakeClock
from tawny.testing.contracts.destination import DestinationCase, DestinationContract, content

SECRET = "pLantedS3cret"
needs_rclone = pytest.mark.skipif(shutil.which("rclone") is None, reason="rclone is not installed: apt install rclone")


def connect(config: Path | str, url: str = "rclone:nas/tawny") -> DestinationConnection:
    settings = RcloneDestination().settings(url, {"config": str(config)})
    return RcloneDestination().connect(DestinationContext("drive", url, settings, FakeClock()))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "disk").mkdir()
    made = tmp_path / "rclone.conf"
    made.write_text(f"[nas]\ntype = alias\nremote = {tmp_path / 'disk'}\n")
    return made


@needs_rclone
class TestRclone(DestinationContract):
    @pytest.fixture
    def target(self, config: Path) -> DestinationCase:
        def get(name: str) -> bytes | None:
            path = config.parent / "disk" / "tawny" / name
            return path.read_bytes() if path.exists() else None

        return DestinationCase(lambda: connect(config), get, resumes=False)


@needs_rclone
def test_a_remote_that_rclone_does_not_know_is_told(config: Path) -> None:
    with pytest.raises(TargetMissing, match="rclone config"):
        connect(config, "rclone:other/tawny")


@needs_rclone
def test_empty_folders_go_with_their_last_file(config: Path) -> None:
    connection = connect(config)
    connection.put("2026/11/a.jpg", content(), "", lambda _: None)
    connection.remove("2026/11/a.jpg")
    assert not (config.parent / "disk" / "tawny" / "2026").exists()


@needs_rclone
def test_what_was_cut_off_goes_by_the_name_that_it_would_have(config: Path) -> None:
    folder = config.parent / "disk" / "tawny" / "2026"
    folder.mkdir(parents=True)
    (folder / "a.jpg.tmp").write_bytes(b"half")
    (folder / "b.jpg.part").write_bytes(b"left by an earlier version")
    connection = connect(config)
    listed = [one.name for one in connection.files()]
    connection.remove("2026/a.jpg")
    assert (listed, [one.name for one in folder.iterdir()]) == (["2026/a.jpg"], ["b.jpg.part"])


def stand_in(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An rclone that knows the remote and then does this."""
    path = folder / "rclone"
    path.write_text(f'#!/bin/sh\ncase "$*" in *listremotes*) echo nas:; exit 0;; esac\n{script}\n')
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("Failed to rcat: AccessDenied: Access Denied status code: 403", TargetRefused),
        ("oauth2: cannot fetch token: 400 invalid_grant: Token has been expired", TargetRefused),
        ("googleapi: Error 403: The user's Drive storage quota has been exceeded", TargetFull),
        ("dial tcp: lookup example.org: no such host", TargetUnreachable),
        ("something odd happened", DeliveryError),
    ],
)
def test_what_it_refuses_for_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, error: type[DeliveryError]
) -> None:
    stand_in(tmp_path, f'echo "2026/11/20 14:50:02 {said} (https://me:{SECRET}@host/)" >&2; exit 1', monkeypatch)
    with pytest.raises(error) as refused:
        connect("").put("a.jpg", content(), "", lambda _: None)
    assert type(refused.value) is error
    assert SECRET not in f"{refused.value} {refused.value!r}"


@pytest.mark.parametrize("name", ["porch/507.jpg", "porch/20261121T150712-1a.jpg", "403/a.jpg", "reset/a.jpg"])
def test_the_name_of_the_file_is_no_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    text = f"2026/11/20 14:50:02 ERROR : {name}.tmp: Failed to rcat to nas:tawny/{name}.tmp: name not allowed"
    stand_in(tmp_path, f'echo "{text}" >&2; exit 1', monkeypatch)
    with pytest.raises(DeliveryError) as refused:
        connect("").put(name, content(), "", lambda _: None)
    assert type(refused.value) is DeliveryError


LISTED = r"""case "$*" in *lsjson*)
echo '['; for n in $(seq %d); do
  [ $n = 1 ] || echo ,
  printf '{"Path":"porch/%%s[1].mp4","Size":%%s,"ModTime":"2026-11-20T05:00:00Z"}' $n $n
done; echo; echo ']';; esac"""


def test_a_list_of_any_length_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rclone, "MOST_OUTPUT_BYTES", 500)
    stand_in(tmp_path, LISTED % 100, monkeypatch)
    assert [(one.name, one.size_bytes) for one in connect("").files()] == [
        (f"porch/{n}[1].mp4", n) for n in range(1, 101)
    ]


UNFINISHED = r"""case "$*" in *lsjson*)
echo "$*" >> "%s"; echo '['
for name in other/.tmp whole.mp4 whole.mp4.tmp $(seq -f 'cut-%%g.mp4.tmp' 40); do
  printf '{"Path":"%%s","Size":1,"ModTime":"2026-11-20T05:00:00Z"},\n' $name
done; echo ']';; esac"""


def test_a_list_with_unfinished_files_is_read_twice_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also with strangers' files, of which one is only called `.tmp`."""
    stand_in(tmp_path, UNFINISHED % (tmp_path / "runs"), monkeypatch)
    names = [one.name for one in connect("").files()]
    assert [one for one in names if one.endswith(".mp4")] == ["whole.mp4", *(f"cut-{n}.mp4" for n in range(1, 41))]
    assert len((tmp_path / "runs").read_text().splitlines()) == 2


@pytest.mark.parametrize("said", ["", "[", "[\n{}", "[\n{\n]"])
def test_a_list_without_its_end_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    stand_in(tmp_path, f"case \"$*\" in *lsjson*) printf '{said}';; esac", monkeypatch)
    with pytest.raises(DeliveryError, match="its file list can't be read"):
        list(connect("").files())


@pytest.mark.parametrize("large", [b"small", b"x" * 1_000_000])
def test_one_that_hangs_is_ended_at_its_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: bytes) -> None:
    monkeypatch.setattr(rclone, "DEADLINE_S", 0.2)
    monkeypatch.setattr(rclone, "SLOWEST_BYTES_PER_S", 1_000_000.0)
    stand_in(tmp_path, "exec sleep 60", monkeypatch)
    begun_s = time.monotonic()
    with pytest.raises(TargetUnreachable):
        connect("").put("a.jpg", content(large), "", lambda _: None)
    assert time.monotonic() - begun_s < 30


def test_one_that_sends_what_it_holds_has_time_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For S3 it holds 20 MB in memory, so all of a file may be read long before it is sent."""
    monkeypatch.setattr(rclone, "DEADLINE_S", 1.0)
    stand_in(tmp_path, 'case "$*" in *rcat*) cat >/dev/null; exec sleep 1.3;; esac', monkeypatch)
    connect("").put("a.jpg", content(b"x" * 1_000_000), "", lambda _: None)


def test_without_rclone_it_is_told_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TargetMissing, match="apt install rclone"):
        connect("")


@pytest.mark.parametrize(
    "url", ["rclone:", "rclone::s3,secret_access_key=x:bucket", "rclone:nas/../x", "rclone:-rf/x", "rclone:nas/a%0Ab"]
)
def test_settings_that_cannot_be_are_told(url: str) -> None:
    with pytest.raises(ValueError, match="rclone config"):
        RcloneDestination().settings(url, {})

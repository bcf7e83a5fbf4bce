"""Uploads to a folder that is none: the system's, a user's settings, tawny's own. The interface can't choose them.

Nor can it choose rclone's file, in which a remote may name a program, or a remote that isn't in that file.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tawny.config.settings import Settings
from tawny.delivery.destination import why_no_destination
from tawny.delivery.destinations.folder import FolderDestination
from tawny.model.errors import DeliveryError, NotDone, SettingsError
from tawny.service.plugin_registry import PluginRegistry
from tests.delivery.destinations.test_folder import opening
from tests.service.delivery.test_placing import Bench

SYSTEM = [
    "/", "/etc", "/etc/cron.d", "/usr/local/bin", "/boot", "/dev/shm", "/proc/self", "/sys", "/run/systemd", "/home",
    "/home/pi", "/root", "/var", "/var/lib", "/var/spool/cron", "/var/lib/systemd/timers", "/root/.ssh",
    "/home/pi/.config/autostart", "/mnt/../etc", "/mnt/nas/.git/hooks",
]  # fmt: skip
USUAL = [
    "/mnt/nas/tawny", "/media/usb", "/media/pi/USB STICK", "/run/media/pi/disk", "/srv/clips", "/home/pi/clips",
    "/home/pi/nas/tawny", "/var/lib/nas", "/var/backups/tawny", "/opt/clips", "/tmp/clips", "/backup", "/etcetera",
]  # fmt: skip


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.outward.close()


@pytest.mark.parametrize("folder", SYSTEM)
def test_a_folder_of_the_system_is_refused(bench: Bench, folder: str) -> None:
    before = bench.file.read_text()
    with pytest.raises(SettingsError, match=r"in tawny\.toml"):
        bench.placing.put("destinations", "nas", {"url": f"folder:{folder}"})
    with pytest.raises(SettingsError):
        bench.placing.try_out("destinations", "nas", {"url": f"file://{folder}"})
    assert (bench.file.read_text(), bench.settings.destinations) == (before, {})


@pytest.mark.parametrize("folder", USUAL)
def test_usual_folders_are_destinations(folder: str) -> None:
    assert why_no_destination(Path(folder)) == ""
    assert FolderDestination().settings(f"folder:{folder}", {}) == {}


def test_a_link_counts_as_what_it_leads_to(tmp_path: Path) -> None:
    link = tmp_path / "nas"
    link.symlink_to("/etc")
    with pytest.raises(ValueError, match="a folder of the system"):
        FolderDestination().settings(f"folder:{link}/cron.d", {})
    with pytest.raises(DeliveryError, match="a folder of the system"):
        FolderDestination().connect(opening(link))


@pytest.mark.parametrize("place", ["data", "data/history", "data/inbox/me", "spare", "mirror/front", "archive", "."])
def test_tawnys_own_folders_are_refused(tmp_path: Path, place: str) -> None:
    settings = Settings.model_validate(
        {
            "storage": {
                "spare": f"{tmp_path}/spare",
                "mirror": f"{tmp_path}/mirror",
                "tiers": [{"path": f"{tmp_path}/archive", "after": "1 days"}],
            },
            "destinations": {"nas": {"url": f"folder:{tmp_path / place}"}},
        }
    )
    plugins = PluginRegistry.opened((tmp_path / "data",))
    with pytest.raises(SettingsError, match="tawny's own"):
        plugins.check(settings, "tawny.toml")
    allowed = {"nas": {"url": f"folder:{tmp_path / place}", "allow_any_folder": True}}
    plugins.check(Settings.model_validate({"destinations": allowed}), "tawny.toml")


def test_the_settings_file_may_say_so_and_the_interface_may_not(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(NotDone, match=r"Set it in tawny\.toml"):
        bench.placing.put("destinations", "nas", {"url": "folder:/etc", "allow_any_folder": True})
    text = bench.file.read_text() + '\n[destinations.odd]\nurl = "folder:/var/log"\nallow_any_folder = true\n'
    bench.file.write_text(text)
    bench.settings = bench.settings.model_copy(
        update={"destinations": Settings.model_validate({"destinations": {
            "odd": {"url": "folder:/var/log", "allow_any_folder": True}}}).destinations}
    )  # fmt: skip
    bench.placing.put("destinations", "odd", {"batch": 3})
    assert bench.settings.destinations["odd"].batch == 3
    with pytest.raises(NotDone, match=r"Set it in tawny\.toml"):
        bench.placing.put("destinations", "odd", {"url": "folder:/etc"})


@pytest.mark.parametrize("url", ["rclone:x/f", "s3://k:s@b?region=r"])
def test_the_interface_cannot_name_a_file_of_rclone(bench: Bench, url: str) -> None:
    before = bench.file.read_text()
    for change in (bench.placing.put, bench.placing.try_out):
        with pytest.raises(NotDone, match="`config` can't be set here"):
            change("destinations", "cloud", {"url": url, "config": "/srv/inbox/rclone.conf"})
    assert (bench.file.read_text(), bench.settings.destinations) == (before, {})


def test_a_file_of_rclone_in_force_stays_and_becomes_no_other(bench: Bench) -> None:
    table = {"url": "rclone:drive/tawny", "config": "/etc/rclone.conf"}
    bench.file.write_text(f'{bench.file.read_text()}[destinations.cloud]\nurl = "{table["url"]}"\n')
    with bench.file.open("a") as file:
        file.write(f'config = "{table["config"]}"\n')
    bench.settings = bench.settings.model_copy(
        update={"destinations": Settings.model_validate({"destinations": {"cloud": table}}).destinations}
    )
    bench.placing.put("destinations", "cloud", {**table, "batch": 3})
    assert bench.settings.destinations["cloud"].batch == 3
    with pytest.raises(NotDone, match=r"Set it in tawny\.toml"):
        bench.placing.put("destinations", "cloud", {"config": "/srv/inbox/rclone.conf"})
    bench.placing.put("destinations", "cloud", {"config": None})
    assert "config" not in bench.file.read_text()


@pytest.mark.parametrize(
    "remote",
    [
        ":webdav,bearer_token_command=id:f", "x,bearer_token_command=id:f", "%3Awebdav,bearer_token_command=id:f",
        "//:sftp,ssh=id:f", "x%2Cssh=id/f", "-x/f", "--config=a/f",
    ],
)  # fmt: skip
def test_an_address_of_rclone_has_no_options(bench: Bench, remote: str) -> None:
    for change in (bench.placing.put, bench.placing.try_out):
        with pytest.raises(SettingsError, match="rclone config"):
            change("destinations", "cloud", {"url": f"rclone:{remote}"})

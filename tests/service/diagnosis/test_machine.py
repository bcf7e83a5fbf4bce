"""Checks of the computer, on folders that look like the kernel's."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tawny.model.times import SystemClock
from tawny.service.diagnosis import machine
from tawny.service.diagnosis.machine import Diagnosis, DiagnosisState, WriteSpeed
from tawny.testing.clock import FakeClock

FINE, NOTE, WRONG = DiagnosisState.FINE, DiagnosisState.NOTE, DiagnosisState.WRONG
PI = "Raspberry Pi 4 Model B Rev 1.4\0"


def put(root: Path, **files: str) -> Path:
    """Write files; `__` in a name stands for a slash."""
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def no_program(_: Sequence[str]) -> str:
    return ""


def only(found: Sequence[Diagnosis], area: str) -> Diagnosis:
    (one,) = [each for each in found if each.area == area]
    if one.state is not FINE:
        assert one.why.endswith(".")
        assert one.do
    return one


def on_disk(root: Path, folder: Path, device: str, system: str = "ext4", **files: str) -> Path:
    """Make the folder lie on the first partition of a disk."""
    real = root / "sys/devices" / files.pop("bus", "pci0000:00") / device
    (real / f"{device}p1").mkdir(parents=True)
    (real / f"{device}p1/partition").write_text("1\n")
    for name, text in files.items():
        put(real, **{name: text})
    number = folder.stat().st_dev
    link = root / f"sys/dev/block/{os.major(number)}:{os.minor(number)}"
    link.parent.mkdir(parents=True)
    link.symlink_to(real / f"{device}p1")
    return put(root, proc__self__mountinfo=f"22 1 8:1 / / rw,relatime shared:1 - {system} /dev/{device}p1 rw\n")


@pytest.fixture
def disk(tmp_path: Path) -> Callable[..., list[Diagnosis]]:
    folder = tmp_path / "recordings"
    folder.mkdir()

    def check(device: str, system: str = "ext4", run: machine.RunProgram = no_program, **files: str) -> list[Diagnosis]:
        root = on_disk(tmp_path / "root", folder, device, system, **files)
        return list(machine.disk(folder, SystemClock(), root, run))

    return check


@pytest.mark.parametrize(
    ("device", "files", "state", "words"),
    [
        ("mmcblk0", {"device__type": "SD\n"}, NOTE, "SD card (mmcblk0, ext4)."),
        ("mmcblk0", {"device__type": "MMC\n"}, FINE, "SSD (mmcblk0, ext4)."),
        ("sda", {"queue__rotational": "1\n"}, FINE, "Hard disk (sda, ext4)."),
        (
            "sda",
            {"queue__rotational": "0\n", "device__model": "T7 \n", "bus": "usb2"},
            FINE,
            "USB disk (T7, sda, ext4).",
        ),
        ("sda", {"queue__rotational": "0\n", "removable": "1\n", "bus": "usb2"}, NOTE, "USB stick (sda, ext4)."),
        ("nvme0n1", {"queue__rotational": "0\n"}, FINE, "SSD (nvme0n1, ext4)."),
    ],
)
def test_kind_of_disk(
    disk: Callable[..., list[Diagnosis]], device: str, files: dict[str, str], state: DiagnosisState, words: str
) -> None:
    one = only(disk(device, **files), "disk")
    assert (one.state, one.what) == (state, words)


@pytest.mark.parametrize(
    ("system", "state", "words"),
    [
        ("tmpfs", WRONG, "is in memory (tmpfs)"),
        ("overlay", WRONG, "is inside a container"),
        ("nfs4", NOTE, "A network disk (nfs4)"),
        ("cifs", NOTE, "A network disk (cifs)"),
    ],
)
def test_folder_that_is_on_no_disk(
    disk: Callable[..., list[Diagnosis]], system: str, state: DiagnosisState, words: str
) -> None:
    one = only(disk("sda", system), "disk")
    assert one.state is state
    assert words in one.what


def test_disk_that_is_full_of_files(disk: Callable[..., list[Diagnosis]], monkeypatch: pytest.MonkeyPatch) -> None:
    now = os.statvfs_result((4096, 4096, 10**9, 9 * 10**8, 9 * 10**8, 160, 3, 3, 0, 255, 0))
    monkeypatch.setattr(os, "statvfs", lambda _: now)
    one = only(disk("sda"), "disk space")
    assert (one.state, one.what) == (WRONG, "3 more files fit on the disk (inodes).")


def test_mount_with_a_space_in_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "my disk"
    folder.mkdir()
    escaped = str(folder).replace(" ", "\\040")
    lines = f"1 1 0:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:2 / {escaped} rw - tmpfs none rw\n"
    found = list(machine.disk(folder, SystemClock(), put(tmp_path / "root", proc__self__mountinfo=lines), no_program))
    assert "in memory" in only(found, "disk").what


@pytest.mark.parametrize(
    ("life", "smart", "state", "words"),
    [
        ("0x02 0x03\n", "", FINE, "30 % of its life used."),
        ("0x09 0x01\n", "", WRONG, "90 % of the life of mmcblk0 is used."),
        ("", '{"smart_status": {"passed": true}}', FINE, "SMART reports no fault."),
        ("", '{"smart_status": {"passed": false}}', WRONG, "mmcblk0 reports that it is failing (SMART)."),
        ("", '{"smart_status": {"passed": true}, "nvme_smart_health_information_log": {"percentage_used": 85}}', WRONG,
         "85 % of the life of mmcblk0 is used."),
    ],
)  # fmt: skip
def test_wear(disk: Callable[..., list[Diagnosis]], life: str, smart: str, state: DiagnosisState, words: str) -> None:
    one = only(disk("mmcblk0", run=lambda _: smart, device__type="MMC", device__life_time=life), "disk health")
    assert (one.state, one.what) == (state, words)


def test_wear_that_cannot_be_read_is_left_out(disk: Callable[..., list[Diagnosis]]) -> None:
    assert "disk health" not in [one.area for one in disk("sda", run=lambda _: "no JSON")]


@pytest.mark.parametrize(
    ("speed", "state"),
    [
        (WriteSpeed(80e6, 0.02), FINE),
        (WriteSpeed(8e6, 0.02), NOTE),
        (WriteSpeed(80e6, 0.7), NOTE),
        (WriteSpeed(1e6, 0.02), WRONG),
        (WriteSpeed(80e6, 2.5), WRONG),
    ],
)
def test_speed(speed: WriteSpeed, state: DiagnosisState) -> None:
    assert machine.judge_speed(speed).state is state


def test_writes_leave_nothing_behind(tmp_path: Path) -> None:
    speed = machine.measure_writes(tmp_path, SystemClock(), 0.05)
    assert speed.bytes_s > 0
    assert list(tmp_path.iterdir()) == []


def test_folder_that_does_not_exist_yet(tmp_path: Path) -> None:
    found = list(machine.disk(tmp_path / "a/b", SystemClock(), tmp_path, no_program))
    assert only(found, "folder").what.endswith("a/b is made when tawny starts.")
    assert list(tmp_path.iterdir()) == []


def test_folder_of_someone_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    one = only(list(machine.disk(tmp_path, SystemClock(), tmp_path, no_program)), "folder")
    assert one.state is WRONG
    assert "can't be written; it belongs to" in one.what


@pytest.mark.parametrize(
    ("start", "is_kept", "state", "words"),
    [
        ("2026-11-20T05:00:00Z", True, FINE, "2026-11-20 05:00:00 UTC, synchronized."),
        ("2026-11-20T05:00:00Z", None, FINE, "2026-11-20 05:00:00 UTC, synchronization unknown."),
        ("2026-11-20T05:00:00Z", False, WRONG, "Nothing synchronizes the clock."),
        ("2017-01-01T00:00:00Z", True, WRONG, "The clock shows 2017."),
    ],
)
def test_clock(start: str, is_kept: bool | None, state: DiagnosisState, words: str) -> None:
    one = machine.clock_state(FakeClock(start), is_kept)
    assert (one.state, one.what) == (state, words)


@pytest.mark.parametrize(
    ("bits", "states"),
    [
        ("0", {"power supply": FINE}),
        ("50005", {"power supply": WRONG, "throttling": NOTE}),
        ("10000", {"power supply": WRONG}),
        ("40000", {"power supply": FINE, "throttling": NOTE}),
        ("8", {"power supply": FINE, "throttling": NOTE}),
    ],
)
def test_power_supply_of_a_raspberry_pi(tmp_path: Path, bits: str, states: dict[str, DiagnosisState]) -> None:
    name = "sys/devices/platform/soc/soc:firmware/get_throttled"
    root = put(tmp_path, **{"proc__device-tree__model": PI, name.replace("/", "__"): f"{bits}\n"})
    assert {one.area: one.state for one in machine.power(root, no_program)} == states


def test_power_supply_by_the_firmware_s_program(tmp_path: Path) -> None:
    root = put(tmp_path, **{"proc__device-tree__model": PI})
    (one,) = machine.power(root, lambda _: "throttled=0x1\n")
    assert one.what.startswith("The voltage is too low right now (Raspberry Pi 4")


def test_power_supply_by_the_alarm_of_the_voltage(tmp_path: Path) -> None:
    root = put(tmp_path, **{"proc__device-tree__model": PI, "sys__class__hwmon__hwmon1__in0_lcrit_alarm": "1\n"})
    assert [one.state for one in machine.power(root, no_program)] == [WRONG]


def test_other_computers_say_nothing_about_power(tmp_path: Path) -> None:
    assert list(machine.power(tmp_path, lambda _: "throttled=0x1")) == []


@pytest.mark.parametrize(("milli", "state"), [("45000", FINE), ("78000", NOTE), ("85000", WRONG)])
def test_temperature(tmp_path: Path, milli: str, state: DiagnosisState) -> None:
    root = put(
        tmp_path, sys__class__thermal__thermal_zone0__temp="30000\n", sys__class__thermal__thermal_zone1__temp=milli
    )
    (one,) = machine.temperature(root)
    assert one.state is state


def test_temperature_that_nothing_measures(tmp_path: Path) -> None:
    assert list(machine.temperature(put(tmp_path, sys__class__thermal__thermal_zone0__temp="none"))) == []


@pytest.mark.parametrize(("free_kib", "state"), [(900_000, FINE), (90_000, WRONG)])
def test_memory(tmp_path: Path, free_kib: int, state: DiagnosisState) -> None:
    text = f"MemTotal: 1000000 kB\nMemAvailable: {free_kib} kB\nSwapTotal: 200000 kB\nSwapFree: 100000 kB\n"
    (one,) = machine.memory(put(tmp_path, proc__meminfo=text))
    assert one.state is state
    assert "102 MB swapped out" in one.what


@pytest.mark.parametrize(("needs_video", "state"), [(True, WRONG), (False, NOTE)])
def test_camera_that_may_not_be_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, needs_video: bool, state: DiagnosisState
) -> None:
    root = put(tmp_path, dev__video0="", dev__dri__renderD128="")
    monkeypatch.setattr(os, "access", lambda path, _: "video" not in str(path))
    monkeypatch.setattr("grp.getgrgid", lambda _: type("Group", (), {"gr_name": "video"}))
    found = list(machine.devices(root, needs_video=needs_video))
    closed = only(found, "video devices")
    assert closed.state is state
    assert "sudo usermod -aG video" in closed.do
    assert only(found, "render devices").state is FINE


@pytest.mark.shows("RC19")
@pytest.mark.parametrize(
    ("files", "needs_video", "state", "words"),
    [
        ({"sys__bus__usb__devices__1-1:1.0__bInterfaceClass": "0e\n"}, False, NOTE, "sudo modprobe uvcvideo"),
        ({"sys__bus__usb__devices__1-1:1.0__bInterfaceClass": "0e\n"}, True, WRONG, "sudo modprobe uvcvideo"),
        ({"proc__device-tree__model": PI}, True, WRONG, "sudo modprobe bcm2835-v4l2"),
        ({}, True, WRONG, "check its cable"),
    ],
)
def test_a_camera_that_linux_does_not_show_names_the_missing_module(
    tmp_path: Path, files: dict[str, str], needs_video: bool, state: DiagnosisState, words: str
) -> None:
    found = only(list(machine.devices(put(tmp_path, **files), needs_video=needs_video)), "video devices")
    assert (found.state, words in found.do) == (state, True)


def test_a_camera_that_is_there_needs_no_module(tmp_path: Path) -> None:
    root = put(tmp_path, **{"dev__video0": "", "sys__bus__usb__devices__1-1:1.0__bInterfaceClass": "0e\n"})
    assert [one.state for one in machine.devices(root, needs_video=True)] == [FINE]
    assert list(machine.devices(put(tmp_path / "none"), needs_video=False)) == []


@pytest.mark.parametrize(
    ("made", "state", "words"),
    [
        ((), FINE, "systemd doesn't run here"),
        (("run/systemd/system",), NOTE, "isn't installed"),
        (("run/systemd/system", "etc/systemd/system/tawny.service"), WRONG, "doesn't start with the computer"),
    ],
)
def test_service(tmp_path: Path, made: tuple[str, ...], state: DiagnosisState, words: str) -> None:
    for one in made:
        (tmp_path / one).mkdir(parents=True)
    found = machine.service(tmp_path)
    assert found.state is state
    assert words in found.what


def test_service_that_starts(tmp_path: Path) -> None:
    put(tmp_path, run__systemd__system__x="", etc__systemd__system__tawny_service="")
    folder = tmp_path / "etc/systemd/system"
    (folder / "tawny.service").write_text("")
    (folder / "multi-user.target.wants").mkdir()
    (folder / "multi-user.target.wants/tawny.service").symlink_to("../tawny.service")
    assert machine.service(tmp_path).what == "tawny starts with the computer."


def test_codecs_and_versions() -> None:
    assert machine.codecs().state is FINE
    assert machine.versions().keys() >= {"tawny", "python", "av"}


def test_program_that_is_missing_or_fails() -> None:
    assert machine.run_program(["tawny-no-such-program"]) == ""
    assert machine.run_program(["echo", "hello"]) == "hello\n"

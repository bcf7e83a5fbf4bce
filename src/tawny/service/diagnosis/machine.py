"""Checks of the computer itself: disk, clock, devices, power, heat, memory, network and service. They change nothing.

Each reads from the files of the kernel below `root`, which is another folder in tests.
"""

import grp
import json
import os
import platform
import pwd
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from tawny import __version__
from tawny.config.units import size_text
from tawny.engine.blocking_calls import try_call
from tawny.media.codec.decoder import missing_decoders
from tawny.model.times import Clock
from tawny.service.health.checks import EARLIEST_MS
from tawny.service.storage_choice import device_kind
from tawny.sources.discovery.local_cameras import missing_modules
from tawny.sources.discovery.networks import own_networks
from tawny.storage.disk.disk import FEW_FILES, FilesUsedUp
from tawny.storage.disk.secondary_volumes import unescaped

RunProgram = Callable[[Sequence[str]], str]
"""Runs a program and returns what it prints; empty: it is missing, failed or took too long."""
ROOT: Final = Path("/")
LIBRARIES: Final = ("av", "numpy", "opencv-python-headless", "aiortc", "cryptography", "fastapi", "uvicorn", "pydantic")
_FEW_BYTES, _FEW_SHARE = 2_000_000_000, 0.05
_BLOCK, _MOST_WRITTEN = 256 * 1024, 64_000_000
_SLOW_BYTES_S, _VERY_SLOW_BYTES_S = 10e6, 2e6
_SLOW_SYNC_S, _VERY_SLOW_SYNC_S = 0.5, 2.0
_WORN_PERCENT: Final = 80
_HOT_C, _TOO_HOT_C = 75.0, 82.0
_LITTLE_MEMORY: Final = 150_000_000
_NAME_S, _PROGRAM_S = 3.0, 8.0
_KINDS: Final = {
    "sd-card": "SD card",
    "usb-stick": "USB stick",
    "usb-disk": "USB disk",
    "ssd": "SSD",
    "hdd": "Hard disk",
    "disk": "Disk",
}
"""Words for the kinds of `device_kind`."""
_NETWORK_DISKS: Final = frozenset({"nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "9p", "ceph", "glusterfs"})


class DiagnosisState(StrEnum):
    """wrong: the recorder can't be trusted with it. note: worth knowing."""

    FINE = "fine"
    NOTE = "note"
    WRONG = "wrong"


STATE_TEXTS: Final = {DiagnosisState.FINE: "OK", DiagnosisState.NOTE: "note", DiagnosisState.WRONG: "problem"}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """area: what was checked. what: what was found. why: why it matters. do: what to do. Sentences; empty if fine."""

    area: str
    state: DiagnosisState
    what: str
    why: str = ""
    do: str = ""


def fine(area: str, what: str) -> Diagnosis:
    return Diagnosis(area, DiagnosisState.FINE, what)


def note(area: str, what: str, why: str, do: str) -> Diagnosis:
    return Diagnosis(area, DiagnosisState.NOTE, what, why, do)


def wrong(area: str, what: str, why: str, do: str) -> Diagnosis:
    return Diagnosis(area, DiagnosisState.WRONG, what, why, do)


def run_program(words: Sequence[str]) -> str:
    program = shutil.which(words[0])
    if program is None:
        return ""
    try:
        done = subprocess.run([program, *words[1:]], capture_output=True, timeout=_PROGRAM_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip("\0\n ")
    except OSError:
        return ""


# --- disk ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WriteSpeed:
    """longest_s: the longest time until a block was safe on the disk."""

    bytes_s: float
    longest_s: float


def disk(folder: Path, clock: Clock, root: Path = ROOT, run: RunProgram = run_program) -> Iterator[Diagnosis]:
    """Check the disk of a folder that need not exist yet: its kind, space, wear and speed."""
    place = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    yield from _kind(place, root, run)
    yield from _space(place)
    if not os.access(place, os.W_OK | os.X_OK):
        owner = _user(place.stat().st_uid)
        yield wrong(
            "folder",
            f"{place} can't be written; it belongs to {owner}.",
            "Nothing can be recorded there.",
            f"Run tawny as {owner}, or choose another folder with `--data`.",
        )
        return
    yield fine("folder", f"{folder} can be written." if place == folder else f"{folder} is made when tawny starts.")
    try:
        speed = measure_writes(place, clock)
    except OSError as error:
        yield wrong(
            "disk speed",
            f"Writing to {place} failed ({error.strerror}).",
            "Nothing can be recorded there.",
            "Check the disk, or choose another folder with `--data`.",
        )
    else:
        yield judge_speed(speed)


def measure_writes(folder: Path, clock: Clock, seconds: float = 1.0) -> WriteSpeed:
    """Write blocks as the recorder does, each synced, for a time. Raises OSError."""
    path, block = folder / f".tawny-doctor-{os.getpid()}", os.urandom(_BLOCK)
    begun_s, written, longest_s = clock.mono_s(), 0, 0.0
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        while clock.mono_s() - begun_s < seconds and written < _MOST_WRITTEN:
            block_s = clock.mono_s()
            written += os.write(file, block)
            os.fdatasync(file)
            longest_s = max(longest_s, clock.mono_s() - block_s)
    finally:
        os.close(file)
        path.unlink()
    return WriteSpeed(written / max(clock.mono_s() - begun_s, 1e-6), longest_s)


def judge_speed(speed: WriteSpeed) -> Diagnosis:
    area = "disk speed"
    summary = f"{speed.bytes_s / 1e6:.0f} MB/s in synced blocks; the slowest took {speed.longest_s * 1000:.0f} ms."
    why, do = "Slow writes cause gaps when several cameras record.", "Use a faster disk, such as a USB SSD."
    if speed.bytes_s < _VERY_SLOW_BYTES_S or speed.longest_s > _VERY_SLOW_SYNC_S:
        return wrong(area, summary, why, do)
    if speed.bytes_s < _SLOW_BYTES_S or speed.longest_s > _SLOW_SYNC_S:
        return note(area, summary, why, do)
    return fine(area, summary)


def _space(place: Path) -> Iterator[Diagnosis]:
    found = os.statvfs(place)
    free, whole = found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
    summary = f"{size_text(free)} of {size_text(whole)} free."
    if found.f_files and found.f_favail < FEW_FILES and free >= whole * _FEW_SHARE:
        yield wrong(
            "disk space",
            f"{found.f_favail} more files fit on the disk (inodes).",
            "Without any, tawny deletes the oldest recordings early, and other programs fail.",
            FilesUsedUp.advice,
        )
        return
    if free < _FEW_BYTES or (whole and free / whole < _FEW_SHARE):
        yield wrong(
            "disk space",
            summary,
            "On a full disk, tawny deletes the oldest recordings early, and other programs fail.",
            "Free up space, or set `storage.path` to a larger disk.",
        )
    else:
        yield fine("disk space", summary)


def _kind(place: Path, root: Path, run: RunProgram) -> Iterator[Diagnosis]:
    area, (system, device) = "disk", _mount(place, root)
    if system in ("tmpfs", "ramfs"):
        yield wrong(
            area, f"{place} is in memory ({system}).", "Recordings vanish at a restart.", "Choose a folder on a disk."
        )
        return
    if system == "overlay":
        yield wrong(
            area,
            f"{place} is inside a container.",
            "Recordings vanish when the container is replaced.",
            "Mount a folder of the computer as a volume there.",
        )
        return
    if system in _NETWORK_DISKS:
        yield note(
            area,
            f"A network disk ({system}).",
            "Nothing is recorded while the network or the other computer is away.",
            "Record to a disk of this computer, and set the network disk as `storage.mirror` or as a tier.",
        )
        return
    block = _block_device(place, device, root)
    name = block.name if block else device.rpartition("/")[2]
    if block is None:
        yield fine(area, f"{system or 'unknown file system'}, {device or 'unknown device'}.")
        return
    kind, model = device_kind(block)
    summary = f"{_KINDS[kind]} ({', '.join(filter(None, (model, name, system)))})."
    if kind in ("sd-card", "usb-stick"):
        yield note(
            area,
            summary,
            "It wears out by constant writing and often loses everything at once.",
            "Record to an SSD or hard disk.",
        )
    else:
        yield fine(area, summary)
    yield from _wear(name, block, run)


def _mount(place: Path, root: Path) -> tuple[str, str]:
    """Return file system and device of the mount that has the folder; empty: unknown."""
    number = place.stat().st_dev
    own, best, found = f"{os.major(number)}:{os.minor(number)}", -1, ("", "")
    for line in _read(root / "proc/self/mountinfo").splitlines():
        left, _, right = line.partition(" - ")
        fields, about = left.split(), right.split()
        if len(fields) < 5 or len(about) < 2:
            continue
        if fields[2] == own:  # mounts may lie on top of each other
            return about[0], about[1]
        at = Path(unescaped(fields[4]))
        if place.resolve().is_relative_to(at) and len(at.parts) >= best:
            best, found = len(at.parts), (about[0], about[1])
    return found


def _block_device(place: Path, device: str, root: Path) -> Path | None:
    """Return the folder of the whole disk below /sys; None if unknown."""
    number = place.stat().st_dev
    for link in (f"sys/dev/block/{os.major(number)}:{os.minor(number)}", f"sys/class/block/{Path(device).name}"):
        if device and (root / link).exists():
            found = (root / link).resolve()
            return found.parent if (found / "partition").exists() else found
    return None


def _wear(name: str, block: Path, run: RunProgram) -> Iterator[Diagnosis]:
    """Report wear and health where they can be read without asking for rights."""
    steps = [int(step, 16) for step in _read(block / "device/life_time").split() if step.startswith("0x")]
    percent = max(steps, default=0) * 10
    report: dict[str, object] = {}
    with suppress(ValueError):
        read = json.loads(run(["smartctl", "-j", "-H", "-A", f"/dev/{name}"]) or "{}")
        report = read if isinstance(read, dict) else {}
    status, nvme = report.get("smart_status"), report.get("nvme_smart_health_information_log")
    if isinstance(nvme, dict) and isinstance(nvme.get("percentage_used"), int):
        percent = max(percent, nvme["percentage_used"])
    if isinstance(status, dict) and status.get("passed") is False:
        yield wrong(
            "disk health",
            f"{name} reports that it is failing (SMART).",
            "Its recordings may be lost at any time.",
            "Copy what you need and replace the disk.",
        )
    elif percent >= _WORN_PERCENT:
        yield wrong(
            "disk health",
            f"{percent} % of the life of {name} is used.",
            "A worn-out disk loses recordings or becomes read-only.",
            "Replace it soon.",
        )
    elif status or percent:
        yield fine("disk health", f"{percent} % of its life used." if percent else "SMART reports no fault.")


# --- clock, power, heat, memory --------------------------------------------------------------------------------------


def clock_state(clock: Clock, is_kept: bool | None) -> Diagnosis:  # noqa: FBT001 # None is an answer, too
    """is_kept: whether the kernel says that something synchronizes the clock; None: unknown."""
    do = "Turn on time synchronization: `timedatectl set-ntp true`, or install chrony."
    why = "Recordings get wrong times, and sign-ins and certificates fail."
    now = datetime.fromtimestamp(clock.now_ms() / 1000, UTC)
    if clock.now_ms() < EARLIEST_MS:
        return wrong("clock", f"The clock shows {now.year}.", why, do)
    if is_kept is False:
        return wrong("clock", "Nothing synchronizes the clock.", why, do)
    return fine("clock", f"{now:%Y-%m-%d %H:%M:%S} UTC, {'synchronized' if is_kept else 'synchronization unknown'}.")


_POWER_BITS: Final = ((0, "The voltage is too low right now"), (16, "The voltage was too low since the last start"))
_HEAT_BITS: Final = (
    (2, "The processor is slowed down right now"),
    (3, "The processor is at its temperature limit"),
    (18, "The processor was slowed down since the last start"),
)


def power(root: Path = ROOT, run: RunProgram = run_program) -> Iterator[Diagnosis]:
    """Check the power supply of a Raspberry Pi; other computers can't say."""
    model = _read(root / "proc/device-tree/model")
    if "Raspberry Pi" not in model:
        return
    report = _read(root / "sys/devices/platform/soc/soc:firmware/get_throttled")
    if not report:
        report = run(["vcgencmd", "get_throttled"]).strip().rpartition("=")[2]
    try:
        bits = int(report, 16)
    except ValueError:
        bits = sum(1 for one in (root / "sys/class/hwmon").glob("*/in0_lcrit_alarm") if _read(one) == "1")
    low = [words for bit, words in _POWER_BITS if bits >> bit & 1]
    if low:
        yield wrong(
            "power supply",
            f"{low[0]} ({model}).",
            "Under-voltage damages files and makes USB disks disappear.",
            "Use the official power supply and a short cable, and a powered USB hub for disks.",
        )
    else:
        yield fine("power supply", f"No under-voltage since the last start ({model}).")
    slow = [words for bit, words in _HEAT_BITS if bits >> bit & 1]
    if slow:
        yield note("throttling", f"{slow[0]}.", "Detection and live video become slow.", "Add a heat sink or a fan.")


def temperature(root: Path = ROOT) -> Iterator[Diagnosis]:
    found = [_read(zone / "temp") for zone in sorted((root / "sys/class/thermal").glob("thermal_zone*"))]
    degrees = [int(one) / 1000 for one in found if one.lstrip("-").isdigit()]
    if not degrees:
        return
    hottest = max(degrees)
    why, do = "A hot processor slows itself down.", "Add a heat sink or a fan, and give the case air."
    summary = f"{hottest:.0f} °C."
    if hottest >= _TOO_HOT_C:
        yield wrong("temperature", summary, why, do)
    elif hottest >= _HOT_C:
        yield note("temperature", summary, why, do)
    else:
        yield fine("temperature", summary)


def memory(root: Path = ROOT) -> Iterator[Diagnosis]:
    lines = [line.split() for line in _read(root / "proc/meminfo").splitlines()]
    kib = {words[0].rstrip(":"): int(words[1]) for words in lines if len(words) > 1 and words[1].isdigit()}
    if "MemAvailable" not in kib or not kib.get("MemTotal"):
        return
    free, whole = kib["MemAvailable"] * 1024, kib["MemTotal"] * 1024
    swapped = (kib.get("SwapTotal", 0) - kib.get("SwapFree", 0)) * 1024
    summary = f"{size_text(free)} of {size_text(whole)} available, {size_text(swapped)} swapped out."
    if free < _LITTLE_MEMORY:
        yield wrong(
            "memory",
            summary,
            "Without memory, the system ends programs, tawny among them.",
            "Stop other programs, use fewer cameras with detection, or add memory.",
        )
    else:
        yield fine("memory", summary)


# --- devices, network, service, versions -----------------------------------------------------------------------------

_DEVICES: Final = (
    ("dev/video*", "video", "Webcams and Raspberry Pi cameras don't work."),
    ("dev/dri/renderD*", "render", "Hardware decoders don't work."),
    ("dev/ttyUSB*", "dialout", "Serial devices of scripts don't work."),
    ("dev/ttyACM*", "dialout", "Serial devices of scripts don't work."),
)


def devices(root: Path = ROOT, *, needs_video: bool = False) -> Iterator[Diagnosis]:
    """needs_video: a camera of this computer is configured."""
    lacking = missing_modules(root)
    if lacking or (needs_video and not any(root.glob("dev/video*"))):
        state = DiagnosisState.WRONG if needs_video else DiagnosisState.NOTE
        what = "Linux shows no camera of this computer."
        advice = " ".join(lacking) or "Connect it, or check its cable. See `tawny cameras find`."
        yield Diagnosis("video devices", state, what, "It can't be recorded.", advice)
    for pattern, group, why in _DEVICES:
        found = sorted(root.glob(pattern))
        closed = [one for one in found if not os.access(one, os.R_OK | os.W_OK)]
        if closed:
            with suppress(KeyError):
                group = grp.getgrgid(closed[0].stat().st_gid).gr_name  # noqa: PLW2901 # the system's own
            is_needed = needs_video and group == "video"
            yield Diagnosis(
                f"{group} devices",
                DiagnosisState.WRONG if is_needed else DiagnosisState.NOTE,
                f"{closed[0]} can't be opened by this user.",
                why,
                f"Run `sudo usermod -aG {group} {_user(os.geteuid())}`, and sign in again.",
            )
        elif found:
            yield fine(f"{group} devices", f"{len(found)} can be opened.")


def codecs() -> Diagnosis:
    missing = missing_decoders()
    if missing:
        return wrong(
            "codecs",
            f"FFmpeg here can't decode {', '.join(missing)}.",
            "Detection and thumbnails need it.",
            "Install tawny with its own libraries, as the documentation says.",
        )
    return fine("codecs", "H.264, H.265, AAC and JPEG can be decoded.")


def network(name: str) -> Iterator[Diagnosis]:
    """name: of this computer, without `.local`."""
    found = own_networks()
    if not found:
        yield wrong(
            "network", "No network address.", "Cameras and phones can't be reached.", "Check the cable or the Wi-Fi."
        )
        return
    yield fine("network", f"{', '.join(f'{one.address} ({one.interface})' for one in found)}.")
    error = try_call("name", lambda: socket.getaddrinfo(f"{name}.local", None), _NAME_S)
    if error is None:
        yield fine("name", f"{name}.local leads to this computer.")
    else:
        yield note(
            "name",
            f"{name}.local can't be looked up here.",
            "Phones may need the address instead of the name.",
            "Install avahi-daemon and libnss-mdns, or use the address.",
        )


def service(root: Path = ROOT) -> Diagnosis:
    folder = root / "etc/systemd/system"
    if not (root / "run/systemd/system").exists():
        return fine("service", "systemd doesn't run here, as in a container: something else starts tawny.")
    if not (folder / "tawny.service").exists():
        return note(
            "service",
            "tawny isn't installed as a service.",
            "After a power cut, nothing records until someone starts it.",
            "Run `sudo tawny service install`.",
        )
    if not (folder / "multi-user.target.wants/tawny.service").is_symlink():
        return wrong(
            "service",
            "The service is installed, but doesn't start with the computer.",
            "After a power cut, nothing records until someone starts it.",
            "Run `sudo systemctl enable tawny`.",
        )
    return fine("service", "tawny starts with the computer.")


def versions() -> dict[str, str]:
    """Return the versions of tawny, Python, the system and the main libraries."""
    found = {"tawny": __version__, "python": platform.python_version(), "system": platform.platform()}
    for name in LIBRARIES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def software() -> Diagnosis:
    summary = ", ".join(f"{name} {number}" for name, number in versions().items())
    if sys.maxsize <= 2**32:
        return note(
            "versions",
            f"{summary}.",
            "A 32-bit system uses at most 3 GB of memory and lacks some libraries.",
            "Install a 64-bit system.",
        )
    return fine("versions", f"{summary}.")


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)

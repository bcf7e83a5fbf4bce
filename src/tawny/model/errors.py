"""Error classes. Each states what happened, where, and what to do; its exit code is documented.

TawnyError
├── UsageError            2   wrong use of a command
├── SettingsError         2   invalid settings, all problems at once
├── NotDone               3   not possible, for a reason without its own code
├── DetectorFailed        3   a user's detector, where it is required
│   └── CertificateRefused 60  a certificate authority, or the DNS provider it needs
├── SourceError          20…29, 43…45 a camera
├── StorageError         30…39, 42 a disk; 42: too many open files; 58, 59, 61 a database
├── PortInUse            40   the web server
└── DeliveryError        50…59 uploads and notifications
"""

import re
from dataclasses import dataclass, fields
from typing import ClassVar, NamedTuple

from tawny.model.segments import GapEvidence


class Problem(NamedTuple):
    """A setting that cannot be used: `cameras.porch.post: found "-3 s"; allowed: 0 s to 5 min`.

    found: empty if `allowed` is the whole statement, for example that a setting was renamed.
    """

    path: str
    found: str
    allowed: str
    line: int | None = None

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        found = f"found {self.found}; allowed: " if self.found else ""
        return f"{where}{self.path}: {found}{self.allowed}"


@dataclass(eq=False)
class TawnyError(Exception):
    """Base class. Fields are the facts; `says` and `advice` are format strings over them: message and remedy."""

    exit_code: ClassVar[int] = 3
    code: ClassVar[str] = "failed"
    says: ClassVar[str] = ""
    advice: ClassVar[str] = ""

    @property
    def message(self) -> str:
        return self.says.format(**vars(self))

    @property
    def do(self) -> str:
        return self.advice.format(**vars(self))

    def __str__(self) -> str:
        return f"{self.message} {self.do}".strip()

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        return type(self), tuple(getattr(self, field.name) for field in fields(self))


@dataclass(eq=False)
class UsageError(TawnyError):
    what: str
    todo: str = "See `tawny --help`."
    exit_code = 2
    code = "usage"
    says = "{what}"
    advice = "{todo}"


@dataclass(eq=False)
class SettingsError(TawnyError):
    file: str
    problems: tuple[Problem, ...]
    exit_code = 2
    code = "settings"
    advice = "Fix the settings above, then run `tawny config check`. Nothing was changed."

    @property
    def message(self) -> str:
        listed = "\n".join(f"  {problem}" for problem in self.problems)
        return f"{self.file} has invalid settings:\n{listed}"

    def __str__(self) -> str:
        return f"{self.message}\n{self.do}"


@dataclass(eq=False)
class NotDone(TawnyError):
    what: str
    todo: str = ""
    exit_code = 3
    code = "not_done"
    says = "{what}"
    advice = "{todo}"


@dataclass(eq=False)
class CertificateRefused(NotDone):
    """problem: the cause, for programs. not_before_ms: no request is accepted before this time; 0: no such time."""

    problem: str = ""
    not_before_ms: int = 0
    exit_code = 60
    code = "certificate"


@dataclass(eq=False)
class LastOwner(NotDone):
    """Without this owner, no one could change settings."""

    code = "last_owner"


@dataclass(eq=False)
class DetectorFailed(TawnyError):
    """detail: the error, its file and line, as a sentence."""

    detail: str
    code = "detector"
    says = "Detector error: {detail}"
    advice = "Fix the detector's file and try again."


# --- cameras ---------------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class SourceError(TawnyError):
    """The camera cannot be opened, or its stream ended. where: address without user and password."""

    where: str
    detail: str = ""
    evidence: GapEvidence | None = None
    """Observations about the connection. None if none."""
    exit_code = 20
    code = "source"
    says = "Camera error at {where}: {detail}."
    advice = "Check its address and its settings."

    @property
    def for_viewers(self) -> str:
        """The message without the camera's address, for viewers."""
        text = re.sub("(?: at| of)? {where}", "", self.says).format(**vars(self))
        return f"{text} {self.do}".strip()


@dataclass(eq=False)
class SourceUnreachable(SourceError):
    exit_code = 21
    code = "unreachable"
    says = "The camera at {where} isn't responding ({detail})."
    advice = "Check that it is switched on and on the same network, and that its address and port are correct."


@dataclass(eq=False)
class SourceRefused(SourceError):
    exit_code = 22
    code = "login-refused"
    says = "The camera at {where} rejected the user name or password."
    advice = "Check them in the camera's own app, then update them in tawny."


@dataclass(eq=False)
class SourceLoginWeaker(SourceRefused):
    """detail: the sign-in that the camera asks for, and the one it offered before."""

    exit_code = 43
    code = "login-weaker"
    says = (
        "The camera at {where} asks for a weaker sign-in than before ({detail}). tawny didn't send the password: "
        "another device may have taken the camera's place."
    )
    advice = (
        "If you changed the camera, enter its password again under Settings > Cameras > Connection, or run `tawny "
        "cameras accept-login`."
    )


@dataclass(eq=False)
class SourceNotFound(SourceError):
    exit_code = 23
    code = "not-found"
    says = "The camera at {where} has no stream at this path ({detail})."
    advice = "Look up the path of its stream in the camera's manual or app."


@dataclass(eq=False)
class NoSuchDevice(SourceError):
    exit_code = 24
    code = "no-device"
    says = "Camera device {where} not found ({detail})."
    advice = "Plug it in. To list devices, run `ls /dev/v4l/by-id`, or `rpicam-hello --list-cameras` on a Raspberry Pi."


@dataclass(eq=False)
class PhoneAway(SourceError):
    """A phone that is a camera isn't connected. detail: since when or why, as far as known."""

    exit_code = 44
    code = "phone-away"
    says = "Waiting for the phone ({detail})."
    advice = (
        "On the phone, open tawny's camera page and press Start. To connect another one, see the camera's settings "
        "under Connection."
    )


@dataclass(eq=False)
class MaskingFailed(SourceError):
    """Privacy masks that must be burned in can't be: nothing is recorded then. detail: why."""

    exit_code = 45
    code = "masking"
    says = "The privacy masks can't be burned into the video of {where}, so it isn't recorded: {detail}."
    advice = "tawny keeps trying. To record the areas instead, turn off `burn_in_masks` in the camera's settings."


@dataclass(eq=False)
class SourceAsleep(SourceError):
    """A camera that is meant to sleep does. Not an error."""

    exit_code = 0
    code = "asleep"
    says = "It wakes when something happens."
    advice = "Record now wakes it, too."


@dataclass(eq=False)
class NoSuchCamera(TawnyError):
    """name: as requested. known: existing cameras."""

    name: str
    known: str = ""
    exit_code = 29
    code = "no_camera"
    says = "No camera named {name}."
    advice = "Available cameras: {known}."


@dataclass(eq=False)
class NothingToReport(TawnyError):
    name: str
    exit_code = 3
    code = "no_report"
    says = "{name} isn't an RTSP camera, so there is no RTSP report for it."
    advice = "See `tawny status` and `tawny timeline --camera {name}` instead."


@dataclass(eq=False)
class SourceRedirected(SourceError):
    exit_code = 25
    code = "redirect-refused"
    says = (
        "The camera at {where} redirects to another address ({detail}). tawny doesn't follow, because it would "
        "have to send the password there."
    )
    advice = "If you trust that address, set it as the camera's source."


@dataclass(eq=False)
class SourceUnusable(SourceError):
    exit_code = 26
    code = "unusable"
    says = "The camera at {where} sends no video that tawny can record: {detail}."
    advice = "Set the camera to H.264 or H.265."


@dataclass(eq=False)
class SourceStalled(SourceError):
    exit_code = 27
    code = "stall"
    says = "The camera at {where} stopped sending video ({detail})."
    advice = "If it doesn't recover, restart the camera."


@dataclass(eq=False)
class SourceClosed(SourceError):
    exit_code = 28
    code = "closed"
    says = "The camera at {where} closed the connection ({detail})."
    advice = "It may be restarting. tawny will reconnect."


@dataclass(eq=False)
class SourceFinished(SourceError):
    """A file was played to its end. Not an error."""

    exit_code = 0
    code = "finished"
    says = "End of file {where}."
    advice = ""


# --- disks -----------------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class StorageError(TawnyError):
    where: str
    detail: str = ""
    exit_code = 30
    code = "disk"
    says = "Disk error at {where}: {detail}."
    advice = "Check the disk's cable and health."


@dataclass(eq=False)
class StorageUnavailable(StorageError):
    """Concerns every file, whichever was read or written: a pass over many files ends with it."""


@dataclass(eq=False)
class DiskFull(StorageUnavailable):
    exit_code = 31
    code = "disk_full"
    says = "The disk at {where} is full."
    advice = "Free up space, shorten retention (`storage.retention`), or choose another folder with `--data`."


@dataclass(eq=False)
class FileMissing(StorageError):
    """This file or its folder is not there."""

    exit_code = 49
    code = "file_missing"
    says = "The file {where} is missing."
    advice = "It may have been deleted, or its disk isn't mounted. `tawny check` shows what is missing without reason."


@dataclass(eq=False)
class TooManyFiles(StorageUnavailable):
    """The process or the system has no free file descriptor. The disk is well."""

    exit_code = 42
    code = "too_many_files"
    says = "Can't open {where}: too many open files and connections ({detail})."
    advice = "Raise the limit of open files: `LimitNOFILE=` in the systemd unit, or `ulimit -n`."


@dataclass(eq=False)
class FolderUnwritable(StorageError):
    exit_code = 32
    code = "unwritable"
    says = "Can't write to the folder {where} ({detail})."
    advice = "Give the user that runs tawny write permission, or choose another folder with `--data`."


@dataclass(eq=False)
class DiskReadOnly(FolderUnwritable):
    says = "The disk for {where} is read-only."
    advice = "Systems do that to a disk that fails: check it (`dmesg`), then mount it writable, or choose another one."


@dataclass(eq=False)
class PathUnreadable(StorageError):
    """This user may not read a file, or enter a folder."""

    exit_code = 41
    code = "no_access"
    says = "Can't read {where} ({detail})."
    advice = "Use `sudo`, or the user that runs tawny."


@dataclass(eq=False)
class ArchiveAway(StorageUnavailable):
    """The archive that holds recordings, which is not a disk, can't be reached or refuses."""

    exit_code = 46
    code = "archive_away"
    says = "The archive {where} can't be reached: {detail}."
    advice = (
        "Check the internet connection, and the address and access key in `storage.tiers`. Recording goes on; what is "
        "due moves there later."
    )


@dataclass(eq=False)
class ArchiveUnlisted(ArchiveAway):
    """The list of the archive's objects is not here yet."""

    exit_code = 47
    code = "archive_unlisted"


@dataclass(eq=False)
class RecordingAway(ArchiveAway):
    """A recording can't be read because it is only in the archive."""

    exit_code = 48
    code = "recording_away"
    says = "This recording is stored in the archive, which can't be reached: {detail}."
    advice = "Check the internet connection and the access key in `storage.tiers`. Then play it again: it isn't lost."


@dataclass(eq=False)
class FolderInUse(StorageError):
    exit_code = 33
    code = "in_use"
    says = "Another tawny is already recording to {where} ({detail})."
    advice = "Stop it first, or choose another folder with `--data`."


@dataclass(eq=False)
class DiskMissing(StorageError):
    exit_code = 36
    code = "disk_missing"
    says = "The disk for {where} is missing: {detail}."
    advice = "Connect or mount it. tawny doesn't write anywhere else unless you set `storage.spare`."


@dataclass(eq=False)
class FileDamaged(StorageError):
    exit_code = 34
    code = "damaged"
    says = "Can't read the file {where}: {detail}."
    advice = "Run `tawny check --repair` to recover what can be played."


@dataclass(eq=False)
class FileSealed(FileDamaged):
    """The file is intact, but encrypted for a key that the caller lacks."""

    detail: str = "it is sealed"
    exit_code = 37
    code = "sealed"
    says = "{where} is encrypted. The recorder itself can't open it."
    advice = "Someone with the key can: see `--key` in `tawny export --help`, and `tawny decrypt --help`."


@dataclass(eq=False)
class IndexDamaged(StorageError):
    exit_code = 35
    code = "index"
    says = "The index {where} is unusable ({detail})."
    advice = "Restart tawny, or stop it and run `tawny check --repair`: both rebuild the index, and no video is lost."


@dataclass(eq=False)
class IndexOutdated(StorageError):
    """The index is whole, and of another version: `detail` names both."""

    exit_code = 38
    code = "index_version"
    says = "The index {where} is {detail}."
    advice = (
        "The recorder makes a new one from the recordings when it starts next, and so does `tawny check --repair`; no "
        "video is lost."
    )


@dataclass(eq=False)
class DatabaseNewer(StorageError):
    """A database that cannot be made again is of a later version. It is not changed."""

    exit_code = 39
    code = "newer_version"
    says = "{where} can't be used: it is {detail}."
    advice = "Use that version of tawny or a later one, or restore your backup of the file."


@dataclass(eq=False)
class DatabaseDamaged(StorageError):
    """A database that can't be read, and can't be made again from recordings."""

    exit_code = 59
    code = "database_damaged"
    says = "The database {where} is damaged ({detail})."
    advice = (
        "Bring it back with `tawny restore`, or rename the file and restart tawny, which then begins with an empty one."
    )


@dataclass(eq=False)
class DatabaseUnfit(StorageError):
    """A statement doesn't fit the tables of a database. The file and its disk are well."""

    exit_code = 61
    code = "database_unfit"
    says = "The database {where} doesn't fit this version of tawny ({detail})."
    advice = "Restart tawny. If that doesn't help, report it with the archive of `tawny doctor --bundle FILE`."


@dataclass(eq=False)
class DatabaseUnavailable(StorageUnavailable):
    """A hub's database server doesn't answer or refuses. detail: without any part of a password."""

    exit_code = 58
    code = "database"
    says = "The hub's database ({where}) can't be used: {detail}."
    advice = "Check that its server is running, and the address in `hub.database`."


# --- web -------------------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class PortInUse(TawnyError):
    address: str
    exit_code = 40
    code = "port_in_use"
    says = "{address} is already in use by another program."
    advice = "Choose another address with `--listen HOST:PORT` (or `--port` for the demo)."


# --- delivery --------------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class DeliveryError(TawnyError):
    """A delivery to a target failed and is retried. where: its name and host, without secrets."""

    where: str
    detail: str = ""
    exit_code = 50
    code = "delivery"
    says = "{where} didn't accept it: {detail}."
    advice = "tawny retries automatically."


@dataclass(eq=False)
class TargetUnreachable(DeliveryError):
    exit_code = 51
    code = "target_unreachable"
    says = "{where} isn't responding ({detail})."
    advice = "Check that it is switched on and reachable. tawny retries automatically."


@dataclass(eq=False)
class TargetBusy(TargetUnreachable):
    """It responded that it can't: maybe to this delivery only. wait_s: how long it asks to wait, s; 0: unknown."""

    wait_s: float = 0.0
    exit_code = 62
    code = "target_busy"
    says = "{where} couldn't take it now ({detail})."
    advice = "tawny retries automatically. If it goes on, look at its log."


@dataclass(eq=False)
class TargetRefused(DeliveryError):
    is_sign_in: bool = False
    """Whether the credentials are refused for certain: otherwise it may be this delivery only."""
    exit_code = 52
    code = "target_refused"
    says = "{where} rejected the sign-in ({detail})."
    advice = "Check the user name, password, key or token in the settings."


@dataclass(eq=False)
class TargetFull(DeliveryError):
    exit_code = 53
    code = "target_full"
    says = "{where} is full ({detail})."
    advice = "Free up space there, or keep less there."


@dataclass(eq=False)
class TargetLied(DeliveryError):
    """The target's data differs from what was sent."""

    exit_code = 54
    code = "target_lied"
    says = "{where} confirmed the upload, but {detail}."
    advice = "tawny sends it again. If this keeps happening, the storage there is damaged."


@dataclass(eq=False)
class StrangeTarget(DeliveryError):
    """The server's identity changed. Nothing was sent, no password either."""

    exit_code = 55
    code = "target_changed"
    says = "{where} is not the server it used to be: {detail}."
    advice = (
        "If you replaced the server, update its fingerprint in the settings. If not, someone may be intercepting "
        "the connection."
    )


@dataclass(eq=False)
class TargetMissing(DeliveryError):
    """The bucket, folder, topic or room does not exist."""

    exit_code = 56
    code = "target_missing"
    says = "Not found at {where}: {detail}."
    advice = "Create it there, or correct its name in the settings."


@dataclass(eq=False)
class ContentGone(DeliveryError):
    """The content to send no longer exists, so there is no retry."""

    exit_code = 57
    code = "content_gone"
    says = "Nothing left to send to {where}: {detail}."
    advice = ""

"""One tree of errors. Each says what happened, where, and what to do; its exit code is documented.

TawnyError
├── UsageError            2   wrong use of a command
├── SettingsError         2   settings that cannot be used, all problems at once
├── NotDone               3   could not be done, for a reason without a code of its own
├── DetectorFailed        3   an owner's detector, where nothing goes on without it
├── SourceError          20…29 a camera
└── StorageError         30…39 a disk, and WebError 40…49 the web server
"""

from dataclasses import dataclass, fields
from typing import ClassVar, NamedTuple

from tawny.model.gaps import Evidence


class Problem(NamedTuple):
    """One setting that cannot be used: `cameras.porch.post: found "-3 s", allowed 0 s to 5 min`."""

    path: str
    found: str
    allowed: str
    line: int | None = None

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        return f"{where}{self.path}: found {self.found}; allowed: {self.allowed}"


@dataclass(eq=False)
class TawnyError(Exception):
    """Fields are the facts; `says` words them, `advice` says what to do (both are format strings over the fields)."""

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
    advice = "Mend the settings named above; `tawny config check` tells if they are right. Nothing was changed."

    @property
    def message(self) -> str:
        listed = "\n".join(f"  {problem}" for problem in self.problems)
        return f"{self.file} cannot be used:\n{listed}"

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
class DetectorFailed(TawnyError):
    """detail: what is wrong with it, in which line of which file, as a sentence."""

    detail: str
    code = "detector"
    says = "The detector failed: {detail}"
    advice = "Mend its file, and try again."


# --- cameras ---------------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class SourceError(TawnyError):
    """The camera cannot be opened, or its stream ended. where: address without user and password."""

    where: str
    detail: str = ""
    evidence: Evidence | None = None
    """What was seen of the camera before; None where nothing was."""
    exit_code = 20
    code = "source"
    says = "The camera at {where} failed: {detail}."
    advice = "Check its address and that it is switched on."

    @property
    def for_viewers(self) -> str:
        """What happened and what to do, without the camera's address, which is not everybody's business."""
        said = self.says.replace(" at {where}", "").replace(" {where}", "").format(**vars(self))
        return f"{said} {self.do}".strip()


@dataclass(eq=False)
class SourceUnreachable(SourceError):
    exit_code = 21
    code = "unreachable"
    says = "No answer from the camera at {where} ({detail})."
    advice = "Is it switched on and on the same network? Check the address and the port."


@dataclass(eq=False)
class SourceRefused(SourceError):
    exit_code = 22
    code = "login-refused"
    says = "The camera at {where} refused the user name or password."
    advice = "Check them in the camera's own app, then change them in the address of this camera's source."


@dataclass(eq=False)
class SourceNotFound(SourceError):
    exit_code = 23
    code = "not-found"
    says = "The camera at {where} has nothing under this path ({detail})."
    advice = "Look up the path of its RTSP stream in its manual, or let the camera's app show it."


@dataclass(eq=False)
class NoSuchDevice(SourceError):
    exit_code = 24
    code = "no-device"
    says = "There is no camera device {where} ({detail})."
    advice = "Plug it in; `ls /dev/v4l/by-id`, or `rpicam-hello --list-cameras` on a Pi, shows what is there."


@dataclass(eq=False)
class NoSuchCamera(TawnyError):
    """name: as it was asked for. known: those there are."""

    name: str
    known: str = ""
    exit_code = 29
    code = "no_camera"
    says = "There is no camera {name}."
    advice = "Cameras there are: {known}."


@dataclass(eq=False)
class NothingToReport(TawnyError):
    """name: of a camera."""

    name: str
    exit_code = 3
    code = "no_report"
    says = "The camera {name} is not read over RTSP, so there is no conversation to report."
    advice = "`tawny status` and `tawny timeline --camera {name}` tell how it is recorded."


@dataclass(eq=False)
class SourceRedirected(SourceError):
    exit_code = 25
    code = "redirect-refused"
    says = (
        "The camera at {where} sends us elsewhere ({detail}); that is refused, because it would be given the password."
    )
    advice = "If you trust that address, use it as the camera's source."


@dataclass(eq=False)
class SourceUnusable(SourceError):
    exit_code = 26
    code = "unusable"
    says = "The camera at {where} sends nothing that can be recorded: {detail}."
    advice = "Choose H.264 or H.265 in the camera's settings."


@dataclass(eq=False)
class SourceStalled(SourceError):
    exit_code = 27
    code = "stall"
    says = "The camera at {where} stopped sending pictures ({detail})."
    advice = "Restart the camera if it does not come back."


@dataclass(eq=False)
class SourceClosed(SourceError):
    exit_code = 28
    code = "closed"
    says = "The camera at {where} ended the connection ({detail})."
    advice = "It may be restarting."


@dataclass(eq=False)
class SourceFinished(SourceError):
    """A file was played to its end: no fault."""

    exit_code = 0
    code = "finished"
    says = "The file {where} was played to its end."
    advice = ""


# --- disks -----------------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class StorageError(TawnyError):
    where: str
    detail: str = ""
    exit_code = 30
    code = "disk"
    says = "The disk at {where} failed: {detail}."
    advice = "Check its cable and its health; tawny goes on trying."


@dataclass(eq=False)
class DiskFull(StorageError):
    exit_code = 31
    code = "disk_full"
    says = "The disk at {where} is full."
    advice = "Free some space, lower `storage.keep`, or choose another folder with `--data`."


@dataclass(eq=False)
class FolderUnwritable(StorageError):
    exit_code = 32
    code = "unwritable"
    says = "Cannot write to the folder {where} ({detail})."
    advice = "Give the user that runs tawny the right to write there, or choose another folder with `--data`."


@dataclass(eq=False)
class FolderInUse(StorageError):
    exit_code = 33
    code = "in_use"
    says = "Another tawny is recording into {where} ({detail})."
    advice = "Stop it first, or choose another folder with `--data`."


@dataclass(eq=False)
class DiskMissing(StorageError):
    exit_code = 36
    code = "disk_missing"
    says = "The disk for {where} is not there: {detail}."
    advice = "Plug it in, or mount it; nothing is written in its place. With a `storage.spare` it records there."


@dataclass(eq=False)
class FileDamaged(StorageError):
    exit_code = 34
    code = "damaged"
    says = "The file {where} cannot be read: {detail}."
    advice = "`tawny check --repair` keeps what can be played."


@dataclass(eq=False)
class FileSealed(FileDamaged):
    """Nothing is wrong with it, but whoever asks cannot open it."""

    detail: str = "it is sealed"
    exit_code = 37
    code = "sealed"
    says = "Sealed: the recorder itself cannot open {where}."
    advice = "Whoever has its key opens it: `tawny unseal --help`."


@dataclass(eq=False)
class IndexDamaged(StorageError):
    exit_code = 35
    code = "index"
    says = "The index {where} cannot be used ({detail})."
    advice = "Run `tawny check --repair`: it is rebuilt from the files, and nothing recorded is lost."


# --- web -------------------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class PortInUse(TawnyError):
    address: str
    exit_code = 40
    code = "port_in_use"
    says = "Another program already listens on {address}."
    advice = "Choose another port with `--listen HOST:PORT` (or `--port` for the demo)."


@dataclass(eq=False)
class NoAccount(TawnyError):
    address: str
    exit_code = 41
    code = "no_account"
    says = "tawny does not listen on {address} while it has no owner's account."
    advice = "Start it with `--listen 127.0.0.1:8000`, open the one-time link, make the account, then use this address."


# --- what is brought elsewhere ---------------------------------------------------------------------------------------


@dataclass(eq=False)
class DeliveryError(TawnyError):
    """Something could not be brought to its target. where: its name and host, without secrets. It is tried again."""

    where: str
    detail: str = ""
    exit_code = 50
    code = "delivery"
    says = "{where} did not take it: {detail}."
    advice = "It is tried again by itself."


@dataclass(eq=False)
class TargetUnreachable(DeliveryError):
    exit_code = 51
    code = "target_unreachable"
    says = "{where} does not answer ({detail})."
    advice = "Is it switched on, and is the network there? It is tried again by itself."


@dataclass(eq=False)
class TargetRefused(DeliveryError):
    exit_code = 52
    code = "target_refused"
    says = "{where} refused the login ({detail})."
    advice = "Check the user name, password, key or token in the settings."


@dataclass(eq=False)
class TargetFull(DeliveryError):
    exit_code = 53
    code = "target_full"
    says = "{where} is full ({detail})."
    advice = "Make room there, or let less be kept there."


@dataclass(eq=False)
class TargetLied(DeliveryError):
    """What is there is not what was sent."""

    exit_code = 54
    code = "target_lied"
    says = "{where} said that it took it, but {detail}."
    advice = "It is sent again. If it goes on, the storage there is damaged."


@dataclass(eq=False)
class StrangeTarget(DeliveryError):
    """It is not who it was: nothing was sent, no password either."""

    exit_code = 55
    code = "target_changed"
    says = "{where} is not the server it was: {detail}."
    advice = "If you changed the server, set its new fingerprint in the settings. If not, somebody is in between."


@dataclass(eq=False)
class TargetMissing(DeliveryError):
    """There is no such bucket, folder, topic or room."""

    exit_code = 56
    code = "target_missing"
    says = "{where} has no such place: {detail}."
    advice = "Make it there, or correct its name in the settings."


@dataclass(eq=False)
class ContentGone(DeliveryError):
    """What was to be sent is no longer here: another try makes no sense."""

    exit_code = 57
    code = "content_gone"
    says = "There is nothing left to send to {where}: {detail}."
    advice = ""

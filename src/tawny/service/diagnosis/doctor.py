"""`tawny doctor`: what is wrong with a computer before its recordings are relied on.

Nothing is changed, and nothing is sent but, if asked for, to the configured cameras.
"""

import errno
import socket
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography import x509

from tawny.config.settings import Settings, listen_address
from tawny.engine.acceptor import link_target, listening_sockets
from tawny.model.errors import Problem, TawnyError
from tawny.model.times import Clock
from tawny.service.address.address_service import FOLDER
from tawny.service.address.certificates import CHAIN
from tawny.service.cameras.camera_trial import try_streams
from tawny.service.diagnosis import machine
from tawny.service.diagnosis.machine import ROOT, Diagnosis, DiagnosisState, RunProgram, fine, note, run_program, wrong
from tawny.service.health.checks import is_clock_synchronized
from tawny.service.plugin_registry import RESTORE, PluginFailure, PluginRegistry

CAMERA_S: Final = 3.0
SOON_DAYS: Final = 14
_LOCAL_SOURCES: Final = ("v4l2", "picamera")


@dataclass(frozen=True, slots=True)
class ExaminedRecorder:
    """settings: None: no file, or an invalid one. problems: of the file. folder: of the recordings; None: in memory.

    certificates: files of the web server.
    """

    folder: Path | None
    settings: Settings | None
    config: Path | None = None
    problems: tuple[Problem, ...] = ()
    certificates: tuple[Path, ...] = ()


def examine(
    recorder: ExaminedRecorder, clock: Clock, root: Path = ROOT, run: RunProgram = run_program
) -> Iterator[Diagnosis]:
    """Yield what was found, one area after the other; takes some seconds."""
    settings = recorder.settings or Settings()
    local = [one.source for one in settings.cameras.values() if one.source.startswith(_LOCAL_SOURCES)]
    yield from _settings(recorder)
    if recorder.folder is None:
        yield fine("disk", "Records to memory, as configured.")
    else:
        yield from machine.disk(recorder.folder, clock, root, run)
    yield machine.clock_state(clock, is_clock_synchronized())
    yield from machine.power(root, run)
    yield from machine.temperature(root)
    yield from machine.memory(root)
    yield from machine.devices(root, needs_video=bool(local))
    yield machine.codecs()
    yield from machine.network(socket.gethostname().partition(".")[0])
    servers = ("web", "web.listen", settings.web.listen), ("RTSP", "web.rtsp", settings.web.rtsp)
    for name, key, address in servers:
        host, number = listen_address(address) if address else ("", 0)
        if number:
            yield port(name, key, host, number, root)
    for path in recorder.certificates:
        yield certificate(path, [settings.web.secure.domain] if settings.web.secure.domain else [], clock)
    yield machine.service(root)
    yield machine.software()


def is_trustworthy(found: Iterable[Diagnosis]) -> bool:
    return all(one.state is not DiagnosisState.WRONG for one in found)


def _settings(recorder: ExaminedRecorder) -> Iterator[Diagnosis]:
    area = "settings"
    if recorder.problems:
        listed = "; ".join(str(one) for one in recorder.problems)
        if all(isinstance(one, PluginFailure) for one in recorder.problems):  # a start tolerates them
            effect, do = "tawny records without them.", RESTORE
        else:
            effect, do = "tawny doesn't start with them.", "Run `tawny config check`."
        yield wrong(area, f"{recorder.config}: {listed}.", effect, do)
    elif recorder.config is None or recorder.settings is None:
        yield note(area, "No settings file.", "Nothing is recorded without a camera.", "Run `tawny init`.")
    elif not recorder.settings.cameras:
        yield note(area, f"{recorder.config} has no camera.", "Nothing is recorded.", "Run `tawny cameras add`.")
    else:
        count = len(recorder.settings.cameras)
        yield fine(area, f"{recorder.config} is valid: {'1 camera' if count == 1 else f'{count} cameras'}.")


# --- ports -----------------------------------------------------------------------------------------------------------


def port(name: str, key: str, host: str, number: int, root: Path = ROOT) -> Diagnosis:
    """Check that a server can listen there, or that tawny does already. key: the setting of its address."""
    area, place = f"{name} port", f"{host}:{number}"
    why = "tawny can't start its server there."
    try:
        family = socket.getaddrinfo(host, number, type=socket.SOCK_STREAM)[0]
        with socket.socket(family[0], socket.SOCK_STREAM) as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind(family[4])
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            holder = port_holder(number, root)
            if "tawny" in holder:
                return fine(area, f"{place} is used by tawny.")
            if not holder:  # usually tawny itself: the service has a user of its own
                what, why = f"{place} is used by a program of another user.", "Unless that is tawny, " + why
                return note(area, what, why, "To see which program it is, run `sudo tawny doctor`.")
            do = f"Stop it, or choose another address with `{key}`."
            return wrong(area, f"{place} is used by {holder}.", why, do)
        if error.errno == errno.EACCES:
            do = "Choose a port from 1024 on, or install the service, which may use it."
            return wrong(area, f"{place} needs more rights than this user has.", why, do)
        if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
            do = f"Set `{key}` to an address of this computer, or to 0.0.0.0."
            return wrong(area, f"{host} is no address of this computer.", why, do)
        return wrong(area, f"{place} can't be used ({error.strerror}).", why, "Choose another address.")
    return fine(area, f"{place} is free.")


def port_holder(number: int, root: Path = ROOT) -> str:
    """Return process ID and command of who listens on a port; empty: unknown, or another user's."""
    sockets = listening_sockets(number, root / "proc")
    for process in (root / "proc").glob("[0-9]*"):
        try:
            files = list((process / "fd").iterdir())
            words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if any(link_target(one) in sockets for one in files):
            return f"{' '.join(Path(word).name for word in words[:3]).strip()} (process {process.name})"
    return ""


# --- certificate -----------------------------------------------------------------------------------------------------


def certificate_files(settings: Settings | None, config: Path | None) -> tuple[Path, ...]:
    """Return the certificate that the web server uses by these settings, if it uses one."""
    secure = settings.web.secure if settings is not None else None
    if secure is None or not secure.serves_tls:
        return ()
    if secure.way == "files":
        return (Path(secure.certificate).expanduser(),)
    folder = "own" if secure.way == "own" else "acme"
    return (config.absolute().parent / FOLDER / folder / CHAIN,) if config is not None else ()


def certificate(path: Path, names: Sequence[str], clock: Clock) -> Diagnosis:
    area = "certificate"
    why, renew = "Browsers and phones refuse to connect.", "Renew it."
    try:
        leaf = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        return wrong(area, f"{path} can't be read, or is no certificate.", why, "Make or get a new one.")
    begin, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    now = datetime.fromtimestamp(clock.now_ms() / 1000, UTC)
    if now < begin:
        return wrong(area, f"{path} isn't valid before {begin:%Y-%m-%d}.", why, "Check this computer's clock.")
    if now > end:
        return wrong(area, f"{path} expired on {end:%Y-%m-%d}.", why, renew)
    try:
        named = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        covered = {name.lower() for name in named.get_values_for_type(x509.DNSName)}
        covered |= {str(one) for one in named.get_values_for_type(x509.IPAddress)}
    except x509.ExtensionNotFound:
        covered = set()
    for name in names:
        if name not in covered and f"*.{name.partition('.')[2]}" not in covered:
            text = f"{path} isn't for {name}, but for {', '.join(sorted(covered)) or 'no name'}."
            return wrong(area, text, why, "Get one for this name, or correct `web.secure.domain`.")
    if (end - now).days < SOON_DAYS:
        why = "After that, browsers and phones refuse to connect."
        return note(area, f"{path} expires on {end:%Y-%m-%d}.", why, renew)
    return fine(area, f"Valid until {end:%Y-%m-%d} for {', '.join(sorted(covered))}.")


# --- cameras ---------------------------------------------------------------------------------------------------------


def try_cameras(settings: Settings, plugins: PluginRegistry, clock: Clock) -> Iterator[Diagnosis]:
    """Connect to each camera and receive video for some seconds."""
    for name, camera in settings.cameras.items():
        area = f"camera {name}"
        try:
            trials = try_streams(plugins, camera, CAMERA_S, clock)
        except TawnyError as error:
            yield wrong(area, error.message, "It isn't recorded.", error.do)
            continue
        summary = "; ".join(
            f"{stream.value} {one.codec} {one.width}x{one.height}, {one.fps:.0f} frames/s"
            for stream, one in trials.items()
        )
        yield fine(area, f"{summary}.")

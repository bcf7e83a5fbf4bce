"""`tawny service`: install or remove a hardened systemd unit that starts tawny at boot and restarts it."""

import grp
import os
import pwd
import re
import shutil
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import NamedTuple

from tawny import REPOSITORY
from tawny.cli.output import Output
from tawny.cli.paths import SETTINGS, config_file, data_folder, default_folder
from tawny.config.loader import read_settings
from tawny.config.settings import Settings
from tawny.delivery.destination import folder_of
from tawny.engine.system_user import user_name
from tawny.model.errors import FolderInUse, FolderUnwritable, NotDone
from tawny.sources.network_address import LISTENING, scheme_of
from tawny.storage.disk.lock import holder

OWN_USER = "tawny"
GROUPS = ("video", "render")
"""Groups of cameras and of hardware decoders."""
_FIRST_CLOSED = """\
while [ $# != 0 ]; do
    test "$1" "$2" || { echo "$2"; exit; }
    shift 2
done
"""
_PORT = re.compile(r"([a-z-]+://)?[^/?]*:(\d{1,5})([/?]|$)")
UNIT = """\
[Unit]
Description=tawny security-camera recorder
Documentation=https://github.com/{repository}
# systemd allows only devices whose drivers' base is loaded: a camera may be plugged in later
After=network-online.target time-sync.target {modules}
Wants=network-online.target {modules}
{mounts}
# a disk may come minutes after boot: systemd tries again until it starts
StartLimitIntervalSec=0

[Service]
Type=notify
# relative paths in the settings begin here
WorkingDirectory={config_folder}
ExecStart={program} run --config {config} --data {data}
Restart=always
RestartSec=1
WatchdogSec=30
TimeoutStopSec=15
{credentials}User={user}
SupplementaryGroups={groups}
StateDirectory=tawny
StateDirectoryMode=0750
UMask=0077
LimitCORE=0
LimitNOFILE=65536
MemorySwapMax=0
CapabilityBoundingSet={capabilities}
AmbientCapabilities={capabilities}
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths={writable}
ProtectHome={home}
PrivateTmp=yes
# cameras, hardware decoders and accelerators
DevicePolicy=closed
{devices}
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
KeyringMode=private
LockPersonality=yes
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
# landlock and seccomp: custom detectors confine themselves with them
SystemCallArchitectures=native
SystemCallFilter=@system-service landlock_create_ruleset landlock_add_rule landlock_restrict_self seccomp
SystemCallFilter=~@privileged
# whether the clock is synchronized; to set it needs a right that the service doesn't have
SystemCallFilter=adjtimex clock_adjtime
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
"""
CREDENTIALS = """\
# files named like the ${{NAME}}s of the settings, of which the service sees copies
LoadCredential=tawny:{folder}
InaccessiblePaths={hidden}
"""
"""Only with the folder: systemd doesn't start a service whose credentials are missing."""
DEVICES = (
    "char-video4linux", "char-media", "char-drm", "char-dma_heap", "/dev/vchiq", "char-nvidia*", "char-accel",
    "char-apex", "char-hailo*", "char-usb_device",
)  # fmt: skip


def describe_service(parser: ArgumentParser) -> None:
    parser.add_argument(
        "what", choices=["install", "uninstall", "show"], help="show prints the systemd unit and changes nothing"
    )
    parser.add_argument("--config", metavar="FILE", help="settings file to run with")
    parser.add_argument("--data", metavar="DIR", help="folder for recordings")
    parser.add_argument(
        "--user", help="user to run as (default: tawny, or you if tawny is installed in your home folder; never root)"
    )
    parser.add_argument("--units", metavar="DIR", default="/etc/systemd/system", help="folder of systemd units")


def run_service(args: Namespace, out: Output) -> int:
    unit = Path(args.units) / "tawny.service"
    if args.what == "uninstall":
        return _uninstall(unit, out)
    service = ServicePaths.of(args)
    text = unit_text(args, service)
    if args.what == "show":
        out.data({"unit": text}, text.rstrip())
        return 0
    _systemctl("--version")
    running = holder(service.data)
    if running is not None and str(running.pid) != _systemctl("show", "--property=MainPID", "--value", "tawny.service"):
        raise FolderInUse(str(service.data), f"process {running.pid}")
    if service.user == OWN_USER:
        _make_own(service)
    _check_program(service.user)
    try:
        unit.write_text(text, encoding="utf-8")
    except OSError as error:
        raise FolderUnwritable(str(unit.parent), f"{error.strerror}; run this with sudo") from None
    _systemctl("daemon-reload")
    _systemctl("enable", "tawny.service")
    _systemctl("restart", "tawny.service")
    message = f"Created {unit}. To check it: systemctl status tawny, or tawny status"
    if not service.keeps_settings and not service.config.is_relative_to(service.data):
        message += f"\nThe browser can't change the settings: the service may not write to {service.config.parent}. "
        message += "To allow it, move tawny.toml and what belongs to it to /etc/tawny, then install again."
    out.data({"unit": str(unit)}, message)
    return 0


class ServicePaths(NamedTuple):
    """What the unit names. own: whether the settings' folder is for tawny alone, without its program."""

    config: Path
    data: Path
    settings: Settings
    user: str
    is_in_home: bool
    own: bool

    @classmethod
    def of(cls, args: Namespace) -> "ServicePaths":
        """Raises NotDone: without a settings file, or if no user but root can use these paths."""
        config = config_file(args) or _of_sudo_user()
        if config is None or not config.exists():
            raise NotDone("No settings file found.", "Create one with `tawny init`, or pass it with `--config`.")
        settings = read_settings(config)
        config, asker = config.resolve(), args.user or os.environ.get("SUDO_USER", "")
        is_set = settings.storage.path and not args.data
        data = _place(settings.storage.path, config, asker) if is_set else data_folder(args, settings).resolve()
        in_home = [path for path in (config, data, Path(sys.prefix)) if path.is_relative_to("/home")]
        user = args.user or (asker if in_home else "") or OWN_USER
        if not args.data and not settings.storage.path:
            if (config.parent / "history").is_dir():
                data = config.parent  # as the first start has made it
            elif in_home:
                data = default_folder(_home_of(user, data))  # where `tawny run` of this user records
        if user in ("root", "0"):
            raise NotDone("The service never runs as root.", "Leave out `--user`, or name another user.")
        hidden = next((path for path in (config, data, Path(sys.prefix)) if path.is_relative_to("/root")), None)
        if hidden is not None or (in_home and user == OWN_USER):
            raise NotDone(
                f"The service's user can't open {hidden or in_home[0]}.",
                "Put tawny into /opt/tawny and tawny.toml into /etc/tawny, or pass the folder's owner as `--user`.",
            )
        program = (Path(sys.prefix), Path(__file__).resolve())
        own = config.parent.name == "tawny" and not any(path.is_relative_to(config.parent) for path in program)
        return cls(config, data, settings, user, bool(in_home), own)

    @property
    def keeps_settings(self) -> bool:
        """Whether the folder of the settings is only for them, or its user's: the service may write there."""
        return self.own or self.is_in_home


def unit_text(args: Namespace, service: ServicePaths | None = None) -> str:
    """Return the systemd unit. Raises NotDone."""
    service = service or ServicePaths.of(args)
    settings, storage = service.settings, service.settings.storage
    writable, secrets = _written(service), _credentials(service.config)
    has_microphone = any(camera.microphone.startswith("alsa:") for camera in settings.cameras.values())
    groups, devices = ((*GROUPS, "audio"), (*DEVICES, "char-alsa")) if has_microphone else (GROUPS, DEVICES)
    modules = ("videodev", "snd") if has_microphone else ("videodev",)
    if service.keeps_settings:
        writable.append(service.config.parent)  # the interface changes the settings
    return UNIT.format(
        repository=REPOSITORY,
        modules=" ".join(f"modprobe@{name}.service" for name in modules),
        program=_word(_program()),
        config=_word(service.config).replace("$", "$$"),
        config_folder=_plain(service.config.parent),
        data=_word(service.data).replace("$", "$$"),
        mounts=_wanted_mounts(service.data) if storage.spare else f"RequiresMountsFor={_word(service.data)}",
        writable=" ".join([_word(service.data), *(_word(f"-{path}") for path in dict.fromkeys(writable))]),
        user=service.user,
        groups=" ".join(name for name in groups if _has_group(name)),
        capabilities="CAP_NET_BIND_SERVICE" if any(0 < port < 1024 for port in _ports(settings)) else "",
        credentials=CREDENTIALS.format(folder=_plain(secrets), hidden=_word(secrets)) if secrets.is_dir() else "",
        home="read-only" if service.is_in_home else "yes",
        devices="\n".join(f"DeviceAllow={name} rw" for name in devices),
    )


def _program() -> Path:
    """Return the command of the tawny that runs: by its name alone, an earlier installation may be found."""
    own, called = Path(sys.prefix, "bin", "tawny"), Path(sys.argv[0])
    if called.name == "tawny" and called.is_file():
        return called.absolute()
    if own.is_file():
        return own
    return Path(shutil.which("tawny") or called.resolve())


def _credentials(config: Path) -> Path:
    return config.with_name("credentials")


def _written(service: ServicePaths) -> list[Path]:
    """Return the folders that the settings name and the recorder writes to, except its own."""
    settings, folders = service.settings, _other_disks(service.settings)
    folders += [str(path) for one in settings.destinations.values() if (path := folder_of(one.url))]
    folders += [one.folder for one in settings.files.values()]
    folders += [one.clips for one in settings.webhooks.values()]
    files = [settings.log.file, *(one.socket for one in settings.api_clients.values() if one.socket[:1] != "@")]
    places = [_place(folder, service.config, service.user) for folder in folders if folder]
    return places + [_place(file, service.config, service.user).parent for file in files if file]


def _other_disks(settings: Settings) -> list[str]:
    """Return the other folders of recordings, as the settings name them; some may be empty."""
    storage, hub = settings.storage, settings.hub
    copies = [hub.copies_folder] if hub.enabled else []
    return [storage.spare, storage.mirror, *(tier.path for tier in storage.tiers), *copies]


def _place(path: str, config: Path, user: str) -> Path:
    """Return a path of the settings as the service has it: relative ones begin at the file's folder.

    Raises NotDone: with `~`, if this user has no home.
    """
    home, _, rest = path.partition("/")
    if home.startswith("~"):
        try:
            path = str(Path(pwd.getpwnam(home[1:] or user or user_name()).pw_dir) / rest)
        except KeyError:
            raise NotDone(f"{path} begins in the home of a user.", "Write the whole path in the settings.") from None
    return (config.parent / path).resolve()


def _ports(settings: Settings) -> list[int]:
    """Return the ports that the recorder listens on."""
    cameras = settings.cameras.values()
    sources = [one for camera in cameras for one in (camera.source, camera.sub)]
    listening = [settings.web.listen, settings.web.rtsp]
    listening += [one for one in sources if scheme_of(one) in ("udp", LISTENING)]
    ports = [int(port[2]) for port in map(_PORT.match, listening) if port is not None]
    return [*ports, settings.live.port, *(camera.events_port for camera in cameras)]


def _plain(path: Path) -> str:
    """Return a path for a setting of systemd that takes the whole line; `%` begins its variables."""
    return str(path).replace("%", "%%")


def _word(path: Path | str) -> str:
    """Return a path for a setting of systemd that takes several words."""
    text = str(path).replace("%", "%%")
    if not re.search(r"[\s\"'\\;]", text):
        return text
    return '"' + re.sub(r"([\"\\])", r"\\\1", text) + '"'


def _wanted_mounts(path: Path) -> str:
    """Return the lines that wait for a disk at a path or above it and start without it, as for a fallback disk.

    systemd before 256 has no WantsMountsFor= for that. It ignores units of folders where nothing is mounted.
    """
    units = " ".join(_mount_unit(one) for one in (path, *path.parents) if one != Path("/"))
    return f"After={units}\nWants={units}"


def _mount_unit(path: Path) -> str:
    """Return the name of a mount point's unit, as `systemd-escape --path --suffix=mount` does."""
    text = re.sub(
        rb"^\.|[^A-Za-z0-9:_./]", lambda found: b"\\x%02x" % found[0][0], os.fsencode(path).strip(b"/")
    ).replace(b"/", b"-")
    return f"{text.decode()}.mount"


def _of_sudo_user() -> Path | None:
    """Return the settings that the first start of the user before `sudo` has created; None if there are none."""
    user = os.environ.get("SUDO_USER", "")
    if not user or os.geteuid() != 0:
        return None
    found = default_folder(_home_of(user, Path("/root/none"))) / SETTINGS
    return found if found.exists() else None


def _home_of(user: str, default: Path) -> Path:
    try:
        return Path(pwd.getpwnam(user).pw_dir).resolve()
    except KeyError:
        return default.parent


def _has_group(name: str) -> bool:
    """systemd refuses to start a unit with an unknown group."""
    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True


def _make_own(service: ServicePaths) -> None:
    """Create the service's user, and give it the recordings and the settings."""
    try:
        pwd.getpwnam(OWN_USER)
    except KeyError:
        _call("useradd", "--system", "--user-group", "--home-dir", str(service.data), "--no-create-home", OWN_USER)
    others, whole = _other_disks(service.settings), list[Path]()
    folders = [service.data, *(_place(one, service.config, OWN_USER) for one in others if one)]
    for folder in folders:
        if folder.parent.is_dir() and not folder.exists():
            folder.mkdir(mode=0o750)
        if (folder / "history").is_dir() or (folder.is_dir() and not any(folder.iterdir())):  # nothing of others
            whole.append(folder)
    secrets = service.config.with_name("secrets.toml")
    if service.own:
        whole.append(service.config.parent)
    else:
        whole += [path for path in (service.config, secrets) if path.exists()]
    _call("chown", "--recursive", "--no-dereference", f"{OWN_USER}:{OWN_USER}", *map(str, whole))
    if service.own and (secret := _credentials(service.config)).is_dir():
        _call("chown", "--recursive", "--no-dereference", "root:root", str(secret))


def _check_program(user: str) -> None:
    """Raises NotDone: if a folder or file keeps the service's user from running this program.

    Says nothing where that can't be known: only root can look as another user.
    """
    needed = [path for path in (_program(), Path(sys.executable).resolve(), Path(__file__)) if path.exists()]
    paths = dict.fromkeys(path for one in needed for path in (*reversed(one.parents), one))
    tests = [word for path in paths for right in _rights(path) for word in (right, str(path))]
    try:
        account = pwd.getpwnam(user)
        done = subprocess.run(
            ["/bin/sh", "-c", _FIRST_CLOSED, "sh", *tests], capture_output=True, text=True, check=False,
            cwd="/", user=account.pw_uid, group=account.pw_gid, extra_groups=os.getgrouplist(user, account.pw_gid),
        )  # fmt: skip
    except (KeyError, OSError):
        return
    closed = Path(done.stdout.removesuffix("\n"))
    if not done.stdout:
        return
    file = next(path for path in needed if path.is_relative_to(closed))
    right = "o+x" if closed.is_dir() else "o+rX"
    let_in = f"Let that user through with `sudo chmod {right} '{closed}'`, or install tawny, or its Python, elsewhere"
    if any(closed.is_relative_to(own) for own in (Path(__file__).parents[3], sys.prefix)):
        let_in = f"Run `sudo chgrp -R {account.pw_gid} '{closed}'` and `sudo chmod -R g+rX '{closed}'`"
    raise NotDone(f"The service's user, {user}, can't open {file}: {closed} is closed.", f"{let_in}; then try again.")


def _rights(path: Path) -> list[str]:
    """Return what the service's user needs, as options of test(1). Python lists folders of packages."""
    is_read = not path.is_dir() or path.is_relative_to(Path(__file__).parents[2])
    return ["-x"] * path.is_dir() + ["-r"] * is_read


def _uninstall(unit: Path, out: Output) -> int:
    if not unit.exists():
        raise NotDone(f"{unit} doesn't exist.", "Nothing was changed.")
    _systemctl("disable", "--now", "tawny.service")
    try:
        unit.unlink()
    except OSError as error:
        raise FolderUnwritable(str(unit.parent), f"{error.strerror}; run this with sudo") from None
    _systemctl("daemon-reload")
    out.data({"unit": str(unit)}, f"Removed {unit}. Recordings and settings are unchanged.")
    return 0


def _systemctl(*words: str) -> str:
    if shutil.which("systemctl") is None:
        raise NotDone("This computer doesn't use systemd.", "Run `tawny run` from your own service manager.")
    return _call("systemctl", *words)


def _call(name: str, *words: str) -> str:
    """Run a program and return its output."""
    program = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if program is None:
        raise NotDone(f"{name} isn't installed.", "Install it, or pass `--user` with a user that exists.")
    done = subprocess.run([program, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        hint = "Run this with sudo." if os.geteuid() else "See `journalctl -u tawny`."
        raise NotDone(f"{name} {words[0]} failed: {done.stderr.strip()}", hint)
    return done.stdout.strip()

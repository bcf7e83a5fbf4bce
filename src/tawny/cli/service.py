"""`tawny service`: install or remove a hardened systemd unit that starts tawny at boot and restarts it."""

import os
import shutil
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from tawny.cli.output import Output
from tawny.cli.paths import config_file, data_folder, load_settings
from tawny.model.errors import FolderUnwritable, NotDone

UNIT = """\
[Unit]
Description=tawny security-camera recorder
Documentation=https://github.com/tawny/tawny
After=network-online.target time-sync.target
Wants=network-online.target
{mounts}={data}

[Service]
Type=notify
ExecStart={program} run --config {config} --data {data}
Restart=always
RestartSec=1
WatchdogSec=30
TimeoutStopSec=15
# credentials: files named like the ${{NAME}}s of the settings, readable by root only
LoadCredential=-tawny:{config_folder}/credentials
{user}StateDirectory=tawny
UMask=0077
LimitCORE=0
LimitNOFILE=65536
MemorySwapMax=0
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths={data}{others}
ProtectHome={home}
PrivateTmp=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectControlGroups=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
LockPersonality=yes
MemoryDenyWriteExecute=no
SupplementaryGroups=video

[Install]
WantedBy=multi-user.target
"""


def describe(parser: ArgumentParser) -> None:
    parser.add_argument(
        "what", choices=["install", "uninstall", "show"], help="show prints the systemd unit and changes nothing"
    )
    parser.add_argument("--config", metavar="FILE", help="settings file to run with")
    parser.add_argument("--data", metavar="DIR", help="folder for recordings")
    parser.add_argument("--user", help="user to run as (default: the user who called sudo)")
    parser.add_argument("--units", metavar="DIR", default="/etc/systemd/system", help="folder of systemd units")


def run(args: Namespace, out: Output) -> int:
    unit = Path(args.units) / "tawny.service"
    if args.what == "uninstall":
        return _uninstall(unit, out)
    text = unit_text(args)
    if args.what == "show":
        out.data({"unit": text}, text.rstrip())
        return 0
    _systemctl("--version")
    try:
        unit.write_text(text, encoding="utf-8")
    except OSError as error:
        raise FolderUnwritable(str(unit.parent), f"{error.strerror}; run this with sudo") from None
    _systemctl("daemon-reload")
    _systemctl("enable", "--now", "tawny.service")
    out.data({"unit": str(unit)}, f"Created {unit}. To check it: systemctl status tawny, or tawny status")
    return 0


def unit_text(args: Namespace) -> str:
    """Return the systemd unit. Raises NotDone: without a settings file."""
    config = config_file(args)
    if config is None or not config.exists():
        raise NotDone("No settings file found.", "Create one with `tawny init`, or pass it with `--config`.")
    chosen = load_settings(args)[0]
    data, storage = data_folder(args, chosen).resolve(), chosen.storage
    others = [storage.spare, storage.mirror, *(tier.path for tier in storage.tiers)]
    user = args.user or os.environ.get("SUDO_USER", "")
    below_home = any(str(path.resolve()).startswith(("/home/", "/root/")) for path in (config, data, Path(sys.prefix)))
    return UNIT.format(
        program=shutil.which("tawny") or Path(sys.argv[0]).resolve(),
        config=config.resolve(),
        config_folder=config.resolve().parent,
        data=data,
        mounts="WantsMountsFor" if storage.spare else "RequiresMountsFor",  # fallback disk: start without the main disk
        others="".join(f" -{Path(other).expanduser().resolve()}" for other in others if other),
        user=f"User={user}\n" if user else "",
        home="read-only" if below_home else "yes",
    )


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


def _systemctl(*words: str) -> None:
    program = shutil.which("systemctl")
    if program is None:
        raise NotDone("This computer doesn't use systemd.", "Run `tawny run` from your own service manager.")
    done = subprocess.run([program, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotDone(f"systemctl {words[0]} failed: {done.stderr.strip()}", "Run this with sudo.")

"""Raspberry Pancake: command lines of its recorder and post-processor, from a shell script or a systemd unit."""

import argparse
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from os.path import normpath
from pathlib import Path
from typing import Any, NoReturn

from tawny.config.importers.result import ForeignFormatError, ImportResult, ImportSource, flip, toml_quoted
from tawny.config.importers.shell_words import ShellError, split_commands

DEFAULTS = "recorder.py --record-detection all ~/recordings --detect no-image\n"
_CAMERA = "cameras.camera"
_RECORDER = {
    "--port", "--resolution", "--fps", "--vflip", "--hflip", "--rotation", "--annotate-text-size", "--max-stream-fps",
    "--record-continuous", "--record-detection", "--record-resize", "--detect", "--detect-resize", "--detect-interval",
    "--emit", "--login",
}  # fmt: skip
_POST = {
    "--convert", "--upload-after-convert", "--upload-minutes", "--upload-scp", "--upload-ftp", "--upload-queue-size",
    "--notify-telegram", "--notify-queue-size", "--log",
}  # fmt: skip
OPTIONS = _RECORDER | _POST
_LIMITS = {"limit_days": "--days", "limit_files_by_number": "--files", "limit_files_by_size": "--size"}
_OURS = {"limit_files_by_number": ".max_files, of about a minute each", "limit_files_by_size": ".max_size"}
"""Settings with the same aim. Their values can't be taken over: other files, and an unknown unit."""
_LEFT = {
    "--annotate-text-size": "not needed: time and name are shown by the page, not burned into the image",
    "--max-stream-fps": "not needed: live video is as fast as the connection allows",
    "--login": "can't be taken over: choose a new password with the link that `tawny run` prints",
}
_SHELLS = ("sh", "bash", "dash", "ash", "zsh")
_MOST_SHELLS = 4
"""Highest number of shells in one another: a variable may start one with itself."""
_ASSIGNED = re.compile(r"[A-Za-z_]\w*=")
_SETTINGS = ("WorkingDirectory", "Environment", "EnvironmentFile")
_BOTH = "import both units as one file: `cat recorder.service post.service > both.service`"
_EDGE = "3 s"
"""Time that Pancake keeps before and after a change of detection."""


@dataclass(slots=True)
class _Command:
    """A command with its line. folder: where it runs."""

    words: list[str]
    line: int
    folder: Path


@dataclass(slots=True)
class _Recording:
    """What the recorder makes, for the uploads and messages about it. folders: where its files are, also converted."""

    uploads: list[str] = field(default_factory=lambda: ["recordings"])
    has_clips: bool = False
    folders: list[str] = field(default_factory=list)


class _Options(argparse.ArgumentParser):
    """Options of one command. line: for errors, which name options only: values may be passwords."""

    def __init__(self, line: int) -> None:
        super().__init__(add_help=False, allow_abbrev=False)
        self._line = line

    def error(self, message: str) -> NoReturn:
        named = ", ".join(dict.fromkeys(re.findall(r"(?<!\S)--[a-z-]+", message)))
        allowed = re.search(r"allowed: [a-z0-9 ]+ from [-0-9.]+ to [-0-9.]+", message)
        reason = f"; {allowed[0]}" if allowed else ""
        raise ForeignFormatError(
            f"a value is missing, invalid or unknown{f' at {named}' if named else ''}{reason}", self._line
        )


def _number(least: float, most: float, kind: type[int] | type[float] = int) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        words = "a whole number" if kind is int else "a number"
        try:
            value = kind(text)
        except ValueError:
            value = kind(least - 1)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"allowed: {words} from {least:g} to {most:g}")
        return value

    return read


def from_pancake(source: ImportSource) -> ImportResult:
    found = ImportResult()
    recorders, posts, others = list[_Command](), list[_Command](), list[_Command]()
    for command in _commands(source, found):
        options = {word.partition("=")[0] for word in command.words}
        if options & _POST:
            posts.append(command)
        elif options & _RECORDER:
            recorders.append(command)
        else:
            others.append(command)
    if not recorders and not posts:
        raise ForeignFormatError("no command line with options of its recorder or post-processor")
    if len(recorders) > 1:
        raise ForeignFormatError(
            "a second recorder; import the command lines of one recorder at a time", recorders[1].line
        )
    made = _Recording()
    for command in recorders:
        made = _recorder(command, found, source)
    if not recorders:
        found.left["(the recorder)"] = f"no command line of it; {_BOTH}, or add the camera with `tawny cameras add`"
    for number, command in enumerate(posts):
        _post(command, found, source, made, number)
    if recorders and not posts and "pancake" in found.settings.get("webhooks", {}):
        found.left["(the post-processor)"] = f"no command line of it; if another unit starts it, {_BOTH}"
    _limits(others, found, source, made)
    return found


def _commands(source: ImportSource, found: ImportResult) -> Iterator[_Command]:
    """Yield all commands with arguments. Raises ForeignFormatError: for a broken one of Pancake's."""
    is_unit = re.search(r"^\[Service\]", source.text, re.MULTILINE) is not None
    services: list[list[tuple[int, str]]] = [[]]
    for number, text in _logical_lines(source.text):
        if text == "[Service]":
            services.append([])
        services[-1].append((number, text))
    for lines in services:
        yield from _of_service(lines, source, found, is_unit=is_unit)


def _of_service(
    lines: list[tuple[int, str]], source: ImportSource, found: ImportResult, *, is_unit: bool
) -> Iterator[_Command]:
    """Yield the commands of one unit, in which the order of lines doesn't matter, or of a script."""
    folder, variables = source.folder, {"HOME": str(source.home)}
    read = [(number, text, *_setting(text, source)) for number, text in lines]
    for number, _, setting, value in read:
        if setting == "WorkingDirectory":
            folder = Path(source.path(value.strip(' "').removeprefix("-")))
        elif setting == "Environment":
            variables |= _environment(value)
        elif setting == "EnvironmentFile":
            found.lines[setting] = number
            found.left[setting] = "not read: put the variables that the command lines use into Environment= lines"
    for number, text, setting, value in read:
        if setting.isalpha() and setting.startswith("Exec"):
            plain = re.sub(r"\\x([2-7][0-9a-fA-F])", lambda one: "\\" + chr(int(one[1], 16)), value)
            yield from _Shell(source, variables, number, folder).commands(plain.lstrip("-@:+!"))
        elif not is_unit and setting not in _SETTINGS:
            shell = _Shell(source, variables, number, folder)
            yield from shell.commands(text)
            folder = shell.folder


def _setting(text: str, source: ImportSource) -> tuple[str, str]:
    """Return name and value of a line of a unit, with what `%h` and `%%` stand for."""
    setting, _, value = text.partition("=")
    return setting.rstrip(), value.strip().replace("%h", str(source.home)).replace("%%", "%")


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines with their numbers; those that end with a backslash continue."""
    waiting, begun = "", 0
    for number, line in enumerate([*text.splitlines(), ""], 1):
        begun = begun if waiting else number
        waiting += line
        if waiting.endswith("\\") and not waiting.lstrip().startswith("#"):
            waiting = waiting[:-1] + " "
            continue
        yield begun, waiting.strip()
        waiting = ""


def _environment(value: str) -> dict[str, str]:
    """Return the variables of a systemd line such as `Environment=TOKEN=1:a "CHAT=-7"`."""
    try:
        words = shlex.split(value)
    except ValueError:  # a quote isn't closed
        return {}
    return {name: text for name, equals, text in (word.partition("=") for word in words) if equals}


@dataclass
class _Shell:
    """Reads one line and changes the variables of those after it. folder: where it is, also afterwards.

    depth: number of shells that this one is in.
    """

    source: ImportSource
    variables: dict[str, str]
    line: int
    folder: Path
    depth: int = 0

    def commands(self, text: str) -> Iterator[_Command]:
        """Yield the commands of a line, also those of `sh -c`. Raises ForeignFormatError."""
        try:
            found = split_commands(text, self.variables)
        except ShellError as error:
            if any(word in text for word in (*OPTIONS, "limit_days")):
                raise ForeignFormatError(f"{error}", self.line) from None
            return
        for words in found:
            own = [word for word in words if word not in ("export", "readonly", "declare", "typeset")]
            if all(_ASSIGNED.match(word) for word in own):
                self.variables |= {name: value for name, _, value in (word.partition("=") for word in own)}
            elif words[0] == "cd" and len(words) == 2:
                self.folder = Path(self.source.path(words[1], self.folder))
            elif (inner := _inner(words)) and self.depth < _MOST_SHELLS:
                shell = _Shell(self.source, dict(self.variables), self.line, self.folder, self.depth + 1)
                yield from shell.commands(inner)
            else:
                yield _Command(words, self.line, self.folder)


def _inner(words: list[str]) -> str:
    """Return the text that `sh -c TEXT` runs; empty for another command."""
    shell = next((at for at, word in enumerate(words) if Path(word).name in _SHELLS), len(words))
    options = [at for at, word in enumerate(words) if at > shell and re.fullmatch(r"-[a-z]*c", word)]
    return words[options[0] + 1] if options and len(words) > options[0] + 1 else ""


def _limits(commands: list[_Command], found: ImportResult, source: ImportSource, made: _Recording) -> None:
    """Take over how many days Pancake's tools leave; account for their other limits."""
    most_days = 0
    for command in commands:
        for at, word in enumerate(command.words[:-2]):
            tool = Path(word).name.removesuffix(".py")
            if tool not in _LIMITS:
                continue
            folder, limit = source.path(command.words[at + 1], command.folder), command.words[at + 2]
            found.lines[tool] = command.line
            is_of_recordings = any(Path(normpath(one)).is_relative_to(normpath(folder)) for one in made.folders)
            if tool == "limit_days" and is_of_recordings and re.fullmatch("0*[1-9][0-9]{0,4}", limit):
                most_days = max(most_days, int(limit))
            else:
                found.left[tool] = (
                    f"tawny deletes by its own settings (storage.retention{_OURS.get(tool, '')}); "
                    f"for old files and other folders, `tawny prune --folder DIR {_LIMITS[tool]} {limit}`"
                )
    if most_days:
        days = f"{most_days} days"
        found.put("limit_days", "storage.retention.max", days)
        if most_days < 14:
            both = f'storage.retention.max and storage.retention.min = "{days}"'
            found.put("limit_days", "storage.retention.min", days, both)  # whose default is longer
    elif made.folders and "limit_days" not in found.left:
        found.keeps_forever()


def _recorder(command: _Command, found: ImportResult, source: ImportSource) -> _Recording:
    parsed = _recorder_options(command)
    width, height = parsed.record_resize or parsed.resolution
    found.put("--resolution", f"{_CAMERA}.picamera.size", f"{width}x{height}")
    if parsed.record_resize:
        found.became["--record-resize"] = found.became["--resolution"]
    found.settings["cameras"]["camera"]["source"] = "picamera:0"
    found.put("--fps", f"{_CAMERA}.picamera.fps", parsed.fps)
    _turned(parsed, found)
    found.listens("--port", parsed.port)
    _detection(parsed, command, found, source)
    made = _recording(parsed, command, found, source)
    for name, why in _LEFT.items():
        if getattr(parsed, name.removeprefix("--").replace("-", "_")) is not None:
            found.left[name] = why
    given = {word.partition("=")[0] for word in command.words if word.startswith("--")}
    found.lines |= dict.fromkeys([*given, *(key for key in found.became if key.startswith("("))], command.line)
    found.became = {key: words for key, words in found.became.items() if key in given or not key.startswith("--")} | {
        f"{key} (not given)": words for key, words in found.became.items() if key.startswith("--") and key not in given
    }
    return made


def _recorder_options(command: _Command) -> argparse.Namespace:
    options = _Options(command.line)
    options.add_argument("--port", type=_number(1, 65_535), default=8000)
    options.add_argument("--resolution", type=_number(16, 4096), nargs=2, default=[320, 240])
    options.add_argument("--fps", type=_number(1, 120), default=12)
    for name in ("--vflip", "--hflip"):
        options.add_argument(name, action="store_true")
    options.add_argument("--rotation", choices=["0", "90", "180", "270"])
    for name in ("--annotate-text-size", "--max-stream-fps", "--login", "--record-continuous", "--emit"):
        options.add_argument(name)
    options.add_argument("--detect-interval", type=_number(0.02, 3600, float))
    options.add_argument("--record-detection", nargs=2)
    options.add_argument("--record-resize", type=_number(16, 4096), nargs=2)
    options.add_argument("--detect", choices=["no-image", "image"])
    options.add_argument("--detect-resize", type=_number(1, 4096), nargs=2)
    first = next(n for n, word in enumerate(command.words) if word.startswith("--"))
    parsed = options.parse_args(command.words[first:])
    if parsed.record_detection and parsed.record_detection[0] not in ("edge", "all"):
        raise ForeignFormatError("--record-detection: allowed: edge DIR or all DIR", command.line)
    if parsed.record_detection and not parsed.detect:
        raise ForeignFormatError("--record-detection also needs --detect no-image or image", command.line)
    if parsed.emit is not None and not re.fullmatch(r"[^\x00-\x20/]{1,90}", parsed.emit):
        raise ForeignFormatError("--emit: allowed: a name of at most 90 characters without / and spaces", command.line)
    return parsed


def _turned(parsed: argparse.Namespace, found: ImportResult) -> None:
    over = parsed.rotation == "180"
    turned = flip(left_right=parsed.hflip != over, up_down=parsed.vflip != over)
    for name, is_said in (("--hflip", parsed.hflip), ("--vflip", parsed.vflip), ("--rotation", over)):
        if is_said:
            found.put(name, f"{_CAMERA}.picamera.flip", turned)
    if parsed.rotation in ("90", "270"):
        found.put("--rotation", f"{_CAMERA}.rotate", int(parsed.rotation))
    elif parsed.rotation == "0":
        found.left["--rotation"] = "not needed: 0 turns nothing"


def _detection(parsed: argparse.Namespace, command: _Command, found: ImportResult, source: ImportSource) -> None:
    if not parsed.detect:
        found.put("(no --detect)", f"{_CAMERA}.detection.detector", "off")
        for name, value in (("--detect-resize", parsed.detect_resize), ("--detect-interval", parsed.detect_interval)):
            if value is not None:
                found.left[name] = "not needed: without --detect nothing is detected"
        return
    file = source.path("customize.py", command.folder)
    own: dict[str, object] = {"file": file, "every": f"{parsed.detect_interval or round(1 / parsed.fps, 3)} s"}
    own |= {"deadline": "2.5 s"}
    if parsed.detect == "image":
        own["width"], own["height"] = parsed.detect_resize or parsed.resolution
        words = f"`detect(bytes)` gets exactly {own['width']}x{own['height']} pixels"
    else:
        words = "`detect()` is called without an image"
    found.put("--detect", f"{_CAMERA}.detection.detector", "own", f'detection.detector = "own": {file}; {words}')
    found.put("customize.py", f"{_CAMERA}.detection.own", own, f"used as it is, where it is: {file}")
    if not Path(file).is_file():
        del found.became["customize.py"]
        found.left["customize.py"] = f"missing: put it at {file} before you start tawny"
    if parsed.detect_interval:
        found.became["--detect-interval"] = f"detection.own.every = {own['every']}"
    if parsed.detect_resize:
        used = parsed.detect == "image"
        found.became["--detect-resize"] = words if used else "not needed: `detect()` gets no image"


def _recording(parsed: argparse.Namespace, command: _Command, found: ImportResult, source: ImportSource) -> _Recording:
    """Import what is recorded, and the messages about it."""
    made = _Recording([], bool(parsed.record_detection))
    given = (parsed.record_continuous, parsed.record_detection and parsed.record_detection[1])
    made.folders = [source.path(one, command.folder) for one in given if one]
    clips = ""
    if parsed.record_detection:
        kind, clips = parsed.record_detection[0], source.path(parsed.record_detection[1], command.folder)
        made.uploads.append("events")
        found.became["--record-detection"] = "events in the continuous recording"
        if not parsed.record_continuous:
            found.put("--record-detection", f"{_CAMERA}.record", "transitions" if kind == "edge" else "events")
        found.put("(3 s before and after)", f"{_CAMERA}.pre", _EDGE)
        found.put("(3 s before and after)", f"{_CAMERA}.post", _EDGE)
    if parsed.record_continuous:
        made.uploads.append("recordings")
    if folder := source.path(parsed.record_continuous, command.folder) if parsed.record_continuous else clips:
        which = "--record-continuous" if parsed.record_continuous else "(its folder)"
        found.put(which, "storage.path", folder.rstrip("/") + "/tawny")
    else:
        found.put("(no --record-…)", f"{_CAMERA}.record", "off", f'{_CAMERA}.record = "off", as without these options')
    if parsed.emit:
        about = (["event"] if parsed.detect else []) + (
            ["segment"] if parsed.record_continuous or _is_all(parsed) else []
        )
        emit: dict[str, object] = {"url": f"unix:@{parsed.emit}", "format": "pancake", "cameras": ["camera"]}
        emit |= {"events": about or ["event"]} | ({"clips": clips} if clips else {})
        words = f"webhooks.pancake: unix:@{parsed.emit}, in Pancake's format"
        found.put("--emit", "webhooks.pancake", emit, words + (f"; clips of 6 s in {clips}" if clips else ""))
    return made


def _is_all(parsed: argparse.Namespace) -> bool:
    return bool(parsed.record_detection) and parsed.record_detection[0] == "all"


def _post(command: _Command, found: ImportResult, source: ImportSource, made: _Recording, earlier: int) -> None:
    """earlier: number of post-processors before this one."""
    parsed = _post_options(command)
    found.lines |= {word: command.line for word in command.words if word.startswith("--")}
    when: dict[str, object] = {"upload": made.uploads or ["recordings"], "names": "pancake"}
    when |= {"batch": parsed.upload_after_convert} if parsed.upload_after_convert else {}
    when |= {"minutes": sorted(set(parsed.upload_minutes))} if parsed.upload_minutes else {}
    has_targets = bool(parsed.upload_scp or parsed.upload_ftp)
    for name, is_given in (("--upload-after-convert", "batch" in when), ("--upload-minutes", "minutes" in when)):
        if is_given:
            words = f"{'batch' if name[9] == 'a' else 'minutes'} of the destinations"
            found.became[name] = words if has_targets else "not needed: there is no destination"
    if parsed.convert:
        if made.folders:
            made.folders.append(source.path(parsed.convert[0], command.folder))
        found.became["--convert"] = "not needed: files are MP4 from the start, with their own frame rate"
    suffix = "" if not earlier else f"-{earlier + 1}"
    for number, one in enumerate(parsed.upload_scp, 1):
        _scp(found, source, command, one, f"scp-{number}{suffix}", when)
    for number, one in enumerate(parsed.upload_ftp, 1):
        _ftp(found, command, one, f"ftp-{number}{suffix}", when)
    for number, (token, chat) in enumerate(parsed.notify_telegram, 1):
        if not re.fullmatch(r"\d+:[A-Za-z0-9_-]+", token) or not re.fullmatch(r"-?\d+", chat):
            raise ForeignFormatError(
                "--notify-telegram: allowed: a token such as 123456:ABC, and the number of a chat", command.line
            )
        url = f"telegram://{found.secret(f'telegram_{number}{suffix}', token)}@{chat}"
        one_channel = {"url": url, "format": "pancake", "clip": "video" if made.has_clips else "none"}
        found.put(
            f"--notify-telegram {chat}", f"notifiers.telegram-{number}{suffix}", one_channel,
            f"notifiers.telegram-{number}{suffix}: Pancake's two texts at every change of detection",
        )  # fmt: skip
    for option in ("--upload-queue-size", "--notify-queue-size"):
        if getattr(parsed, option.removeprefix("--").replace("-", "_")):
            found.left[option] = "not needed: what waits is stored on disk, at most `outbox.budget`"
    if parsed.log:
        found.put("--log", "log.file", source.path(parsed.log, command.folder))
        found.settings["log"]["level"] = "info"


def _post_options(command: _Command) -> argparse.Namespace:
    options = _Options(command.line)
    options.add_argument("--convert", nargs=2)
    options.add_argument("--upload-after-convert", type=_number(1, 1000))
    options.add_argument("--upload-minutes", type=_number(0, 59), nargs="+", default=[])
    options.add_argument("--upload-scp", nargs=3, action="append", default=[])
    options.add_argument("--upload-ftp", nargs=5, action="append", default=[])
    options.add_argument("--notify-telegram", nargs=2, action="append", default=[])
    for name in ("--upload-queue-size", "--notify-queue-size", "--log"):
        options.add_argument(name)
    first = next(n for n, word in enumerate(command.words) if word.startswith("--"))
    parsed, others = options.parse_known_args(command.words[first:])
    if unknown := [word for word in others if word.startswith("-")]:
        options.error(f"unknown: {unknown[0].partition('=')[0]}")
    return parsed


def _folder_url(folder: str) -> str:
    """Return a folder as the path of an address. An absolute one begins with an encoded slash, others at home."""
    folder = "" if folder == "~" else folder.removeprefix("~/")
    return toml_quoted(folder) if folder.startswith("/") else "/".join(map(toml_quoted, folder.split("/")))


def _port(text: str, option: str, command: _Command) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:6]) < 65_536:
        raise ForeignFormatError(f"{option}: allowed: a port from 1 to 65535", command.line)
    return int(text)


def _host(text: str, option: str, command: _Command) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}|\[?[0-9a-fA-F:.]{2,39}\]?", text):
        raise ForeignFormatError(f"{option}: allowed: a host, such as nas.lan", command.line)
    return f"[{text.strip('[]')}]" if ":" in text else text


def _scp(
    found: ImportResult, source: ImportSource, command: _Command, one: list[str], name: str, when: dict[str, object]
) -> None:
    who, port_text, folder = one
    user, at, host_text = who.rpartition("@")
    host, port = _host(host_text, "--upload-scp", command), _port(port_text, "--upload-scp", command)
    if not at or not user:
        raise ForeignFormatError("--upload-scp: allowed: USER@HOST PORT DIR", command.line)
    url = f"sftp://{toml_quoted(user)}@{host}:{port}/{_folder_url(folder)}"
    key, host_key = find_ssh_login(source.home, host_text.strip("[]"), port)
    table = {"url": url, **when, "create_folder": True}
    table |= ({"key": key} if key else {}) | ({"host_key": host_key} if host_key else {})
    theirs = f"--upload-scp {who}"
    theirs += f" ({name})" if theirs in found.became else ""
    found.lines[theirs] = command.line
    found.put(theirs, f"destinations.{name}", table, f"destinations.{name}: {url}")
    missing = [] if key else ["your private key: set `key` to its file, or add a password to the address"]
    if not host_key:
        missing.append(f"the server's key: `tawny uploads test {name}` says what to set as `host_key`")
    if missing:
        found.left[f"destinations.{name}"] = f"not found in ~/.ssh: {'; '.join(missing)}"


def find_ssh_login(home: Path, host: str, port: int) -> tuple[str, str]:
    """Return the user's private key file and the fingerprint of a known host, as `scp` uses them; or empty texts."""
    folder = home / ".ssh"
    keys = [folder / f"id_{kind}" for kind in ("ed25519", "ecdsa", "rsa")]
    key = next((str(path) for path in keys if path.is_file()), "")
    try:
        import asyncssh  # not at module level: it takes a fifth of a second

        known = asyncssh.import_known_hosts((folder / "known_hosts").read_text(encoding="utf-8", errors="replace"))
        shown = [one for one in known.match(host, "", port)[0] if hasattr(one, "get_fingerprint")]
    except (ImportError, OSError, ValueError):  # asyncssh is optional
        return key, ""
    order = ("ssh-ed25519", "ecdsa", "ssh-rsa")
    shown.sort(key=lambda one: next((n for n, kind in enumerate(order) if one.get_algorithm().startswith(kind)), 9))
    return key, str(shown[0].get_fingerprint()) if shown else ""


def _ftp(found: ImportResult, command: _Command, one: list[str], name: str, when: dict[str, object]) -> None:
    host_text, port_text, user, password, folder = one
    host, port = _host(host_text, "--upload-ftp", command), _port(port_text, "--upload-ftp", command)
    secret = found.secret(name, toml_quoted(password))
    url = f"ftp://{toml_quoted(user)}:{secret}@{host}:{port}/{_folder_url(folder)}"
    theirs = (
        f"--upload-ftp {host_text}" if f"--upload-ftp {host_text}" not in found.became else f"--upload-ftp ({name})"
    )
    found.lines[theirs] = command.line
    found.put(
        theirs, f"destinations.{name}", {"url": url, **when, "create_folder": True},
        f"destinations.{name}: {url}. Plain FTP: password and video are sent readable to anyone on the way; "
        "use ftps:// if the server can",
    )  # fmt: skip

"""rclone destination: Google Drive, Dropbox, OneDrive and others, through a remote configured in rclone.

`rclone:REMOTE/folder`: the remote is created with `rclone config`. Its credentials stay in rclone's file and never
appear in our settings or a command line. Uploads cannot be resumed: an interrupted file is sent again.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import IO, Any, ClassVar
from urllib.parse import unquote

from tawny.delivery.delivery import PORTION_BYTES, DeliveryContent, portions
from tawny.delivery.destination import DestinationConnection, DestinationContext, RemoteFile, only
from tawny.engine.descriptors import wait_readable, wait_writable
from tawny.model.errors import DeliveryError, TargetFull, TargetMissing, TargetRefused, TargetUnreachable
from tawny.model.times import utc_from_text

EXAMPLE = "rclone:my-drive/tawny"
PART = ".tmp"
"""Ending of a file until it is complete. Nextcloud and ownCloud refuse `.part`."""
_FORMER_PART = ".part"
DEADLINE_S = 60.0
"""Timeout, s, of a command without progress."""
SLOWEST_BYTES_PER_S, MOST_HELD_BYTES = 10_000.0, 20_000_000
"""The time grows with what rclone was given: for some remotes it reads parts of a file into memory, then sends them."""
MOST_OUTPUT_BYTES = 1_000_000
"""Of a command, and of one line of a list of files, which may have millions."""
_ERROR_BYTES = 4000
_MISSING = (3, 4)
"""Exit codes of rclone for a missing folder and a missing file."""
_REMOTE = re.compile(r"[A-Za-z0-9_][\w.+@ -]*", re.ASCII)
_FLAGS = (
    "--retries=1", "--low-level-retries=2", "--contimeout=15s", "--timeout=30s", "--ask-password=false",
    "--use-mmap", "--buffer-size=0", "--log-level=ERROR",
)  # fmt: skip
_WORDS: Sequence[tuple[str, type[DeliveryError]]] = (
    (r"didn't find section|not found in config", TargetMissing),
    (r"no space left|quota|storage.*full|insufficient ?storage|\b507\b", TargetFull),
    (
        r"unauthori[sz]ed|forbidden|denied|invalid_grant|expired|unable to authenticate|\b40[13]\b|password",
        TargetRefused,
    ),
    (
        r"no such host|refused|unreachable|timeout|timed out|reset|EOF|TLS|certificate|\b5\d\d\b|\b429\b",
        TargetUnreachable,
    ),
)


class RcloneDestination:
    """Any storage that rclone supports.

    - `config` (rclone's default): rclone's configuration file.
    """

    schemes: ClassVar[tuple[str, ...]] = ("rclone",)

    def settings(self, url: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
        _parse(url)
        only(table, ("config",))
        return {"config": str(table.get("config", ""))}

    def public(self, url: str) -> str:
        remote, folder = _parse(url)
        return f"{remote}:{folder}"

    def connect(self, opening: DestinationContext) -> DestinationConnection:
        remote, folder = _parse(opening.url)
        public = f"{opening.name} ({remote}:{folder})"
        program = shutil.which("rclone")
        if program is None:
            raise TargetMissing(public, "rclone isn't installed; install it with `apt install rclone`")
        config = str(opening.options["config"])
        made = _Open(program, remote, folder, Path(config).expanduser() if config else None, public)
        made.look()
        return made


class _Open:
    is_sure: ClassVar[bool] = False

    def __init__(self, program: str, remote: str, folder: str, config: Path | None, public: str) -> None:
        self._begin = [program, *([f"--config={config}"] if config else []), *_FLAGS]
        self._remote, self._public = remote, public
        self._root = f"{remote}:{folder}{'/' if folder and not folder.endswith('/') else ''}"

    def look(self) -> None:
        """Check that rclone knows the remote, without network access."""
        known = self._output_of("listremotes").decode(errors="replace").split("\n")
        if f"{self._remote}:" not in known:
            raise TargetMissing(
                self._public,
                f"rclone has no remote {self._remote}; create it with `rclone config` as the user that runs tawny",
            )

    def find(self, name: str) -> RemoteFile | None:
        stated = self._stated(name)
        return None if stated is None else _there(stated, name)

    def put(self, name: str, content: DeliveryContent, progress: str, note: Callable[[str], None]) -> None:
        part = self._at(name + PART)
        size_bytes = content.size_bytes
        with self._running(
            "rcat", f"--size={size_bytes}", part, stdin=subprocess.PIPE, fed_bytes=size_bytes
        ) as process:
            assert process.stdin
            self._feed(process.stdin, content)
        self._output_of("moveto", part, self._at(name))

    def sha256(self, name: str) -> str | None:
        stated = self._stated(name, "--hash", "--hash-type=sha256")
        digest = (stated or {}).get("Hashes", {}).get("sha256", "")
        return digest or None

    def read(self, name: str) -> Iterator[bytes]:
        with self._running("cat", self._at(name)) as process:
            assert process.stdout
            yield from self._portions(process.stdout)

    def remove(self, name: str) -> None:
        there = [one for one in (name + PART, name) if self._stated(one) is not None]
        for one in there:
            self._output_of("deletefile", self._at(one))
        if not there:
            return
        for folder in list(PurePosixPath(name).parents)[:-1]:
            try:
                self._output_of("rmdir", self._at(str(folder)))
            except DeliveryError:
                return  # not empty

    def files(self, prefix: str = "") -> Iterator[RemoteFile]:
        below = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        unfinished = dict[str, RemoteFile]()
        try:
            for each in self._listed(below):
                file = _there(each, below + str(each.get("Path", "")))
                if file.name.endswith(PART):
                    name = file.name.removesuffix(PART)
                    unfinished[name] = replace(file, name=name)
                elif not file.name.endswith(_FORMER_PART):
                    yield file
            # again, as names of whole files may be too many to hold
            for each in self._listed(below) if unfinished else ():
                unfinished.pop(below + str(each.get("Path", "")), None)
        except TargetMissing:
            return  # nothing was uploaded yet
        except ValueError as error:
            raise DeliveryError(self._public, "its file list can't be read") from error
        yield from unfinished.values()

    def link(self, name: str, lasts_s: float) -> str:
        """Return an empty string: many services would make the file public permanently."""
        return ""

    def close(self) -> None:
        """No resources to release."""

    def _listed(self, below: str) -> Iterator[dict[str, Any]]:
        """Yield rclone's properties of each file in a folder. Each is a line, so that no list has to be held."""
        line, is_whole = b"", False
        with self._running("lsjson", "-R", "--files-only", self._root + below) as process:
            assert process.stdout
            for portion in self._portions(process.stdout):
                *lines, line = (line + portion).split(b"\n")
                if len(line) > MOST_OUTPUT_BYTES:
                    raise DeliveryError(self._public, "rclone's output is too long")
                for each in lines:
                    is_whole = each.rstrip().endswith(b"]")
                    if found := each.strip(b" \r,[]"):
                        yield json.loads(found)
        if not is_whole:
            raise ValueError("the list has no end")

    def _stated(self, name: str, *flags: str) -> dict[str, Any] | None:
        """Return rclone's properties of a file; None if it does not exist."""
        try:
            found = json.loads(self._output_of("lsjson", "--stat", *flags, self._at(name)) or b"null")
        except TargetMissing:
            return None
        except ValueError as error:
            raise DeliveryError(self._public, "its response can't be read") from error
        return found if isinstance(found, dict) and not found.get("IsDir") else None

    def _at(self, name: str) -> str:
        if any(part in ("", ".", "..") for part in name.split("/")):
            raise DeliveryError(self._public, f"{name!r} is no name of a file in it")
        return self._root + name

    def _output_of(self, *words: str) -> bytes:
        """Run a command and return its output."""
        with self._running(*words) as process:
            assert process.stdout
            return b"".join(self._portions(process.stdout, MOST_OUTPUT_BYTES))

    @contextmanager
    def _running(
        self, *words: str, stdin: int = subprocess.DEVNULL, fed_bytes: int = 0
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Run a command and kill it at the end of the block. Raises DeliveryError if it fails."""
        with _error_file() as errors:
            try:
                process = subprocess.Popen([*self._begin, *words], stdin=stdin, stdout=subprocess.PIPE, stderr=errors)
            except OSError as error:
                raise TargetMissing(self._public, f"rclone can't be started: {error.strerror}") from error
            try:
                with suppress(BrokenPipeError):  # the process has ended; its error output gives the reason
                    yield process
                if process.stdin:
                    with suppress(BrokenPipeError):
                        process.stdin.close()
                code = process.wait(_limit_s(fed_bytes))
            except subprocess.TimeoutExpired:
                raise TargetUnreachable(self._public, "rclone didn't finish in time") from None
            finally:
                process.kill()
                process.wait()
                for pipe in (process.stdin, process.stdout):
                    if pipe is not None:
                        with suppress(OSError):
                            pipe.close()
            if code != 0:
                errors.seek(0)
                output = errors.read(_ERROR_BYTES).decode(errors="replace")
                raise self._refusal(code, output, [word for word in words if word.startswith(self._root)])

    def _feed(self, pipe: IO[bytes], content: DeliveryContent) -> None:
        os.set_blocking(pipe.fileno(), False)
        fed_bytes = 0
        for portion in portions(content):
            left = memoryview(portion)
            while left:
                if not wait_writable([pipe], _limit_s(fed_bytes)):
                    raise TargetUnreachable(self._public, "rclone stopped accepting data")
                with suppress(BlockingIOError):
                    written = os.write(pipe.fileno(), left)
                    fed_bytes += written
                    left = left[written:]

    def _portions(self, pipe: IO[bytes], most_bytes: int | None = None) -> Iterator[bytes]:
        read_bytes = 0
        while True:
            if not wait_readable([pipe], DEADLINE_S):
                raise TargetUnreachable(self._public, "rclone stopped responding")
            portion = os.read(pipe.fileno(), PORTION_BYTES)
            if not portion:
                return
            read_bytes += len(portion)
            if most_bytes is not None and read_bytes > most_bytes:
                raise DeliveryError(self._public, "rclone's output is too long")
            yield portion

    def _refusal(self, code: int, output: str, paths: Sequence[str]) -> DeliveryError:
        """Return the error that matches the output. Parts that may contain secrets are removed.

        paths: of the command, whose words and numbers are no reason.
        """
        if code in _MISSING:
            return TargetMissing(self._public, "the file or folder doesn't exist")
        reason = output
        for path in paths:
            folder, _, leaf = path.rpartition("/")
            for named in filter(None, (path, path.removeprefix(self._root), folder, leaf)):
                reason = re.sub(rf"(?<!\w){re.escape(named)}(?!\w)", "", reason)
        kind = next((kind for words, kind in _WORDS if re.search(words, reason, re.IGNORECASE)), DeliveryError)
        last = output.strip().rpartition("\n")[2]
        detail = re.sub(r"\S*(://|=)\S*", "…", re.sub(r"^[\d/: ]+", "", last))[:160].strip(" .")
        return kind(self._public, f"rclone says: {detail}" if detail else f"rclone exited with code {code}")


def _limit_s(fed_bytes: int) -> float:
    return DEADLINE_S + min(fed_bytes, MOST_HELD_BYTES) / SLOWEST_BYTES_PER_S


@contextmanager
def _error_file() -> Iterator[IO[bytes]]:
    """Yield a file in memory for a command's error output."""
    with os.fdopen(os.memfd_create("rclone"), "w+b") as file:
        yield file


def _there(stated: Mapping[str, Any], name: str) -> RemoteFile:
    try:
        modified_ms = utc_from_text(str(stated.get("ModTime", "")))
    except ValueError:
        modified_ms = 0
    return RemoteFile(name, int(stated.get("Size", -1)), modified_ms)


def _parse(url: str) -> tuple[str, str]:
    """Return remote and folder. Raises ValueError, also for remotes with inline credentials."""
    remote, _, folder = unquote(url.removeprefix("rclone:").removeprefix("//")).partition("/")
    remote = remote.removesuffix(":")
    is_folder = not any(part == ".." for part in folder.split("/")) and all(ord(one) >= 32 for one in folder)
    if not url.startswith("rclone:") or not _REMOTE.fullmatch(remote) or not is_folder:
        raise ValueError(f"url: a remote created with `rclone config`, and a folder: {EXAMPLE}")
    return remote, folder.rstrip("/")

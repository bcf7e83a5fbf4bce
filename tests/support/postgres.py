"""A PostgreSQL server of the distribution for tests: its own cluster on a UNIX socket, run by a user without rights."""

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

PROGRAMS = Path("/usr/lib/postgresql")
FAST = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=40")


def program(name: str) -> str:
    """Return the path of a program of the newest PostgreSQL that is installed."""
    found = sorted(PROGRAMS.glob(f"*/bin/{name}"), key=lambda path: float(path.parts[-3]))
    assert found, "PostgreSQL is missing: ./test installs it (apt-get install postgresql)"
    return str(found[-1])


class PostgresServer:
    """address: of the server's first database."""

    def __init__(self, folder: Path, user: str | None, settings: tuple[str, ...]) -> None:
        self._folder, self._user, self._settings = folder, user, settings
        self.address = f"postgresql://tawny@/postgres?host={folder}"

    def start(self, *more: str) -> None:
        """more: settings for this time."""
        settings = (f"unix_socket_directories={self._folder}", "listen_addresses=''", *self._settings, *more)
        options = " ".join(f"-c {one}" for one in settings)
        self._control("-l", str(self._folder / "log"), "-o", options, "-w", "-t", "120", "start")

    def stop(self) -> None:
        self._control("-m", "fast", "-w", "stop")

    def forget_files(self) -> None:
        """Remove the server's files from the system's cache, as far as they are written."""
        for path in (self._folder / "data").rglob("*"):
            if path.is_file():
                fd = os.open(path, os.O_RDONLY)
                os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
                os.close(fd)

    def cut_power(self) -> None:
        """Stop it at once: what it has not synced is lost, as with the computer's power."""
        self._control("-m", "immediate", "-w", "stop")

    def new_database(self) -> str:
        """Return the address of an empty database."""
        name = f"hub_{secrets.token_hex(6)}"
        with psycopg.connect(self.address, autocommit=True) as db:
            db.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        return self.address.replace("/postgres?", f"/{name}?")

    def _control(self, *words: str) -> None:
        _run(self._user, program("pg_ctl"), "-D", str(self._folder / "data"), *words)


@contextmanager
def postgres_server(*settings: str) -> Iterator[PostgresServer]:
    """Run a server. settings: as for `postgres -c`."""
    folder = Path(tempfile.mkdtemp(prefix="tawny-postgres-", dir="/tmp"))
    user = "nobody" if os.geteuid() == 0 else None  # the server refuses to run as root
    if user is not None:
        known = pwd.getpwnam(user)
        os.chown(folder, known.pw_uid, known.pw_gid)
    server = PostgresServer(folder, user, settings)
    try:
        _run(
            user, program("initdb"), "-D", str(folder / "data"), "-A", "trust", "-U", "tawny", "-E", "UTF8", "--no-sync"
        )
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)


def _run(user: str | None, *words: str) -> None:
    done = subprocess.run(
        words, user=user, group="nogroup" if user else None, extra_groups=() if user else None, cwd="/",
        env={"LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout

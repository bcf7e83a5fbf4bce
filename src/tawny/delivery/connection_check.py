"""Connection check of a destination: writes a small file, reads it back and removes it.

A login that may not delete is no fault: the check finds it, and the destination needs `write_only`.
"""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from tawny.delivery.destination import DestinationConnection
from tawny.model.errors import DeliveryError, TargetLied, TargetRefused

SIZE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class ConnectionTestStep:
    """Result of a step. wrong: the problem, empty on success; do: the remedy."""

    what: str
    wrong: str = ""
    do: str = ""
    write_only: bool = False
    """Whether this step found that the login may not delete, so that the destination needs `write_only`."""


class _Sample:
    media_type = "application/octet-stream"
    modified_ms = 0

    def __init__(self) -> None:
        self.data = secrets.token_bytes(SIZE_BYTES)
        self.size_bytes, self.sha256 = SIZE_BYTES, hashlib.sha256(self.data).hexdigest()

    def read(self, offset: int, size_bytes: int) -> bytes:
        return self.data[offset : offset + size_bytes]

    def close(self) -> None:
        """No resources to release."""


def check_destination(
    connect: Callable[[], DestinationConnection], public: str, *, write_only: bool = False
) -> list[ConnectionTestStep]:
    """Connect, write, read back and remove; stop at the first step that fails.

    write_only: connect and write only; the test file stays there.
    """
    name, sample = f"tawny-test-{secrets.token_hex(4)}.bin", _Sample()
    done: list[ConnectionTestStep] = []
    connection: DestinationConnection | None = None
    doing = "Connect"
    try:
        connection = connect()
        done.append(ConnectionTestStep("Connected"))
        doing = "Upload a test file"
        connection.put(name, sample, "", lambda _: None)
        if write_only:
            done.append(ConnectionTestStep(f"Uploaded a test file; {name} stays there"))
            return done
        done.append(ConnectionTestStep("Uploaded a test file"))
        doing = "Download it again"
        is_readable = _is_read_back(connection, name, sample, public)
        if is_readable:
            done.append(ConnectionTestStep("Downloaded it again"))
        doing = "Delete it"
        try:
            connection.remove(name)
        except TargetRefused:
            may = "This login may not delete" if is_readable else "This login may only write"
            done.append(ConnectionTestStep(f"{may}; {name} stays there", write_only=True))
        else:
            done.append(ConnectionTestStep("Deleted it"))
    except DeliveryError as error:
        done.append(ConnectionTestStep(doing, error.message, error.do))
    finally:
        if connection is not None:
            connection.close()
    return done


def _is_read_back(connection: DestinationConnection, name: str, sample: _Sample, public: str) -> bool:
    """Compare the file with what was written. Return False if the login may not read it."""
    try:
        data = b"".join(connection.read(name))
    except TargetRefused:
        return False
    if data != sample.data:
        raise TargetLied(public, "the downloaded file differs from the uploaded one")
    return True

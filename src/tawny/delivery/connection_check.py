"""Connection check of a destination: writes a small file, reads it back and removes it."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from tawny.delivery.carrier import DeliveryContent
from tawny.delivery.destination import DestinationConnection
from tawny.model.errors import DeliveryError, TargetLied

SIZE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class ConnectionTestStep:
    """Result of a step. wrong: the problem, empty on success; do: the remedy."""

    what: str
    wrong: str = ""
    do: str = ""


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


def check_destination(connect: Callable[[], DestinationConnection], public: str) -> list[ConnectionTestStep]:
    """Connect, write, read back and remove; stop at the first step that fails."""
    name, sample = f"tawny-test-{secrets.token_hex(4)}.bin", _Sample()
    done: list[ConnectionTestStep] = []
    connection: DestinationConnection | None = None
    try:
        connection = connect()
        done.append(ConnectionTestStep("Connected"))
        content: DeliveryContent = sample
        connection.put(name, content, "", lambda _: None)
        done.append(ConnectionTestStep("Uploaded a test file"))
        if b"".join(connection.read(name)) != sample.data:
            raise TargetLied(public, "the downloaded file differs from the uploaded one")
        done.append(ConnectionTestStep("Downloaded it again"))
        connection.remove(name)
        done.append(ConnectionTestStep("Deleted it"))
    except DeliveryError as error:
        failed = ("Connect", "Upload a test file", "Download it again", "Delete it")[len(done)]
        done.append(ConnectionTestStep(failed, error.message, error.do))
    finally:
        if connection is not None:
            connection.close()
    return done

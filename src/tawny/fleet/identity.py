"""Keys of recorders in a fleet, the link that invites one, and the four words that both sides compare.

Every recorder makes its own Ed25519 key, which stays in its data folder (`fleet.key`). A join link holds the hub's
address, a one-time code and the fingerprint of the hub's key: a recorder joins that hub and no other.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal, Self
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tawny.config.fleet import is_nats_address
from tawny.config.secure import is_web_address
from tawny.model.errors import NotDone, StorageError, UsageError
from tawny.sealed.mnemonics import english
from tawny.storage.disk.private_files import write_private

KEY_FILE: Final = "fleet.key"
UNKNOWN: Final = (
    "this recorder isn't known there: it was removed, or an older backup was restored there; "
    "connect it again by a new link"
)
"""Said to a recorder with a key that its hub or standby doesn't have."""
PATH: Final = "/join"
"""Of the hub's page that a join link opens in a browser."""
WORDS: Final = 4
_BITS: Final = 11
_LINK: Final = re.compile(r"(standby\.)?([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})")
Joinable = Literal["hub", "standby"]
"""What a link leads to."""


@dataclass(frozen=True, slots=True)
class JoinLink:
    """What a join link says. hub: fingerprint of the key of the hub, or of the standby. to: which of both it is.

    url: the hub's address, such as `http://192.168.1.5:8000`, or of its NATS server, such as `nats://192.168.1.5:4222`.
    """

    url: str
    code: str
    hub: str
    to: Joinable = "hub"

    def __str__(self) -> str:
        return f"{self.url}{PATH}#{'standby.' if self.to == 'standby' else ''}{self.code}.{self.hub}"

    def needed(self, to: Joinable) -> Self:
        """Return the link if it leads there. Raises UsageError."""
        if self.to == to:
            return self
        if self.to == "hub":
            raise UsageError(
                "This link leads to a hub, not to a standby.",
                "Create one on the standby: under Settings, Standby, or by `tawny standby link`.",
            )
        raise UsageError(
            "This link leads to a standby, not to a hub.", "Use it under Settings, Standby, or by `tawny standby join`."
        )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises UsageError: it is no join link."""
        try:
            parts = urlsplit(text.strip())
            found = _LINK.fullmatch(parts.fragment)
        except ValueError:  # a port above 65535
            found = None
        url = f"{parts.scheme}://{parts.netloc}{parts.path.removesuffix(PATH)}" if found is not None else ""
        if found is None or not (is_web_address(url) or is_nats_address(url)) or not parts.path.endswith(PATH):
            raise UsageError(
                "This isn't a link of a hub or a standby.",
                "Copy it whole from the hub's page “Recorders”, or from the standby's page Settings, Standby.",
            )
        return cls(url, found[2], found[3], "standby" if found[1] else "hub")


def load_key(folder: Path) -> Ed25519PrivateKey | None:
    """Return the recorder's key; None if it has none. Raises StorageError, NotDone: the file is no key."""
    path = folder / KEY_FILE
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(str(path), error.strerror or "") from error
    try:
        return Ed25519PrivateKey.from_private_bytes(base64.b64decode(data.strip(), validate=True))
    except (ValueError, binascii.Error):
        raise NotDone(f"{path} is damaged.", "Delete it, and let this recorder join its hub again.") from None


def save_key(folder: Path, key: Ed25519PrivateKey) -> None:
    """Write the key so that only this user can read it; it replaces a former one. Raises StorageError."""
    path = folder / KEY_FILE
    try:
        write_private(path, base64.b64encode(key.private_bytes_raw()) + b"\n")
    except OSError as error:
        raise StorageError(str(path), error.strerror or "") from error


def forget_key(folder: Path) -> None:
    """Delete the recorder's key: no other hub can recognize this recorder. Raises StorageError."""
    try:
        (folder / KEY_FILE).unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(str(folder / KEY_FILE), error.strerror or "") from error


def load_or_make_key(folder: Path) -> Ed25519PrivateKey:
    """Return the recorder's key, which is made if there is none. Raises StorageError, NotDone."""
    found = load_key(folder)
    if found is None:
        found = Ed25519PrivateKey.generate()
        save_key(folder, found)
    return found


def fingerprint(public_key: bytes) -> str:
    """Return 43 characters that stand for a public key."""
    return base64.urlsafe_b64encode(sha256(b"tawny fleet key" + public_key).digest()).decode().rstrip("=")


def comparison_words(hub_key: bytes, box_key: bytes) -> str:
    """Return four English words that are the same on both sides if no one stands between them. 44 bits."""
    words = english().wordlist
    number = int.from_bytes(sha256(b"tawny fleet words" + hub_key + box_key).digest())
    return " ".join(words[number >> at * _BITS & (1 << _BITS) - 1] for at in range(WORDS))

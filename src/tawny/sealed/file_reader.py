"""Reader of a sealed file with its key. Verifies each record twice."""

from collections.abc import Iterator, Sequence
from hmac import compare_digest

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tawny.sealed.broken import SealedFileBroken, WrongKey
from tawny.sealed.file_scanner import FileScan
from tawny.sealed.key_wrapping import KeyUnwrapper, unwrap
from tawny.sealed.keys import FileKeys, commit_of, stepped
from tawny.sealed.records import Record, leaf_of


class SealedFileReader:
    def __init__(self, file: FileScan, epoch_key: bytes) -> None:
        """Raises WrongKey if the key belongs to another epoch."""
        if not compare_digest(commit_of(epoch_key), file.header.commit):
            raise WrongKey("the file was encrypted with another key")
        self.file = file
        self._keys = FileKeys.of(stepped(epoch_key, file.header.step), file.packed)
        self._gcm = AESGCM(self._keys.seal)

    @property
    def leaf_key(self) -> bytes:
        """Key that proves what was recorded, and decrypts nothing."""
        return self._keys.leaf

    def content(self, record: Record) -> bytes:
        """Return the content of a record. Raises SealedFileBroken if it was modified or thinned.

        The leaf is verified in addition to the encryption. A holder of the key could encrypt other content, but cannot
        match the signed leaf.
        """
        if record.is_emptied:
            raise SealedFileBroken("it was reduced to keyframes")
        body = self.file.source.read(record.body_at, record.body_bytes)
        try:
            nonce = self._keys.nonce_of(record.head, record.leaf)
            content = self._gcm.decrypt(nonce, body, record.head + record.leaf)
        except (InvalidTag, ValueError):
            raise SealedFileBroken(f"record {record.seq} was modified") from None
        if not compare_digest(leaf_of(self._keys.leaf, record.head, content), record.leaf):
            raise SealedFileBroken(f"record {record.seq} doesn't match the recording")
        return content

    def contents(self) -> Iterator[tuple[Record, bytes]]:
        """Yield records that were not thinned, and their content, in order."""
        for record in self.file.records:
            if not record.is_emptied:
                yield record, self.content(record)


def open_sealed(file: FileScan, identities: Sequence[KeyUnwrapper], wrapped_besides: bytes = b"") -> SealedFileReader:
    """Open a file with its own wrapped key or the one of a key ring.

    wrapped_besides: the wrapped key of the key ring, possibly for other recipients. Raises WrongKey if none fits.
    """
    error: SealedFileBroken = WrongKey("it wasn't encrypted for this key")
    for wrapped in filter(None, (file.wrapped, wrapped_besides)):
        try:
            return SealedFileReader(file, unwrap(wrapped, identities, file.header.commit))
        except SealedFileBroken as problem:
            error = problem
    raise error

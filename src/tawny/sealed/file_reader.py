"""A sealed file with its key: what is in its records, each checked twice."""

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
        """WrongKey when the key is another epoch's."""
        if not compare_digest(commit_of(epoch_key), file.header.commit):
            raise WrongKey("the file was encrypted with another key")
        self.file = file
        self._keys = FileKeys.of(stepped(epoch_key, file.header.step), file.packed)
        self._gcm = AESGCM(self._keys.seal)

    @property
    def leaf_key(self) -> bytes:
        """Proves what was recorded, and opens nothing."""
        return self._keys.leaf

    def content(self, record: Record) -> bytes:
        """Broken when it was changed or thinned out. The leaf is checked as well as the seal: whoever can open the file
        could have put other content under the same seal, but not under the leaf that was signed."""
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
        """Of all that was not thinned out, in order."""
        for record in self.file.records:
            if not record.is_emptied:
                yield record, self.content(record)


def open_sealed(file: FileScan, identities: Sequence[KeyUnwrapper], wrapped_besides: bytes = b"") -> SealedFileReader:
    """wrapped_besides: the same key as the key ring has it, for other recipients perhaps. WrongKey if none fits."""
    error: SealedFileBroken = WrongKey("it wasn't encrypted for this key")
    for wrapped in filter(None, (file.wrapped, wrapped_besides)):
        try:
            return SealedFileReader(file, unwrap(wrapped, identities, file.header.commit))
        except SealedFileBroken as problem:
            error = problem
    raise error

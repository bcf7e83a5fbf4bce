"""Uploads into the inbox for other recorders."""

from tawny.api.auth.passes import UploadRight
from tawny.api.inbox import Inbox, InboxWrite, Upload


def upload_of(sha256: str, size_bytes: int, name: str = "clip.mp4") -> Upload:
    return Upload(name, sha256, size_bytes, 0, 0)


def begun(inbox: Inbox, holder: str, upload: Upload, quota_bytes: int) -> InboxWrite:
    """Begin one with a token that may also read, replace and delete files."""
    return inbox.begin(holder, upload, UploadRight(quota_bytes, None))

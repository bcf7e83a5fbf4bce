"""Kinds of destinations and notifiers, as people choose and fill them in."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Final

from tawny.app.doors import Doors
from tawny.web.placing import Field, Kind

_HOST: Final = Field("host", "Server", "nas.lan or nas.lan:2222", goes="as-is")
_USER: Final = Field("user", "User")
_PASSWORD: Final = Field("password", "Password", secret=True)
_FOLDER: Final = Field("folder", "Folder there", "tawny", required=False, goes="as-is")
_FINGERPRINT: Final = Field(
    "fingerprint", "Certificate's SHA-256", "only if nobody signed it", goes="setting", required=False
)
_SERVER: Final = (_HOST, _USER, _PASSWORD, _FOLDER, _FINGERPRINT)
_LOGIN: Final = "{user}:{password}@{host}[/{folder}]"

DESTINATIONS: Final = (
    Kind(
        "destinations", "folder", "Folder", "Another disk, or a mounted share (SMB, NFS).", "folder:{path}",
        (Field("path", "Folder", "/mnt/nas/tawny", goes="as-is"),),
    ),
    Kind(
        "destinations", "tawny", "Another tawny", "A friend's, or one of your own elsewhere.", "{address}",
        (Field("address", "Address", "as the other tawny shows it: tawny://:SECRET@host/", goes="as-is", secret=True),),
    ),
    Kind(
        "destinations", "s3", "S3", "Amazon, Backblaze B2, MinIO, Garage, Wasabi, R2.",
        "s3://{key}:{secret}@{bucket}[/{folder}]?region={region}[&endpoint={endpoint}]",
        (
            Field("bucket", "Bucket", goes="as-is"),
            Field("key", "Access key"),
            Field("secret", "Secret key", secret=True),
            Field("region", "Region", "eu-central-1"),
            Field("endpoint", "Server", "https://s3.example.org; empty for Amazon", required=False),
            _FOLDER,
        ),
    ),
    Kind(
        "destinations", "sftp", "SFTP", "Any computer with an SSH server.", "sftp://{user}[:{password}]@{host}[/{folder}]",
        (
            _HOST, _USER,
            Field("key", "Key file", "~/.ssh/id_ed25519", goes="setting", required=False),
            Field("password", "Password", "if there is no key", secret=True, required=False),
            Field("host_key", "Server's key", "SHA256:… as Test names it", goes="setting", required=False),
            _FOLDER,
        ),
    ),
    Kind("destinations", "davs", "WebDAV", "Nextcloud, ownCloud, a NAS.", f"davs://{_LOGIN}", _SERVER),
    Kind("destinations", "ftps", "FTP inside TLS", "FTP servers that speak TLS.", f"ftps://{_LOGIN}", _SERVER),
    Kind(
        "destinations", "rclone", "rclone", "Google Drive, Dropbox and others, by an installed rclone.",
        "rclone:{remote}[/{folder}]",
        (Field("remote", "Remote", "as `rclone config` named it", goes="as-is"), _FOLDER),
    ),
)  # fmt: skip
NOTIFIERS: Final = (
    Kind(
        "notifiers", "ntfy", "ntfy", "An app for phones, without an account.", "ntfy://[:{token}@]{host}/{topic}",
        (
            Field("topic", "Topic", "a word that nobody guesses"),
            Field("host", "Server", "ntfy.sh", goes="as-is"),
            Field("token", "Token", "if the topic needs one", secret=True, required=False),
        ),
    ),
    Kind(
        "notifiers", "telegram", "Telegram", "By a bot of your own.", "telegram://{token}@{chat}",
        (
            Field("token", "Bot's token", "123456:ABC, from BotFather", goes="as-is", secret=True),
            Field("chat", "Chat's number", "987654321", goes="as-is"),
        ),
    ),
    Kind(
        "notifiers", "webpush", "Browsers", "Switched on in each browser, under Settings.", "webpush:{contact}",
        (Field("contact", "Your e-mail address", "for the makers of browsers, if something is wrong", goes="as-is"),),
    ),
    Kind(
        "notifiers", "smtps", "E-mail", "A letter with the picture.", "smtps://{user}:{password}@{host}",
        (
            Field("host", "Server", "smtp.example.org", goes="as-is"), _USER, _PASSWORD,
            Field("to", "To", "me@example.org", goes="setting"),
            Field("sender", "From", "if the user is no address", goes="setting", required=False),
        ),
    ),
    Kind(
        "notifiers", "slack", "Slack", "By a webhook, or a bot.", "slack://{hook}",
        (Field("hook", "Webhook", "T000/B000/XXXX, the end of its address", goes="as-is", secret=True),),
    ),
    Kind(
        "notifiers", "discord", "Discord", "By a channel's webhook.", "discord://{hook}",
        (Field("hook", "Webhook", "ID/TOKEN, the end of its address", goes="as-is", secret=True),),
    ),
    Kind(
        "notifiers", "pushover", "Pushover", "An app for phones.", "pushover://{app}@{user}",
        (Field("app", "Application's token", secret=True), Field("user", "User key", secret=True)),
    ),
    Kind(
        "notifiers", "matrix", "Matrix", "A room without encryption.", "matrix://:{token}@{host}/{room}",
        (_HOST, Field("token", "Access token", secret=True), Field("room", "Room", "!room:server")),
    ),
    Kind(
        "notifiers", "gotify", "Gotify", "A server of your own.", "gotify://:{token}@{host}",
        (_HOST, Field("token", "Application's token", secret=True)),
    ),
    Kind(
        "notifiers", "mqtts", "MQTT", "For programs in your house.", "mqtts://{user}:{password}@{host}/{topic}",
        (_HOST, _USER, _PASSWORD, Field("topic", "Topic", "tawny/messages", goes="as-is")),
    ),
    Kind(
        "notifiers", "homeassistant", "Home Assistant", "Its app on phones, or any of its notify services.",
        "homeassistant://:{token}@{host}/{service}",
        (
            Field("host", "Server", "ha.lan:8123", goes="as-is"),
            Field("token", "Long-lived token", "from your profile there", secret=True),
            Field("service", "Service", "mobile_app_phone", goes="as-is"),
        ),
    ),
    Kind(
        "notifiers", "apprise", "Another service", "A hundred more by Apprise, as its documentation writes them.",
        "apprise:{address}", (Field("address", "Address", "signal://…", goes="as-is", secret=True),),
    ),
    Kind(
        "notifiers", "webhook+https", "Webhook", "A program of your own gets JSON.", "webhook+{address}",
        (
            Field("address", "Address", "https://example.org/tawny", goes="as-is", secret=True),
            Field("secret", "Secret", "what is sent is signed with it", goes="setting", secret=True, required=False),
        ),
    ),
)  # fmt: skip


def all_kinds(doors: Doors) -> list[Kind]:
    """Ours as they are filled in; any other by its address alone."""
    known = {one.scheme for one in (*DESTINATIONS, *NOTIFIERS)}
    return [*_shown(doors), *_others(doors, known)]


def _shown(doors: Doors) -> Iterator[Kind]:
    for one in (*DESTINATIONS, *NOTIFIERS):
        if one.group == "destinations":
            if doors.destination_of(f"{one.scheme}:") is not None:
                yield one
            continue
        kind = doors.notifier_of(f"{one.scheme}:")
        if kind is not None:
            yield replace(one, shows=kind.traits(f"{one.scheme}://a/b/c").shows)


def _others(doors: Doors, known: set[str]) -> Iterator[Kind]:
    for name in sorted({*doors.destinations} | {*doors.notifiers}):
        for group, parts in (("destinations", doors.destinations), ("notifiers", doors.notifiers)):
            with suppress(KeyError):
                schemes = parts[name].schemes
                if known.isdisjoint(schemes):
                    field = Field("address", "Address", f"{schemes[0]}://…", goes="as-is", secret=True)
                    yield Kind(
                        "destinations" if group == "destinations" else "notifiers",
                        schemes[0], name.capitalize(), "", "{address}", (field,),
                    )  # fmt: skip

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
_FOLDER: Final = Field("folder", "Folder", "tawny", required=False, goes="as-is")
_FINGERPRINT: Final = Field("fingerprint", "Certificate SHA-256", "only if self-signed", goes="setting", required=False)
_SERVER: Final = (_HOST, _USER, _PASSWORD, _FOLDER, _FINGERPRINT)
_LOGIN: Final = "{user}:{password}@{host}[/{folder}]"

DESTINATIONS: Final = (
    Kind(
        "destinations", "folder", "Folder", "Another disk or a mounted network share (SMB, NFS)", "folder:{path}",
        (Field("path", "Folder", "/mnt/nas/tawny", goes="as-is"),),
    ),
    Kind(
        "destinations", "tawny", "Another tawny", "A friend's, or your own in another place", "{address}",
        (Field("address", "Address", "as shown by the other tawny: tawny://:SECRET@host/", goes="as-is", secret=True),),
    ),
    Kind(
        "destinations", "s3", "S3", "Amazon, Backblaze B2, MinIO, Garage, Wasabi, R2",
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
        "destinations", "sftp", "SFTP", "Any computer with SSH", "sftp://{user}[:{password}]@{host}[/{folder}]",
        (
            _HOST, _USER,
            Field("key", "Private key file", "~/.ssh/id_ed25519", goes="setting", required=False),
            Field("password", "Password", "if there is no key", secret=True, required=False),
            Field("host_key", "Host key", "SHA256:… as shown by Test", goes="setting", required=False),
            _FOLDER,
        ),
    ),
    Kind("destinations", "davs", "WebDAV", "Nextcloud, ownCloud, a NAS", f"davs://{_LOGIN}", _SERVER),
    Kind("destinations", "ftps", "FTPS", "FTP servers with TLS", f"ftps://{_LOGIN}", _SERVER),
    Kind(
        "destinations", "rclone", "rclone", "Google Drive, Dropbox and others, through rclone",
        "rclone:{remote}[/{folder}]",
        (Field("remote", "Remote", "name from `rclone config`", goes="as-is"), _FOLDER),
    ),
)  # fmt: skip
NOTIFIERS: Final = (
    Kind(
        "notifiers", "ntfy", "ntfy", "A phone app, no account needed", "ntfy://[:{token}@]{host}/{topic}",
        (
            Field("topic", "Topic", "a word nobody will guess"),
            Field("host", "Server", "ntfy.sh", goes="as-is"),
            Field("token", "Token", "if the topic requires one", secret=True, required=False),
        ),
    ),
    Kind(
        "notifiers", "telegram", "Telegram", "Through your own bot", "telegram://{token}@{chat}",
        (
            Field("token", "Bot token", "123456:ABC, from BotFather", goes="as-is", secret=True),
            Field("chat", "Chat ID", "987654321", goes="as-is"),
        ),
    ),
    Kind(
        "notifiers", "webpush", "Browsers", "Turn it on in each browser, under Settings", "webpush:{contact}",
        (Field("contact", "Your email address", "contact for the browser makers' push services", goes="as-is"),),
    ),
    Kind(
        "notifiers", "smtps", "E-mail", "An email with the snapshot", "smtps://{user}:{password}@{host}",
        (
            Field("host", "Server", "smtp.example.org", goes="as-is"), _USER, _PASSWORD,
            Field("to", "To", "me@example.org", goes="setting"),
            Field("sender", "From", "if the user name isn't an email address", goes="setting", required=False),
        ),
    ),
    Kind(
        "notifiers", "slack", "Slack", "Through a webhook or a bot", "slack://{hook}",
        (Field("hook", "Webhook", "T000/B000/XXXX, the end of the webhook address", goes="as-is", secret=True),),
    ),
    Kind(
        "notifiers", "discord", "Discord", "Through a channel webhook", "discord://{hook}",
        (Field("hook", "Webhook", "ID/TOKEN, the end of the webhook address", goes="as-is", secret=True),),
    ),
    Kind(
        "notifiers", "pushover", "Pushover", "A phone app", "pushover://{app}@{user}",
        (Field("app", "Application token", secret=True), Field("user", "User key", secret=True)),
    ),
    Kind(
        "notifiers", "matrix", "Matrix", "A room without encryption", "matrix://:{token}@{host}/{room}",
        (_HOST, Field("token", "Access token", secret=True), Field("room", "Room", "!room:server")),
    ),
    Kind(
        "notifiers", "gotify", "Gotify", "Your own server", "gotify://:{token}@{host}",
        (_HOST, Field("token", "Application token", secret=True)),
    ),
    Kind(
        "notifiers", "mqtts", "MQTT", "For programs in your home", "mqtts://{user}:{password}@{host}/{topic}",
        (_HOST, _USER, _PASSWORD, Field("topic", "Topic", "tawny/messages", goes="as-is")),
    ),
    Kind(
        "notifiers", "homeassistant", "Home Assistant", "Its phone app, or any other notify service",
        "homeassistant://:{token}@{host}/{service}",
        (
            Field("host", "Server", "ha.lan:8123", goes="as-is"),
            Field("token", "Long-lived token", "from your Home Assistant profile", secret=True),
            Field("service", "Service", "mobile_app_phone", goes="as-is"),
        ),
    ),
    Kind(
        "notifiers", "apprise", "Another service", "A hundred more through Apprise, using its address format",
        "apprise:{address}", (Field("address", "Address", "signal://…", goes="as-is", secret=True),),
    ),
    Kind(
        "notifiers", "webhook+https", "Webhook", "Sends JSON to your own program", "webhook+{address}",
        (
            Field("address", "Address", "https://example.org/tawny", goes="as-is", secret=True),
            Field("secret", "Secret", "used to sign requests", goes="setting", secret=True, required=False),
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

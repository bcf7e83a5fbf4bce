"""Types of destinations and notifiers, with the fields of their forms."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Final

from tawny.service.interfaces.delivery_settings import TargetField, TargetKind
from tawny.service.plugin_registry import PluginRegistry

_HOST: Final = TargetField("host", "Server", "nas.lan or nas.lan:2222", goes="as-is")
_USER: Final = TargetField("user", "User")
_PASSWORD: Final = TargetField("password", "Password", secret=True)
_FOLDER: Final = TargetField("folder", "Folder", "tawny", required=False, goes="as-is")
_FINGERPRINT: Final = TargetField(
    "fingerprint", "Certificate SHA-256", "only if self-signed", goes="setting", required=False
)
_SERVER: Final = (_HOST, _USER, _PASSWORD, _FOLDER, _FINGERPRINT)
_LOGIN: Final = "{user}:{password}@{host}[/{folder}]"

DESTINATIONS: Final = (
    TargetKind(
        "destinations", "folder", "Folder", "Another disk or a mounted network share (SMB, NFS)", "folder:{path}",
        (TargetField("path", "Folder", "/mnt/nas/tawny", goes="as-is"),),
    ),
    TargetKind(
        "destinations", "tawny", "Another tawny", "A friend's, or your own in another place", "{address}",
        (
            TargetField(
                "address", "Address", "as shown by the other tawny: tawny://:SECRET@host/", goes="as-is", secret=True
            ),
        ),
    ),
    TargetKind(
        "destinations", "s3", "S3", "Amazon, Backblaze B2, MinIO, Garage, Wasabi, R2",
        "s3://{key}:{secret}@{bucket}[/{folder}]?region={region}[&endpoint={endpoint}]",
        (
            TargetField("bucket", "Bucket", goes="as-is"),
            TargetField("key", "Access key"),
            TargetField("secret", "Secret key", secret=True),
            TargetField("region", "Region", "eu-central-1"),
            TargetField("endpoint", "Server", "https://s3.example.org; empty for Amazon", required=False),
            _FOLDER,
        ),
    ),
    TargetKind(
        "destinations", "sftp", "SFTP", "Any computer with SSH", "sftp://{user}[:{password}]@{host}[/{folder}]",
        (
            _HOST, _USER,
            TargetField("key", "Private key file", "~/.ssh/id_ed25519", goes="setting", required=False),
            TargetField("password", "Password", "if there is no key", secret=True, required=False),
            TargetField("host_key", "Host key", "SHA256:… as shown by Test", goes="setting", required=False),
            _FOLDER,
        ),
    ),
    TargetKind("destinations", "davs", "WebDAV", "Nextcloud, ownCloud, a NAS", f"davs://{_LOGIN}", _SERVER),
    TargetKind("destinations", "ftps", "FTPS", "FTP servers with TLS", f"ftps://{_LOGIN}", _SERVER),
    TargetKind(
        "destinations", "rclone", "rclone", "Google Drive, Dropbox and others, through rclone",
        "rclone:{remote}[/{folder}]",
        (TargetField("remote", "Remote", "name from `rclone config`", goes="as-is"), _FOLDER),
    ),
)  # fmt: skip
NOTIFIERS: Final = (
    TargetKind(
        "notifiers", "ntfy", "ntfy", "A phone app, no account needed", "ntfy://[:{token}@]{host}/{topic}",
        (
            TargetField("topic", "Topic", "a word that is hard to guess"),
            TargetField("host", "Server", "ntfy.sh", goes="as-is"),
            TargetField("token", "Token", "if the topic requires one", secret=True, required=False),
        ),
    ),
    TargetKind(
        "notifiers", "telegram", "Telegram", "Through your own bot", "telegram://{token}@{chat}",
        (
            TargetField("token", "Bot token", "123456:ABC, from BotFather", goes="as-is", secret=True),
            TargetField("chat", "Chat ID", "987654321", goes="as-is"),
        ),
    ),
    TargetKind(
        "notifiers", "webpush", "Browsers", "Turn it on in each browser, under Settings", "webpush:{contact}",
        (TargetField("contact", "Your email address", "contact for the browser makers' push services", goes="as-is"),),
    ),
    TargetKind(
        "notifiers", "smtps", "E-mail", "An email with the snapshot", "smtps://{user}:{password}@{host}",
        (
            TargetField("host", "Server", "smtp.example.org", goes="as-is"), _USER, _PASSWORD,
            TargetField("to", "To", "me@example.org", goes="setting"),
            TargetField("sender", "From", "if the user name isn't an email address", goes="setting", required=False),
        ),
    ),
    TargetKind(
        "notifiers", "slack", "Slack", "Through a webhook or a bot", "slack://{hook}",
        (TargetField("hook", "Webhook", "T000/B000/XXXX, the end of the webhook address", goes="as-is", secret=True),),
    ),
    TargetKind(
        "notifiers", "discord", "Discord", "Through a channel webhook", "discord://{hook}",
        (TargetField("hook", "Webhook", "ID/TOKEN, the end of the webhook address", goes="as-is", secret=True),),
    ),
    TargetKind(
        "notifiers", "pushover", "Pushover", "A phone app", "pushover://{app}@{user}",
        (TargetField("app", "Application token", secret=True), TargetField("user", "User key", secret=True)),
    ),
    TargetKind(
        "notifiers", "matrix", "Matrix", "A room without encryption", "matrix://:{token}@{host}/{room}",
        (_HOST, TargetField("token", "Access token", secret=True), TargetField("room", "Room", "!room:server")),
    ),
    TargetKind(
        "notifiers", "gotify", "Gotify", "Your own server", "gotify://:{token}@{host}",
        (_HOST, TargetField("token", "Application token", secret=True)),
    ),
    TargetKind(
        "notifiers", "mqtts", "MQTT", "For programs in your home", "mqtts://{user}:{password}@{host}/{topic}",
        (_HOST, _USER, _PASSWORD, TargetField("topic", "Topic", "tawny/messages", goes="as-is")),
    ),
    TargetKind(
        "notifiers", "homeassistant", "Home Assistant", "Its phone app, or any other notify service",
        "homeassistant://:{token}@{host}/{service}",
        (
            TargetField("host", "Server", "ha.lan:8123", goes="as-is"),
            TargetField("token", "Long-lived token", "from your Home Assistant profile", secret=True),
            TargetField("service", "Service", "mobile_app_phone", goes="as-is"),
        ),
    ),
    TargetKind(
        "notifiers", "apprise", "Another service", "A hundred more through Apprise, using its address format",
        "apprise:{address}", (TargetField("address", "Address", "signal://…", goes="as-is", secret=True),),
    ),
    TargetKind(
        "notifiers", "webhook+https", "Webhook", "Sends JSON to your own program", "webhook+{address}",
        (
            TargetField("address", "Address", "https://example.org/tawny", goes="as-is", secret=True),
            TargetField("secret", "Secret", "used to sign requests", goes="setting", secret=True, required=False),
        ),
    ),
)  # fmt: skip


def all_kinds(doors: PluginRegistry) -> list[TargetKind]:
    """Return the built-in types with their fields; plug-ins have a single address field."""
    known = {one.scheme for one in (*DESTINATIONS, *NOTIFIERS)}
    return [*_shown(doors), *_others(doors, known)]


def _shown(doors: PluginRegistry) -> Iterator[TargetKind]:
    for one in (*DESTINATIONS, *NOTIFIERS):
        if one.group == "destinations":
            if doors.destination_of(f"{one.scheme}:") is not None:
                yield one
            continue
        kind = doors.notifier_of(f"{one.scheme}:")
        if kind is not None:
            yield replace(one, shows=kind.traits(f"{one.scheme}://a/b/c").shows)


def _others(doors: PluginRegistry, known: set[str]) -> Iterator[TargetKind]:
    for name in sorted({*doors.destinations} | {*doors.notifiers}):
        for group, parts in (("destinations", doors.destinations), ("notifiers", doors.notifiers)):
            with suppress(KeyError):
                schemes = parts[name].schemes
                if known.isdisjoint(schemes):
                    field = TargetField("address", "Address", f"{schemes[0]}://…", goes="as-is", secret=True)
                    yield TargetKind(
                        "destinations" if group == "destinations" else "notifiers",
                        schemes[0], name.capitalize(), "", "{address}", (field,),
                    )  # fmt: skip

"""Target settings service: reads and changes destinations and notifiers at runtime. Thread-safe.

Changes take effect at once and are written to the settings file if one is in use.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, get_args

from tawny.config.changes import modes_to_table, parse_modes, without_channel
from tawny.config.drafts import Group, SettingsDraft
from tawny.config.modes import ModesSettings
from tawny.config.settings import Settings
from tawny.delivery.destination import ALLOW_ANY, ConnectionTestStep
from tawny.model.errors import NotDone
from tawny.service.changeable_settings import ChangeableSettings
from tawny.service.delivery.delivery_service import DeliveryService
from tawny.service.delivery.notifications import BROWSERS_URL
from tawny.service.languages import ENGLISH
from tawny.service.plugin_registry import PluginRegistry

_NAMES_PROGRAMS: Final = "config"
"""Key of rclone's own file, which may name programs."""

# Settings of destinations and notifiers, as a form shows them.


@dataclass(frozen=True, slots=True)
class TargetField:
    """A form field. goes: into the address, percent-encoded or unchanged, or into a setting of the same key."""

    key: str
    label: str
    hint: str = ""
    goes: Literal["encoded", "as-is", "setting"] = "encoded"
    secret: bool = False
    required: bool = True


@dataclass(frozen=True, slots=True)
class TargetKind:
    """A type of destination or notifier.

    address: template with `{field}`s; a part in `[…]` is omitted if a field in it is empty. shows: what its messages
    display on which phone.
    """

    group: Group
    scheme: str
    title: str
    about: str
    address: str
    fields: tuple[TargetField, ...]
    shows: str = ""


@dataclass(frozen=True, slots=True)
class TargetSettingsView:
    """A target's settings, without secrets."""

    group: Group
    values: Mapping[str, Any]


# Types of destinations and notifiers, with the fields of their forms.

_HOST: Final = TargetField("host", "Server", "nas.lan or nas.lan:2222", goes="as-is")
_USER: Final = TargetField("user", "User")
_PASSWORD: Final = TargetField("password", "Password", secret=True)
_FOLDER: Final = TargetField("folder", "Folder", "tawny", required=False, goes="as-is")
_FINGERPRINT: Final = TargetField(
    "fingerprint", "Certificate SHA-256", "only if self-signed", goes="setting", required=False
)
_SERVER: Final = (_HOST, _USER, _PASSWORD, _FOLDER, _FINGERPRINT)
_HOME_ASSISTANT: Final = (
    TargetField("host", "Server", "ha.lan:8123", goes="as-is"),
    TargetField("token", "Long-lived token", "from your Home Assistant profile", secret=True),
    TargetField("service", "Service", "mobile_app_phone", goes="as-is"),
)
_LOGIN: Final = "{user}:{password}@{host}[/{folder}]"

DESTINATIONS: Final = (
    TargetKind(
        "destinations", "folder", "Folder", "Another disk or a mounted network share (SMB, NFS).", "folder:{path}",
        (TargetField("path", "Folder", "/mnt/nas/tawny", goes="as-is"),),
    ),
    TargetKind(
        "destinations", "tawny", "Another tawny", "A friend's, or your own in another place.", "{address}",
        (
            TargetField(
                "address", "Address", "as shown by the other tawny: tawny://:SECRET@host/", goes="as-is", secret=True
            ),
        ),
    ),
    TargetKind(
        "destinations", "s3", "S3", "Amazon and compatible ones: Backblaze B2, MinIO, Garage, Wasabi, R2.",
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
        "destinations", "sftp", "SFTP", "Any computer with SSH.", "sftp://{user}[:{password}]@{host}[/{folder}]",
        (
            _HOST, _USER,
            TargetField("key", "Private key file", "~/.ssh/id_ed25519", goes="setting", required=False),
            TargetField("password", "Password", "if there is no key", secret=True, required=False),
            TargetField("host_key", "Host key", "SHA256:… as shown by Test", goes="setting", required=False),
            _FOLDER,
        ),
    ),
    TargetKind("destinations", "davs", "WebDAV", "Nextcloud, ownCloud, a NAS.", f"davs://{_LOGIN}", _SERVER),
    TargetKind("destinations", "ftps", "FTPS", "FTP servers with TLS.", f"ftps://{_LOGIN}", _SERVER),
    TargetKind(
        "destinations", "rclone", "rclone", "Google Drive, Dropbox and others, through rclone.",
        "rclone:{remote}[/{folder}]",
        (TargetField("remote", "Remote", "name from `rclone config`", goes="as-is"), _FOLDER),
    ),
)  # fmt: skip
FILES: Final = (
    TargetKind(
        "files", "folder", "Folder", "On this computer, for a share or another program.", "",
        (TargetField("folder", "Folder", "/srv/cameras", goes="setting"),),
    ),
    TargetKind(
        "files", "destination", "Upload destination", "One of those above, by its name.", "",
        (TargetField("destination", "Destination", "nas", goes="setting"),),
    ),
)  # fmt: skip
NOTIFIERS: Final = (
    TargetKind(
        "notifiers", "ntfy", "ntfy", "A phone app, no account needed.", "ntfy://[:{token}@]{host}/{topic}",
        (
            TargetField("topic", "Topic", "a word that is hard to guess"),
            TargetField("host", "Server", "ntfy.sh", goes="as-is"),
            TargetField("token", "Token", "if the topic requires one", secret=True, required=False),
        ),
    ),
    TargetKind(
        "notifiers", "telegram", "Telegram", "Through your own bot.", "telegram://{token}@{chat}",
        (
            TargetField("token", "Bot token", "123456:ABC, from BotFather", goes="as-is", secret=True),
            TargetField("chat", "Chat ID", "987654321", goes="as-is"),
        ),
    ),
    TargetKind(
        "notifiers", "webpush", "Browsers", "Turn it on in each browser, under Settings.", "webpush:{contact}",
        (
            TargetField(
                "contact", "Your email address", "contact for the browser makers' push services", "as-is",
                required=False,
            ),
        ),
    ),
    TargetKind(
        "notifiers", "smtps", "Email", "An email with the snapshot.", "smtps://{user}:{password}@{host}",
        (
            TargetField("host", "Server", "smtp.example.org", goes="as-is"), _USER, _PASSWORD,
            TargetField("to", "Recipient", "me@example.org", goes="setting"),
            TargetField("sender", "Sender", "if the user name isn't an email address", goes="setting", required=False),
        ),
    ),
    TargetKind(
        "notifiers", "slack", "Slack", "Through a webhook or a bot.", "slack://{hook}",
        (TargetField("hook", "Webhook", "T000/B000/XXXX, the end of the webhook address", goes="as-is", secret=True),),
    ),
    TargetKind(
        "notifiers", "slack+https", "Chat webhook", "Mattermost, Rocket.Chat and others that take Slack's messages.",
        "slack+{address}",
        (TargetField("address", "Webhook", "https://chat.example.org/hooks/KEY", goes="as-is", secret=True),),
    ),
    TargetKind(
        "notifiers", "discord", "Discord", "Through a channel webhook.", "discord://{hook}",
        (TargetField("hook", "Webhook", "ID/TOKEN, the end of the webhook address", goes="as-is", secret=True),),
    ),
    TargetKind(
        "notifiers", "pushover", "Pushover", "A phone app.", "pushover://{app}@{user}",
        (TargetField("app", "Application token", secret=True), TargetField("user", "User key", secret=True)),
    ),
    TargetKind(
        "notifiers", "matrix", "Matrix", "A room without encryption.", "matrix://:{token}@{host}/{room}",
        (_HOST, TargetField("token", "Access token", secret=True), TargetField("room", "Room", "!room:server")),
    ),
    TargetKind(
        "notifiers", "gotify", "Gotify", "Your own server.", "gotify://:{token}@{host}",
        (_HOST, TargetField("token", "Application token", secret=True)),
    ),
    TargetKind(
        "notifiers", "mqtts", "MQTT", "For programs in your home.", "mqtts://{user}:{password}@{host}/{topic}",
        (_HOST, _USER, _PASSWORD, TargetField("topic", "Topic", "tawny/messages", goes="as-is")),
    ),
    TargetKind(
        "notifiers", "homeassistant", "Home Assistant", "Its phone app, or any other notify service.",
        "homeassistant://:{token}@{host}/{service}", _HOME_ASSISTANT,
    ),
    TargetKind(
        "notifiers", "homeassistant+http", "Home Assistant without https",
        "As it is once installed: the token is readable in your network.",
        "homeassistant+http://:{token}@{host}/{service}", _HOME_ASSISTANT,
    ),
    TargetKind(
        "notifiers", "apprise", "Another service", "A hundred more through Apprise, using its address format.",
        "apprise:{address}", (TargetField("address", "Address", "signal://…", goes="as-is", secret=True),),
    ),
    TargetKind(
        "notifiers", "webhook+https", "Webhook", "For a program of your own.", "webhook+{address}",
        (
            TargetField("address", "Address", "https://example.org/tawny", goes="as-is", secret=True),
            TargetField("secret", "Secret", "used to sign requests", goes="setting", secret=True, required=False),
        ),
    ),
)  # fmt: skip


def all_kinds(plugins: PluginRegistry) -> list[TargetKind]:
    """Return the built-in types with their fields; plug-ins have a single address field."""
    known = {one.scheme for one in (*DESTINATIONS, *NOTIFIERS)}
    return [*_shown(plugins), *_others(plugins, known)]


def _shown(plugins: PluginRegistry) -> Iterator[TargetKind]:
    for one in (*DESTINATIONS, *FILES, *NOTIFIERS):
        if one.group == "files":
            yield one
        elif one.group == "destinations":
            if plugins.destination_of(f"{one.scheme}:") is not None:
                yield one
        elif (kind := plugins.notifier_of(f"{one.scheme}:")) is not None:
            yield replace(one, shows=kind.traits(f"{one.scheme}://a/b/c").shows)


def _others(plugins: PluginRegistry, known: set[str]) -> Iterator[TargetKind]:
    for name in sorted({*plugins.destinations} | {*plugins.notifiers}):
        for group, parts in (("destinations", plugins.destinations), ("notifiers", plugins.notifiers)):
            with suppress(KeyError):
                schemes = parts[name].schemes
                if known.isdisjoint(schemes):
                    field = TargetField("address", "Address", f"{schemes[0]}://…", goes="as-is", secret=True)
                    yield TargetKind(
                        "destinations" if group == "destinations" else "notifiers",
                        schemes[0], name.capitalize(), "", "{address}", (field,),
                    )  # fmt: skip


class TargetNameTaken(Exception):  # another target, not a failure
    """A target that was to be added has the name of one that exists."""


class TargetSettingsService:
    """Changes the settings of targets. Thread-safe; may wait for the disk.

    Raises SettingsError, NotDone and FolderUnwritable; nothing is changed then.
    """

    def __init__(self, settings: ChangeableSettings, outward: DeliveryService, plugins: PluginRegistry) -> None:
        self._settings, self._outward, self._plugins = settings, outward, plugins
        self._text, self._secrets = "", dict[str, str]()
        """Targets added at runtime without a settings file, and their secrets."""

    @property
    def is_kept(self) -> bool:
        """Whether changes survive a restart, in a settings file."""
        return self._settings.file is not None

    def kinds(self) -> Sequence[TargetKind]:
        return all_kinds(self._plugins)

    def view(self, name: str) -> TargetSettingsView:
        group = self._group_of(name)
        return TargetSettingsView(group, self._draft().values(group, name) or {})

    def put(self, group: Group, name: str, values: Mapping[str, Any], *, is_new: bool = False) -> None:
        """Change values, named as in the file. None removes one; others stay. Takes effect at once.

        is_new: only add one. Raises TargetNameTaken.
        """
        with self._settings.changing():
            draft = self._draft()
            self._refuse_taken(draft, name, is_new=is_new)
            draft.put(group, name, values)
            self._refuse_file_only(name, draft.understood())
            self._take_over(draft)

    def remove(self, name: str) -> None:
        """Remove the target and drop its waiting deliveries. Files that a set wrote stay. Modes no longer name it."""
        with self._settings.changing():
            draft, group = self._draft(), self._group_of(name)
            draft.remove(group, name)
            self._take_over(draft, **(self._modes_without(draft, name) if group == "notifiers" else {}))
        self._outward.forget(name)

    def add_browser_channel(self, contact: str, language: str) -> str:
        """Add the channel of browsers if there is none, and return its name; empty: there was one. contact: https.

        language: of its notifications.
        """
        name, is_there = self._outward.notifications.browser_channel()
        if is_there:
            return ""
        own = None if language == ENGLISH else language
        self.put("notifiers", name, {"url": BROWSERS_URL + contact, "language": own})
        return name

    def try_out(
        self, group: Group, name: str, values: Mapping[str, Any], *, is_new: bool = False
    ) -> Sequence[ConnectionTestStep]:
        """Test these values without saving them. Waits for the network. Raises TargetNameTaken as `put` does."""
        draft = self._draft()
        self._refuse_taken(draft, name, is_new=is_new)
        draft.put(group, name, values)
        new = self._with(draft.understood())
        self._refuse_file_only(name, new)
        self._plugins.check(new, "the settings")
        if group == "notifiers":
            return self._outward.notifications.test(name, new.notifiers[name])
        if group == "files":
            return self._outward.files.test(name, new.files[name])
        return self._outward.uploads.test(name, new.destinations[name])

    def _refuse_taken(self, draft: SettingsDraft, name: str, *, is_new: bool) -> None:
        """Raise TargetNameTaken if a new target has the name of another, of whatever group."""
        now = self._settings.now()
        for group in get_args(Group) if is_new else ():
            if name in getattr(now, group) or draft.values(group, name) is not None:
                raise TargetNameTaken(name)

    def _refuse_file_only(self, name: str, changed: Settings) -> None:
        """Raise NotDone if the interface lifts the rules for folders, uses them lifted for another one, or names
        another file that may name programs.
        """
        new, now = changed.destinations.get(name), self._settings.now().destinations.get(name)
        if new is None:
            return
        had = now.options if now is not None else {}
        if new.options.get(ALLOW_ANY) and (now is None or not had.get(ALLOW_ANY) or now.url != new.url):
            raise NotDone(f"`{ALLOW_ANY}` can't be set here.", "Set it in tawny.toml.")
        if new.options.get(_NAMES_PROGRAMS, "") not in ("", had.get(_NAMES_PROGRAMS)):
            raise NotDone(f"`{_NAMES_PROGRAMS}` can't be set here.", "Set it in tawny.toml.")

    def _draft(self) -> SettingsDraft:
        return SettingsDraft(self._settings.file, self._text, self._secrets)

    def _modes_without(self, draft: SettingsDraft, channel: str) -> dict[str, ModesSettings]:
        """Take a removed channel out of the modes, also in the draft. Return the modes if they differ."""
        written = draft.understood()
        settings = written if self.is_kept else self._with(written)
        old, new = modes_to_table(settings.modes), without_channel(settings, channel)
        if old == new:
            return {}
        if self.is_kept:
            draft.put_modes(old, new)
        return {"modes": parse_modes(new, [])[0]}

    def _take_over(self, draft: SettingsDraft, **modes: ModesSettings) -> None:
        new = self._with(draft.understood()).model_copy(update=modes)
        self._plugins.check(new, "the settings")
        draft.write()
        self._text, self._secrets = draft.text, draft.secrets
        self._settings.apply_written(new)

    def _with(self, changed: Settings) -> Settings:
        """Return the current settings with these tables replaced; command-line overrides stay in effect."""
        tables = {"destinations": changed.destinations, "files": changed.files, "notifiers": changed.notifiers}
        return self._settings.now().model_copy(update=tables)

    def _group_of(self, name: str) -> Group:
        now = self._settings.now()
        if name in now.destinations:
            return "destinations"
        if name in now.files:
            return "files"
        if name in now.notifiers:
            return "notifiers"
        raise NotDone(f"{name} isn't in the settings.", "It may have been removed. Reload the page.")

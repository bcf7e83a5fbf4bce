"""Telegram notifier, by a bot. The clip replaces the snapshot after the event's end; buttons use callbacks.

`telegram://TOKEN@CHAT`: the bot's token from BotFather, and the chat ID (negative for groups).
"""

import json
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, ClassVar
from urllib.parse import unquote
from weakref import WeakValueDictionary

from tawny.delivery.notifier import (
    Attachment,
    Button,
    ButtonPresses,
    HttpApi,
    HttpResponse,
    Message,
    NotifierConnection,
    NotifierContext,
    NotifierTraits,
    Urgency,
    base_of,
    filled,
    form,
    refusal,
)
from tawny.model.errors import TargetMissing

EXAMPLE = "telegram://123456:ABC-DEF@987654321"
CLOUD = "https://api.telegram.org"
WHY = ("description",)
POLL_S = 20
_TIMEOUT_S = 30.0
"""Longer than a poll takes."""
MOST_WAITING = 100
_WORDS = 1024
"""Maximum length of a caption, characters."""
_TEXT = "/text"
"""End of the receipt of a message without an image, which is edited by another method."""
_METHODS = {"image/jpeg": ("sendPhoto", "photo"), "image/gif": ("sendAnimation", "animation")}
_METHODS |= {"video/mp4": ("sendVideo", "video")}


class Telegram:
    """Sends to Telegram.

    - `api` (Telegram's): base address of your own Bot API server.
    """

    schemes: ClassVar[tuple[str, ...]] = ("telegram",)

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._updates: WeakValueDictionary[tuple[str, str], _Updates] = WeakValueDictionary()
        """By address and token of a bot, as long as any of its chats is polled for."""

    def traits(self, url: str) -> NotifierTraits:
        return NotifierTraits(
            "Shows snapshots, clips and buttons; the clip replaces the snapshot.",
            edits=True,
            picture=True,
            gif=True,
            video=True,
            buttons="calls",
            largest_bytes=48_000_000,
        )

    def settings(self, url: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
        bot_and_chat(url)
        found = filled(table, {"api": CLOUD})
        base_of(found["api"], CLOUD)
        return found

    def public(self, url: str) -> str:
        return f"Telegram chat {bot_and_chat(url)[1]}"

    def open(self, channel: NotifierContext) -> NotifierConnection:
        return _Sender(bot(channel, self.public(channel.url)), bot_and_chat(channel.url)[1])

    def presses(self, channel: NotifierContext) -> ButtonPresses:
        token, chat = bot_and_chat(channel.url)
        with self._lock:
            updates = self._updates.setdefault((str(channel.options["api"]), token), _Updates())
        return _Presses(bot(channel, self.public(channel.url)), chat, updates)


class Bot:
    """Methods of a bot. The token is part of the path, which never appears in errors."""

    def __init__(self, api: HttpApi, token: str) -> None:
        self._api, self._token, self.public = api, token, api.public

    def call(self, method: str, fields: Mapping[str, str], files: Mapping[str, Attachment] | None = None) -> Any:
        """Call a method and return its `result`, empty if the answer to a message was cut. Raises DeliveryError."""
        answer = self.ask(method, fields, files)
        is_sent = answer.is_cut and method.startswith("send")
        if not answer.is_well or not (is_sent or answer.json().get("ok") is True):
            if missing := _missing_chat(answer):
                raise TargetMissing(self._api.public, missing)
            raise refusal(self._api.public, answer, WHY)
        return answer.json().get("result", {})

    def ask(
        self, method: str, fields: Mapping[str, str], files: Mapping[str, Attachment] | None = None
    ) -> HttpResponse:
        body, headers = form(fields, files or {})
        return self._api.ask("POST", f"/bot{self._token}/{method}", body, headers)


class _Sender:
    def __init__(self, made: Bot, chat: str) -> None:
        self._bot, self._chat = made, chat

    def send(self, message: Message, attached: Attachment | None) -> str:
        fields = {"chat_id": self._chat, **_keys(message)}
        if message.urgency is Urgency.QUIET:
            fields["disable_notification"] = "true"
        if attached is None:
            found = self._bot.call("sendMessage", fields | {"text": _words(message)})
            return f"{found['message_id']}{_TEXT}" if found else ""
        method, name = _METHODS[attached.media_type]
        found = self._bot.call(method, fields | {"caption": _words(message)}, {name: attached})
        return str(found["message_id"]) if found else ""

    def edit(self, receipt: str, message: Message, attached: Attachment | None) -> str:
        number = receipt.removesuffix(_TEXT)
        fields = {"chat_id": self._chat, "message_id": number, **_keys(message)}
        if attached is None and receipt.endswith(_TEXT):
            answer = self._bot.ask("editMessageText", fields | {"text": _words(message)})
        elif attached is None:
            answer = self._bot.ask("editMessageCaption", fields | {"caption": _words(message)})
        else:
            media = {"type": _METHODS[attached.media_type][1], "media": "attach://file", "caption": _words(message)}
            answer = self._bot.ask("editMessageMedia", fields | {"media": json.dumps(media)}, {"file": attached})
        if not answer.is_well and not _is_so_already(answer):
            if answer.status != 400:
                raise refusal(self._bot.public, answer, WHY)
            return self.send(message, attached)  # the message was deleted or is too old to edit
        return receipt if attached is None else number

    def close(self) -> None:
        """No resources to release."""


class _Updates:
    """Button presses of one bot, for all of its chats. Thread-safe.

    Telegram gives them to one poll at a time, and a poll confirms the earlier ones, whichever chat they are from.
    """

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._is_polled, self._next = False, 0
        self._waiting: deque[tuple[str, Mapping[str, Any]]] = deque(maxlen=MOST_WAITING)

    def of(self, made: Bot, chat: str) -> list[Mapping[str, Any]]:
        """Poll for some seconds, or wait for another chat's poll. Return the presses in this chat.

        Raises DeliveryError.
        """
        with self._change:
            if self._is_polled and not self._has(chat):
                self._change.wait(POLL_S)
            if self._is_polled or self._has(chat):
                return self._taken(chat)
            self._is_polled = True
        found: object = None
        try:
            request = {"timeout": str(POLL_S), "offset": str(self._next), "allowed_updates": '["callback_query"]'}
            found = made.call("getUpdates", request)
        finally:
            with self._change:
                self._is_polled = False
                self._put(found if isinstance(found, list) else [])
                self._change.notify_all()
        with self._change:
            return self._taken(chat)

    def _put(self, updates: list[Mapping[str, Any]]) -> None:
        for update in updates:
            self._next = max(self._next, int(update.get("update_id", 0)) + 1)
            pressed = update.get("callback_query") or {}
            chat = str(((pressed.get("message") or {}).get("chat") or {}).get("id", ""))
            if pressed.get("id"):
                self._waiting.append((chat, pressed))

    def _has(self, chat: str) -> bool:
        return any(one == chat for one, _ in self._waiting)

    def _taken(self, chat: str) -> list[Mapping[str, Any]]:
        """Remove and return the presses in a chat. Those of unknown chats stay until others take their place."""
        taken = [pressed for one, pressed in self._waiting if one == chat]
        others = [(one, pressed) for one, pressed in self._waiting if one != chat]
        self._waiting.clear()
        self._waiting.extend(others)
        return taken


class _Presses:
    """Polls for button presses. Only those in the configured chat count, as any chat can message a bot."""

    def __init__(self, made: Bot, chat: str, updates: _Updates) -> None:
        self._bot, self._chat, self._updates = made, chat, updates

    def wait(self, do: Callable[[str], str]) -> None:
        for pressed in self._updates.of(self._bot, self._chat):
            reply = do(str(pressed.get("data", "")))
            self._bot.ask("answerCallbackQuery", {"callback_query_id": str(pressed["id"]), "text": reply[:200]})


def bot(channel: NotifierContext, public: str) -> Bot:
    api = HttpApi(str(channel.options["api"]), f"{channel.name} ({public})", _TIMEOUT_S)
    return Bot(api, bot_and_chat(channel.url)[0])


def bot_and_chat(url: str) -> tuple[str, str]:
    """Return token and chat ID. Raises ValueError."""
    token, at, chat = unquote(url.removeprefix("telegram://")).rpartition("@")
    is_token = ":" in token and all(one.isascii() and (one.isalnum() or one in ":-_") for one in token)
    if not at or not is_token or not chat.removeprefix("-").isdigit():
        raise ValueError(f"url: an address such as {EXAMPLE}")
    return token, chat


def _words(message: Message) -> str:
    link = message.clip_link or message.link
    words = f"{message.words}\n{link}" if link else message.words
    small = f"\n{message.history}" if message.history else ""
    return words[: _WORDS - len(small)] + small


def _keys(message: Message) -> dict[str, str]:
    if not message.buttons:
        return {}
    row = [_key(one) for one in message.buttons if one.token or one.url.startswith("https://")]
    return {"reply_markup": json.dumps({"inline_keyboard": [row]})}


def _key(button: Button) -> dict[str, str]:
    """Return one key; Telegram refuses a message with a link that isn't public."""
    return {"text": button.label} | ({"callback_data": button.token} if button.token else {"url": button.url})


def _missing_chat(answer: HttpResponse) -> str:
    """Return why the chat of the address doesn't exist; empty if it does. Telegram answers 400 to each message then."""
    new = answer.json().get("parameters", {})
    if isinstance(new, dict) and "migrate_to_chat_id" in new:
        return f"the group became a supergroup, whose ID is {new['migrate_to_chat_id']}"
    why = str(answer.json().get("description", ""))
    return why if "chat not found" in why.lower() else ""


def _is_so_already(answer: HttpResponse) -> bool:
    return "not modified" in str(answer.json().get("description", ""))

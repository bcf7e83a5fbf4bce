"""Each kind against a stand-in of its service, and what its documentation asks for, request by request."""

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tawny.delivery.notifier import Button, Message, MessageRefused, Notifier, NotifierContext
from tawny.delivery.notifiers.discord import Discord
from tawny.delivery.notifiers.gotify import Gotify
from tawny.delivery.notifiers.matrix import Matrix
from tawny.delivery.notifiers.ntfy import Ntfy
from tawny.delivery.notifiers.pushover import Pushover
from tawny.delivery.notifiers.slack import Slack
from tawny.delivery.notifiers.telegram import Telegram
from tawny.delivery.notifiers.webhook import Webhook
from tawny.model.errors import DeliveryError, TargetBusy, TargetMissing
from tawny.testing.clock import FakeClock
from tawny.testing.contracts.notifier import GIF, JPEG, LATER, SECRET, SENT, WITNESS, NotifierCase, NotifierContract
from tawny.testing.http_service import ReceivedRequest, Reply, StandIn, served


class TestNtfy(NotifierContract):
    @pytest.fixture
    def subject(self) -> Iterator[NotifierCase]:
        with served(StandIn()) as service:
            url = f"ntfy+http://:{SECRET}@127.0.0.1:{service.port}/door"
            yield NotifierCase(
                Ntfy(), service, url, received_text=lambda at: f"{at.last.query} {at.last.body.decode(errors='ignore')}"
            )

    def test_the_picture_is_the_body_and_words_are_in_the_query(self, subject: NotifierCase) -> None:
        subject.open().send(SENT, JPEG)
        asked = subject.service.last
        assert (asked.method, asked.route, asked.body) == ("PUT", "/door", JPEG.data)
        assert asked.headers["authorization"] == f"Bearer {SECRET}"
        wanted = {"title": SENT.title, "message": SENT.text, "filename": "tawny.jpg", "priority": "4"}
        assert {key: asked.query[key] for key in wanted} == wanted
        assert asked.query["click"] == SENT.link
        assert [one["action"] for one in json.loads(asked.query["actions"])] == ["view", "view"]

    def test_the_same_message_has_the_same_number(self, subject: NotifierCase) -> None:
        first, second = (subject.open().send(SENT, None) for _ in range(2))
        assert first == second == subject.service.last.query["sequence-id"]

    def test_who_knows_the_topic_could_read_along(self, subject: NotifierCase) -> None:
        assert "door" not in subject.kind.public(subject.url)


@pytest.mark.parametrize(("code", "error"), [(42905, MessageRefused), (42901, TargetBusy)])
def test_ntfy_refuses_what_is_attached_where_only_that_is_used_up(code: int, error: type[DeliveryError]) -> None:
    """It answers 429 until the next day, and the texts, which it takes, waited for that."""
    with served(StandIn(lambda _: (429, {"code": code, "error": "limit reached"}))) as service:
        url = f"ntfy+http://127.0.0.1:{service.port}/door"
        with pytest.raises(error) as refused:
            Ntfy().open(NotifierContext("phone", url, {}, FakeClock())).send(SENT, JPEG)
    assert type(refused.value) is error


class TestWebhook(NotifierContract):
    @pytest.fixture
    def subject(self) -> Iterator[NotifierCase]:
        with served(StandIn()) as service:
            url = f"webhook+http://127.0.0.1:{service.port}/hook?key={SECRET}"
            table = {"secret": SECRET, "attach": True}
            yield NotifierCase(
                Webhook(), service, url, table, received_text=lambda at: json.dumps(at.last.json, ensure_ascii=False)
            )

    def test_a_picture_arrives_as_it_is(self, subject: NotifierCase) -> None:
        subject.open().send(SENT, JPEG)
        assert subject.service.last.json["attached"]["type"] == "image/jpeg"

    def test_what_moves_arrives_or_is_not_offered(self, subject: NotifierCase) -> None:
        subject.open().send(LATER, GIF)
        assert subject.service.last.json["attached"]["type"] == "image/gif"

    def test_it_is_signed_with_the_time(self, subject: NotifierCase) -> None:
        subject.open().send(SENT, None)
        asked = subject.service.last
        at_s, signed = (part.partition("=")[2] for part in asked.headers["x-tawny-signature"].split(","))
        right = hmac.new(SECRET.encode(), f"{at_s}.".encode() + asked.body, hashlib.sha256).hexdigest()
        assert hmac.compare_digest(signed, right)
        assert asked.path == f"/hook?key={SECRET}"
        assert asked.headers["idempotency-key"] == SENT.id


class TestTelegram(NotifierContract):
    @pytest.fixture
    def subject(self) -> Iterator[NotifierCase]:
        def reply(asked: ReceivedRequest) -> Reply:
            return 200, {"ok": True, "result": {"message_id": 77}}

        with served(StandIn(reply)) as service:
            url = f"telegram://123:{SECRET}@-4711"
            missing = 404, {"ok": False, "description": "Not Found"}
            yield NotifierCase(
                Telegram(), service, url, {"api": service.base}, received_text=_form_words, missing=missing
            )

    @pytest.mark.shows("PK25")
    def test_the_picture_first_then_the_clip_in_its_place(self, subject: NotifierCase) -> None:
        sender = subject.open()
        receipt = sender.send(SENT, JPEG)
        sender.edit(receipt, LATER, GIF)
        first, second = subject.service.asked
        assert (first.method, first.path) == ("POST", f"/bot123:{SECRET}/sendPhoto")
        assert first.form["chat_id"] == b"-4711"
        assert first.form["photo"] == JPEG.data
        keys = json.loads(first.form["reply_markup"])["inline_keyboard"][0]
        assert [(key["text"], key["callback_data"]) for key in keys] == [("Mute for 1 h", "m.x"), ("Keep", "k.x")]
        assert second.path.endswith("/editMessageMedia")
        media = json.loads(second.form["media"])
        assert (second.form["message_id"], media["type"], media["media"]) == (b"77", "animation", "attach://file")
        assert second.form["file"] == GIF.data

    def test_what_follows_makes_no_sound(self, subject: NotifierCase) -> None:
        subject.open().send(LATER, None)
        assert subject.service.last.path.endswith("/sendMessage")
        assert subject.service.last.form["disable_notification"] == b"true"

    def test_a_message_without_an_image_is_edited_as_text(self, subject: NotifierCase) -> None:
        """Telegram refuses to edit the caption of a message that has none, so that each update was another message."""
        sender = subject.open()
        receipt = sender.edit(sender.send(SENT, None), LATER, None)
        sender.edit(receipt, LATER, None)
        _, *edits = subject.service.asked
        assert [one.path.rpartition("/")[2] for one in edits] == ["editMessageText"] * 2
        assert edits[1].form["message_id"] == b"77"
        assert LATER.title in edits[1].form["text"].decode()
        receipt = sender.edit(receipt, LATER, GIF)
        sender.edit(receipt, LATER, None)
        methods = [one.path.rpartition("/")[2] for one in subject.service.asked[3:]]
        assert methods == ["editMessageMedia", "editMessageCaption"], "it has an image from then on"

    def test_what_is_so_already_is_well(self, subject: NotifierCase) -> None:
        subject.service.fails = [(400, {"ok": False, "description": "Bad Request: message is not modified"})]
        assert subject.open().edit("77", LATER, None) == "77"

    def test_what_somebody_removed_is_sent_anew(self, subject: NotifierCase) -> None:
        subject.service.fails = [(400, {"ok": False, "description": "Bad Request: message to edit not found"})]
        assert subject.open().edit("5", LATER, GIF) == "77"
        assert subject.service.last.path.endswith("/sendAnimation")


class TwoChats:
    """One bot in two chats, each with its own channel. `polls`: the offsets that were asked for."""

    def __init__(self, service: StandIn, updates: list[dict[str, Any]]) -> None:
        self.polls: list[int] = []
        self.answers, self.is_asked = threading.Event(), threading.Event()
        self.answers.set()
        self.done: list[tuple[str, str]] = []
        self._service, self._updates = service, updates
        service.reply = self._reply
        kind, options = Telegram(), {"api": service.base}
        self.anna, self.family = (
            kind.presses(NotifierContext(name, f"telegram://1:{SECRET}@{chat}", options, FakeClock()))
            for name, chat in (("anna", 111), ("family", -222))
        )

    def _reply(self, asked: ReceivedRequest) -> Reply:
        if not asked.path.endswith("getUpdates"):
            return 200, {"ok": True, "result": True}
        offset = int(asked.form["offset"])
        self.polls.append(offset)
        self.is_asked.set()
        assert self.answers.wait(10)
        return 200, {"ok": True, "result": [one for one in self._updates if one["update_id"] >= offset]}

    def wait(self, name: str) -> None:
        presses = self.anna if name == "anna" else self.family

        def do(token: str) -> str:
            self.done.append((name, token))
            return "Kept."

        presses.wait(do)

    @property
    def answered(self) -> list[bytes]:
        asked = self._service.asked
        return [one.form["callback_query_id"] for one in asked if one.path.endswith("answerCallbackQuery")]


def press(number: int, chat: int) -> dict[str, Any]:
    pressed = {"id": f"q{number}", "data": f"k.{number}", "message": {"chat": {"id": chat}}}
    return {"update_id": number, "callback_query": pressed}


@pytest.fixture
def telegram() -> Iterator[StandIn]:
    with served(StandIn()) as service:
        yield service


def test_a_poll_for_one_chat_loses_no_press_in_another(telegram: StandIn) -> None:
    """A poll of a bot confirms the presses of all its chats, so the other chat's poll never saw them."""
    chats = TwoChats(telegram, [press(5, -222), press(6, 111), press(7, 333)])
    chats.wait("anna")
    chats.wait("family")
    assert chats.done == [("anna", "k.6"), ("family", "k.5")]
    assert chats.answered == [b"q6", b"q5"]
    chats.wait("anna")
    assert chats.polls == [0, 8], "one poll had both"


def test_two_chats_of_a_bot_do_not_poll_at_the_same_time(telegram: StandIn) -> None:
    """Telegram ends the first of two polls with 409."""
    chats = TwoChats(telegram, [press(5, -222)])
    chats.answers.clear()
    polling = threading.Thread(target=chats.wait, args=("anna",))
    polling.start()
    assert chats.is_asked.wait(10)
    waiting = threading.Thread(target=chats.wait, args=("family",))
    waiting.start()
    chats.answers.set()
    polling.join(10)
    waiting.join(10)
    assert chats.done == [("family", "k.5")]
    assert chats.polls == [0]


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"description": "Bad Request: chat not found"}, TargetMissing),
        (
            {
                "description": "Bad Request: group chat was upgraded to a supergroup chat",
                "parameters": {"migrate_to_chat_id": -100123},
            },
            TargetMissing,
        ),
        ({"description": "Bad Request: message text is empty"}, MessageRefused),
    ],
)
def test_a_chat_that_is_not_there_is_no_fault_of_the_message(
    telegram: StandIn, said: dict[str, Any], error: type[DeliveryError]
) -> None:
    """A message's fault is tried again without its image, at once, for each message."""
    telegram.fails = [(400, {"ok": False, **said})]
    sender = NotifierCase(Telegram(), telegram, f"telegram://123:{SECRET}@-5", {"api": telegram.base}).open()
    with pytest.raises(error) as refused:
        sender.send(SENT, JPEG)
    assert type(refused.value) is error
    assert ("-100123" in refused.value.message) == ("parameters" in said)


@pytest.mark.parametrize(
    ("kind", "url"),
    [(Telegram(), "telegram://123:abc@-5"), (Slack(), "slack://xoxb-abc@C1"), (Pushover(), "pushover://abc@uSeR")],
)
def test_a_message_whose_answer_is_cut_is_sent(kind: Notifier, url: str) -> None:
    """It was sent again at each attempt."""
    with served(StandIn(lambda _: (200, b'{"ok":true'), headers={"Content-Length": "999"})) as service:
        sender = NotifierCase(kind, service, url, {"api": service.base}).open()
        assert sender.send(SENT, None) == ""
        assert len(service.asked) == 1


def test_a_message_whose_answer_is_too_deep_is_sent() -> None:
    """It was sent again at each attempt."""
    with served(StandIn(lambda _: (200, b"[" * 100_000))) as service:
        sender = NotifierCase(Discord(), service, "discord://1/word", {"api": service.base}).open()
        assert sender.send(SENT, None) == ""


@pytest.mark.parametrize("said", [b"", b'{"ok":fal', b'{"ok": false, "error": "internal_error"'])
def test_slack_has_a_message_only_if_what_came_of_its_answer_says_so(said: bytes) -> None:
    """Its errors have status 200: the message was lost, and counted as sent."""
    with served(StandIn(lambda _: (200, said), headers={"Content-Length": "999"})) as service:
        sender = NotifierCase(Slack(), service, "slack://xoxb-abc@C1", {"api": service.base}).open()
        with pytest.raises(DeliveryError):
            sender.send(SENT, None)


def test_a_cut_answer_with_blanks_says_that_slack_has_the_message() -> None:
    with served(StandIn(lambda _: (200, b'{ "ok" : true,'), headers={"Content-Length": "999"})) as service:
        sender = NotifierCase(Slack(), service, "slack://xoxb-abc@C1", {"api": service.base}).open()
        assert sender.send(SENT, None) == ""


def test_button_presses_whose_answer_is_cut_are_an_error() -> None:
    """They were asked for again after 0.2 s, without a word in the log, for ever."""
    with served(StandIn(lambda _: (200, b'{"ok":true'), headers={"Content-Length": "999"})) as service:
        options = {"api": service.base}
        presses = Telegram().presses(NotifierContext("phone", "telegram://123:abc@-5", options, FakeClock()))
        with pytest.raises(DeliveryError):
            presses.wait(str)


def test_a_room_gets_the_text_if_the_answer_to_the_image_has_no_address() -> None:
    """The image was uploaded again at each attempt, and the text never came."""
    with served(StandIn(lambda _: (200, {}))) as service:
        sender = NotifierCase(
            Matrix(), service, f"matrix+http://:abc@127.0.0.1:{service.port}/!room:example.org"
        ).open()
        with pytest.raises(MessageRefused):
            sender.send(SENT, JPEG)


class TestDiscord(NotifierContract):
    @pytest.fixture
    def subject(self) -> Iterator[NotifierCase]:
        with served(StandIn(lambda asked: (200, {"id": "9"}))) as service:
            yield NotifierCase(
                Discord(), service, f"discord://123/{SECRET}", {"api": service.base}, received_text=_form_words
            )

    def test_it_is_sent_and_changed_as_documented(self, subject: NotifierCase) -> None:
        sender = subject.open()
        sender.edit(sender.send(SENT, JPEG), LATER, GIF)
        first, second = subject.service.asked
        assert (first.method, first.path) == ("POST", f"/webhooks/123/{SECRET}?wait=true")
        data = json.loads(first.form["payload_json"])
        assert data["allowed_mentions"] == {"parse": []}
        assert first.form["files[0]"] == JPEG.data
        assert (second.method, second.path) == ("PATCH", f"/webhooks/123/{SECRET}/messages/9")
        assert json.loads(second.form["payload_json"])["attachments"] == [{"id": 0, "filename": "tawny.gif"}]

    def test_names_are_no_markup(self, subject: NotifierCase) -> None:
        text = replace(SENT, title="Person at cam_1_", text="Porch. Detected: [Sign in](https://x.example)\n# a - b")
        subject.open().send(text, None)
        data = json.loads(subject.service.last.form["payload_json"])["content"]
        shown = "**Person at cam\\_1\\_** Porch. Detected: \\[Sign in\\](https://x.example)\n\\# a - b\n"
        assert data.startswith(shown)

    def content(self, subject: NotifierCase, message: Message) -> str:
        subject.open().send(message, None)
        return str(json.loads(subject.service.last.form["payload_json"])["content"])

    def test_an_address_stays_as_it_is(self, subject: NotifierCase) -> None:
        text = replace(SENT, text="a_b, see https://docs.x/how_to_~x#-1 and http://x_y/[Sign_in](https://x.example)")
        content = self.content(subject, text)
        assert "a\\_b, see https://docs.x/how_to_~x#-1 and http://x_y/\\[Sign\\_in\\](https://x.example)" in content

    @pytest.mark.parametrize("words", ["word ", "_", "a_", "\\"])
    @pytest.mark.parametrize("is_title", [False, True])
    def test_what_is_too_long_is_cut_without_its_links(
        self, subject: NotifierCase, words: str, *, is_title: bool
    ) -> None:
        sent = replace(SENT, history=WITNESS)
        whole = self.content(subject, sent)
        end = whole[whole.index("\n") :]
        assert all(one in end for one in (SENT.link, *(button.url for button in SENT.buttons), WITNESS))
        for more in range(2):
            long = "x" * more + words * 3000
            content = self.content(subject, replace(sent, title=long) if is_title else replace(sent, text=long))
            assert 1990 <= len(content) <= 2000
            assert content.endswith(end)
            shown = content.removesuffix(end).replace("\\\\", "").removesuffix("**")
            assert not shown.endswith("\\")

    def test_links_that_do_not_fit_are_left_out(self, subject: NotifierCase) -> None:
        content = self.content(subject, replace(SENT, link=f"https://x.example/{'x' * 2000}", history=WITNESS))
        assert len(content) <= 2000
        assert content.startswith("**Person at the porch.** Front door")
        assert "x" * 100 not in content
        assert all(button.url in content for button in SENT.buttons)
        assert content.endswith(WITNESS)

    def test_what_somebody_removed_is_sent_anew(self, subject: NotifierCase) -> None:
        subject.service.fails = [(404, {"message": "Unknown Message"})]
        assert subject.open().edit("5", LATER, GIF) == "9"


class TestSlackWebhook(NotifierContract):
    @pytest.fixture
    def subject(self) -> Iterator[NotifierCase]:
        with served(StandIn(lambda asked: (200, b"ok"))) as service:
            answer = _json_words
            yield NotifierCase(Slack(), service, f"slack://T0/B0/{SECRET}", {"api": service.base}, received_text=answer)

    def test_words_and_links(self, subject: NotifierCase) -> None:
        subject.open().send(SENT, None)
        asked = subject.service.last
        assert asked.route == f"/services/T0/B0/{SECRET}"
        (attachment,) = asked.json["attachments"]
        assert (attachment["title"], attachment["title_link"]) == ("Watch", SENT.link)

    def test_names_are_no_markup(self, subject: NotifierCase) -> None:
        name, shown = "Yard <rear> & gate", "Yard &lt;rear&gt; &amp; gate"
        button = Button(f"Mute {name}", "https://x/mute", "")
        message = replace(SENT, title=name, heading=name, facts=((name, name),), buttons=(button,))
        subject.open().send(message, None)
        (attachment,) = subject.service.last.json["attachments"]
        assert attachment["title"] == shown
        assert attachment["fallback"].startswith(shown)
        assert attachment["fields"] == [{"title": shown, "value": shown, "short": True}]
        assert attachment["text"] == f"<https://x/mute|Mute {shown}>"


class TestHookLikeSlacks(NotifierContract):
    """Mattermost, Rocket.Chat and others: the whole address of the hook."""

    @pytest.fixture
    def subject(self) -> Iterator[NotifierCase]:
        with served(StandIn(lambda asked: (200, {"success": True}))) as service:
            url = f"slack+http://127.0.0.1:{service.port}/hooks/{SECRET}?channel=x"
            yield NotifierCase(Slack(), service, url, received_text=_json_words)

    def test_one_post_with_image_clip_and_facts(self, subject: NotifierCase) -> None:
        heading = "Front door 2026-11-20T20:46:00+01:00"
        shown = replace(SENT, heading=heading, facts=(("Frames", "4"),), picture_link="https://x/a.gif")
        subject.open().send(replace(shown, clip_link="https://x/a.mp4"), None)
        (asked,) = subject.service.asked
        assert (asked.route, asked.query) == (f"/hooks/{SECRET}", {"channel": "x"})
        (attachment,) = asked.json["attachments"]
        assert (attachment["title"], attachment["title_link"]) == (heading, "https://x/a.mp4")
        assert attachment["image_url"] == "https://x/a.gif"
        assert attachment["fields"] == [{"title": "Frames", "value": "4", "short": True}]

    @pytest.mark.parametrize("url", ["slack+https://", "slack+https://chat.example.org", "slack+https://a:x/hook"])
    def test_an_address_that_is_no_hook_is_refused(self, url: str) -> None:
        with pytest.raises(ValueError, match="address"):
            Slack().settings(url, {})


class TestSlackBot(NotifierContract):
    @pytest.fixture
    def subject(self) -> Iterator[NotifierCase]:
        with served(StandIn()) as service:
            service.reply = lambda asked: slack(service, asked)
            url = f"slack://xoxb-{SECRET}@C0123"
            made = NotifierCase(Slack(), service, url, {"api": service.base}, received_text=_json_words)
            made.refused = 200, {"ok": False, "error": "token_expired"}
            made.busy = 200, {"ok": False, "error": "ratelimited"}
            made.missing = 200, {"ok": False, "error": "channel_not_found"}
            yield made

    def test_a_sent_message_is_edited(self, subject: NotifierCase) -> None:
        sender = subject.open()
        sender.edit(sender.send(SENT, JPEG), LATER, GIF)
        paths = [asked.route for asked in subject.service.asked]
        assert paths == [
            "/files.getUploadURLExternal",
            "/upload",
            "/chat.postMessage",
            "/files.completeUploadExternal",
            "/files.getUploadURLExternal",
            "/upload",
            "/chat.update",
            "/files.completeUploadExternal",
        ]
        assert subject.service.asked[0].query == {"filename": "tawny.jpg", "length": str(len(JPEG.data))}
        assert subject.service.asked[2].headers["authorization"] == f"Bearer xoxb-{SECRET}"
        shown = subject.service.last.json
        assert shown == {"files": [{"id": "F1"}], "channel_id": "C0123", "thread_ts": "17.5"}
        assert subject.service.asked[6].json["ts"] == "17.5"


class TestPushover(NotifierContract):
    @pytest.fixture
    def subject(self) -> Iterator[NotifierCase]:
        with served(StandIn(lambda asked: (200, {"status": 1, "request": "r"}))) as service:
            url = f"pushover://{SECRET}@uSeR"
            made = NotifierCase(Pushover(), service, url, {"api": service.base}, received_text=_form_words)
            made.refused = 400, {"status": 0, "token": "invalid", "errors": ["application token is invalid"]}
            yield made

    def test_it_is_sent_as_documented(self, subject: NotifierCase) -> None:
        subject.open().send(SENT, JPEG)
        asked = subject.service.last
        assert asked.route == "/1/messages.json"
        wanted = {"token": SECRET.encode(), "user": b"uSeR", "attachment": JPEG.data, "priority": b"0"}
        assert {key: asked.form[key] for key in wanted} == wanted


class TestGotify(NotifierContract):
    @pytest.fixture
    def subject(self) -> Iterator[NotifierCase]:
        with served(StandIn(lambda asked: (200, {"id": 4}))) as service:
            yield NotifierCase(
                Gotify(), service, f"gotify+http://:{SECRET}@127.0.0.1:{service.port}/g", received_text=_json_words
            )

    def test_it_is_sent_as_documented(self, subject: NotifierCase) -> None:
        assert subject.open().send(SENT, None) == "4"
        asked = subject.service.last
        assert (asked.route, asked.headers["x-gotify-key"]) == ("/g/message", SECRET)
        assert asked.json["extras"]["client::notification"]["click"]["url"] == SENT.link

    def test_a_path_may_have_any_letters(self, subject: NotifierCase) -> None:
        subject.url = subject.url.removesuffix("g") + "götify/my%20app"
        subject.open().send(SENT, None)
        assert subject.service.last.route == "/götify/my app/message"


class TestMatrix(NotifierContract):
    @pytest.fixture
    def subject(self) -> Iterator[NotifierCase]:
        def reply(asked: ReceivedRequest) -> Reply:
            is_upload = asked.route == "/_matrix/media/v3/upload"
            return 200, {"content_uri": "mxc://h/1"} if is_upload else {"event_id": "$e"}

        with served(StandIn(reply)) as service:
            url = f"matrix+http://:{SECRET}@127.0.0.1:{service.port}/!room:example.org"
            yield NotifierCase(Matrix(), service, url, received_text=_json_words)

    def test_no_message_has_an_image_whose_address_was_cut_off(self, subject: NotifierCase) -> None:
        subject.service.reply = lambda _: (200, b'{"content_u')
        with pytest.raises(DeliveryError, match="unreadable"):
            subject.open().send(SENT, JPEG)

    def test_it_is_sent_and_changed_as_documented(self, subject: NotifierCase) -> None:
        sender = subject.open()
        sender.edit(sender.send(SENT, JPEG), LATER, GIF)
        upload, first, _, second = subject.service.asked
        assert (upload.body, upload.headers["content-type"]) == (JPEG.data, "image/jpeg")
        room = "/_matrix/client/v3/rooms/!room:example.org/send/m.room.message/"
        assert (first.method, first.route) == ("PUT", f"{room}{SENT.id}")
        assert (first.json["msgtype"], first.json["url"], first.json["filename"]) == (
            "m.image",
            "mxc://h/1",
            "tawny.jpg",
        )
        assert second.json["m.relates_to"] == {"rel_type": "m.replace", "event_id": "$e"}
        assert second.json["m.new_content"]["info"]["mimetype"] == "image/gif"


def slack(service: StandIn, asked: ReceivedRequest) -> Reply:
    if asked.route == "/files.getUploadURLExternal":
        return 200, {"ok": True, "upload_url": f"{service.base}/upload?x=1", "file_id": "F1"}
    return 200, {"ok": True, "ts": "17.5"}


def _form_words(service: StandIn) -> str:
    """The text fields of the last form, JSON undone."""
    parts = [value for name, value in service.last.form.items() if name not in ("photo", "file", "files[0]")]
    texts = [value.decode() for value in parts]
    return " ".join(json.dumps(json.loads(text), ensure_ascii=False) if text[:1] == "{" else text for text in texts)


def _json_words(service: StandIn) -> str:
    """The last JSON that has words in it."""
    for asked in reversed(service.asked):
        if asked.headers.get("content-type") == "application/json" and "porch" in asked.body.decode():
            found: Any = asked.json
            return json.dumps(found, ensure_ascii=False)
    return ""


@pytest.mark.parametrize(
    ("path", "query"), [("/hooks/k3y", ""), ("/api/webhooks/1/k3y/slack", "?wait=true"), ("/", "")]
)
def test_a_chat_of_any_host_takes_slacks_messages_and_may_answer_anything(path: str, query: str) -> None:
    with served(StandIn(lambda asked: (200, b"ok"))) as chat:
        url = f"slack+{chat.base}{path}{query}"
        kind = Slack()
        opened = kind.open(NotifierContext("chat", url, kind.settings(url, {}), FakeClock()))
        opened.send(Message("1", "event", "Person.", "Door, 20:46.", 0), None)
        assert chat.last.path == (path.rstrip("/") or "/") + query
        assert chat.last.json["text"] == "Person. Door, 20:46."
        assert "k3y" not in kind.public(url)


@pytest.mark.parametrize("url", ["slack+https://", "slack+ftp://chat.example.org/x", "slack+https://chat example/x"])
def test_an_address_that_is_no_chat_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="an address such as"):
        Slack().settings(url, {})

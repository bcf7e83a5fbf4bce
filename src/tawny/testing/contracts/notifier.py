"""What every notifier must do. Subclass the suite and give it a `NotifierCase` with a stand-in of the service."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote_plus

import pytest

from tawny.delivery.notifier import Attachment, Button, Message, Notifier, NotifierConnection, NotifierContext, Urgency
from tawny.model.errors import DeliveryError, TargetMissing, TargetRefused, TargetUnreachable
from tawny.testing.clock import FakeClock
from tawny.testing.http_service import Reply, StandIn

SECRET = "s3cretT0kenThatNobodyMaySee"
JPEG = Attachment("tawny.jpg", "image/jpeg", b"\xff\xd8 a picture \r\n--x")
GIF = Attachment("tawny.gif", "image/gif", b"GIF89a moving")
MP4 = Attachment("tawny.mp4", "video/mp4", b"\0\0\0 ftyp")
SENT = Message(
    id="event/20261120T194600000-1a2b3c4d",
    kind="event",
    title="Person at the porch.",
    text="Front door, 20:46. Grüße",
    at_ms=1_795_200_360_000,
    camera="front-door",
    event="20261120T194600000-1a2b3c4d",
    link="https://cam.example.org/events/20261120T194600000-1a2b3c4d",
    buttons=(
        Button("Mute for 1 h", "https://cam.example.org/actions/phone/m.x", "m.x"),
        Button("Keep", "https://cam.example.org/actions/phone/k.x", "k.x"),
    ),
)
WITNESS = "tawny-3f2a91c0-1234-20261120T055000Z-abcdefghijklmnopqrstuvwxyz"
LATER = replace(SENT, id="clip/x", text="Front door, 20:46 to 20:47.", urgency=Urgency.QUIET)


@dataclass
class NotifierCase:
    """A notifier and the stand-in of its service.

    url, table: as in the settings, with SECRET in them. received_text: returns the text that the service received last.
    refused, busy, missing: the service's answers to a wrong login, to too many requests, and for a missing receiver.
    """

    kind: Notifier
    service: StandIn
    url: str
    table: dict[str, Any] = field(default_factory=dict)
    received_text: Callable[[StandIn], str] = lambda service: service.last.body.decode(errors="replace")
    refused: Reply = (401, {})
    busy: Reply = (429, {})
    missing: Reply | None = (404, {})

    def open(self) -> NotifierConnection:
        options = self.kind.settings(self.url, self.table)
        return self.kind.open(NotifierContext("phone", self.url, options, FakeClock()))


class NotifierContract:
    """A subclass has the fixture `subject`, a `NotifierCase`."""

    def test_words_arrive(self, subject: NotifierCase) -> None:
        sender = subject.open()
        sender.send(SENT, None)
        sender.close()
        answer = subject.received_text(subject.service)
        assert "Person at the porch." in answer
        assert "Front door, 20:46. Grüße" in answer

    def test_label_of_the_link_is_that_of_the_message(self, subject: NotifierCase) -> None:
        """It is in the language of the person; without one of its own, it would be English."""
        subject.open().send(replace(SENT, link_label="Ansehen"), None)
        assert "Watch" not in subject.received_text(subject.service)

    @pytest.mark.parametrize("attached", [None, JPEG])
    def test_witness_of_the_history_arrives(self, subject: NotifierCase, attached: Attachment | None) -> None:
        """With and without a picture; complete, even if the service shortens long texts."""
        for text in (SENT.text, "Many words. " * 400):
            subject.service.asked.clear()
            takes = attached if subject.kind.traits(subject.url).picture else None
            subject.open().send(replace(SENT, text=text, history=WITNESS), takes)
            raw = " ".join(
                f"{unquote_plus(one.path)} {one.body.decode(errors='replace')}" for one in subject.service.asked
            )
            assert WITNESS in raw or WITNESS in subject.received_text(subject.service)

    def test_a_picture_arrives_as_it_is(self, subject: NotifierCase) -> None:
        traits = subject.kind.traits(subject.url)
        if not traits.picture:
            pytest.skip("it takes no pictures")
        subject.open().send(SENT, JPEG)
        assert any(JPEG.data in asked.body for asked in subject.service.asked)

    def test_what_moves_arrives_or_is_not_offered(self, subject: NotifierCase) -> None:
        traits = subject.kind.traits(subject.url)
        for attached, takes in ((GIF, traits.gif), (MP4, traits.video)):
            if takes:
                subject.open().send(LATER, attached)
                assert any(attached.data in asked.body for asked in subject.service.asked)

    def test_a_sent_message_is_edited(self, subject: NotifierCase) -> None:
        traits = subject.kind.traits(subject.url)
        sender = subject.open()
        receipt = sender.send(SENT, JPEG if traits.picture else None)
        if not traits.edits:
            pytest.skip("sent messages can't be edited there")
        assert receipt
        assert sender.edit(receipt, LATER, GIF if traits.gif else None) == receipt
        assert "20:47" in subject.received_text(subject.service)

    @pytest.mark.parametrize("refusal", [(500, {}), (503, b"<html>"), None])
    def test_a_service_that_fails_is_unreachable(self, subject: NotifierCase, refusal: Reply | None) -> None:
        subject.service.fails = [refusal] * 4
        with pytest.raises(TargetUnreachable):
            subject.open().send(SENT, None)

    def test_a_refusal_is_about_who_we_are(self, subject: NotifierCase) -> None:
        subject.service.fails = [subject.refused] * 4
        with pytest.raises(TargetRefused):
            subject.open().send(SENT, None)

    def test_a_busy_service_is_tried_later(self, subject: NotifierCase) -> None:
        subject.service.fails = [subject.busy] * 4
        with pytest.raises(TargetUnreachable):
            subject.open().send(SENT, None)

    def test_a_missing_receiver_is_reported(self, subject: NotifierCase) -> None:
        if subject.missing is None:
            pytest.skip("it has no receivers")
        subject.service.fails = [subject.missing] * 4
        with pytest.raises(TargetMissing):
            subject.open().send(SENT, None)

    @pytest.mark.parametrize("lie", [(200, b""), (200, b"\xff\xfe"), (200, b"[]"), (302, {}), (400, {"error": "no"})])
    def test_an_answer_that_makes_no_sense_is_no_crash(self, subject: NotifierCase, lie: Reply) -> None:
        subject.service.fails = [lie] * 4
        try:
            subject.open().send(SENT, None)
        except DeliveryError as error:
            assert SECRET not in str(error)

    @pytest.mark.parametrize("refusal", [(500, {}), (401, {}), (404, {}), None, (400, {})])
    def test_no_secret_is_in_an_error_or_the_address(self, subject: NotifierCase, refusal: Reply | None) -> None:
        assert SECRET not in subject.kind.public(subject.url)
        subject.service.fails = [refusal] * 4
        with pytest.raises(DeliveryError) as failed:
            subject.open().send(SENT, JPEG)
        whole = f"{failed.value} {failed.value!r} {failed.value.__cause__} {failed.value.__dict__}"
        assert SECRET not in whole

    def test_nobody_there_is_unreachable(self, subject: NotifierCase) -> None:
        port = subject.service.port
        subject.url, subject.table = (
            subject.url.replace(str(port), "1"),
            {
                key: value.replace(str(port), "1") if isinstance(value, str) else value
                for key, value in subject.table.items()
            },
        )
        with pytest.raises(TargetUnreachable):
            subject.open().send(SENT, None)

    def test_settings_that_cannot_be_are_refused(self, subject: NotifierCase) -> None:
        with pytest.raises(ValueError, match="allowed"):
            subject.kind.settings(subject.url, {**subject.table, "colour": "red"})
        scheme = subject.url.partition(":")[0]
        with pytest.raises(ValueError, match="address") as refused:
            subject.kind.settings(f"{scheme}://", {})
        assert SECRET not in str(refused.value)

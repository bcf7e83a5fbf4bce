"""The notifier against the contract of notifiers."""

from collections.abc import Iterator

import pytest
from tawny_example.mattermost import Mattermost

from tawny.testing.contracts import NotifierCase, NotifierContract
from tawny.testing.contracts.notifier import SECRET
from tawny.testing.http_service import StandIn, served


class TestMattermost(NotifierContract):
    @pytest.fixture
    def subject(self) -> Iterator[NotifierCase]:
        with served(StandIn()) as service:
            url = f"mattermost+http://127.0.0.1:{service.port}/hooks/{SECRET}"
            yield NotifierCase(Mattermost(), service, url, received_text=lambda at: str(at.last.json["text"]))

    def test_links_are_below_the_text(self, subject: NotifierCase) -> None:
        self.test_words_arrive(subject)
        assert "[Keep](https://cam.example.org/actions/phone/k.x)" in subject.service.last.json["text"]

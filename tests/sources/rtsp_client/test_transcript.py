"""A conversation is kept from its beginning and to its end, bounded whatever the camera says."""

from tawny.sources.network_address import SecretFilter
from tawny.sources.rtsp.client.transcript import Transcript


def test_a_long_one_keeps_both_ends_and_counts_the_rest() -> None:
    transcript = Transcript(SecretFilter([]))
    for number in range(200):
        transcript.at_s = number
        transcript.sent(f"OPTIONS {number}".encode())
    result = transcript.record()
    assert result[0] == {"at_s": 0, "by": "tawny", "text": "OPTIONS 0"}
    assert result[-1]["text"] == "OPTIONS 199"
    assert len(result) < 100
    (between,) = [line for line in result if not line["by"]]
    assert between["text"] == f"[{200 - len(result) + 1} more]"


def test_what_is_endless_is_cut_and_what_cannot_be_shown_is_a_dot() -> None:
    transcript = Transcript(SecretFilter([]))
    transcript.received(b"\x00\x1b[31m" + b"a" * 60_000)
    (answer,) = transcript.record()
    assert len(answer["text"]) < 17_000
    assert answer["text"].startswith("··[31maaa")
    assert answer["text"].endswith("[cut off here]")


def test_what_is_forgiven_is_told_once() -> None:
    transcript = Transcript(SecretFilter([]))
    for number in range(1000):
        transcript.forgive("it sent no session ID")
        transcript.forgive(f"other {number}")
    assert transcript.forgiven[:2] == ["it sent no session ID", "other 0"]
    assert len(transcript.forgiven) < 100

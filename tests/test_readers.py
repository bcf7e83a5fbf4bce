"""Each camera state, gap reason and problem has words wherever people read it.

The tables come from the enums: a state that is added fails here until every reader has words for it.
"""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock, patch
from zoneinfo import ZoneInfo

import pytest

from tawny.api.auth.accounts import Role
from tawny.cli import recordings, status
from tawny.cli.output import Output
from tawny.config.loader import parse_settings
from tawny.model.ids import CameraId
from tawny.model.messages import BESIDE_RECORDING, PROBLEM_WORDS, Alarm, GapChanged, ProblemKind, StatusChanged
from tawny.model.segments import GAP_WORDS, Gap, GapReason, gap_words
from tawny.model.states import (
    BLINDED,
    CHOSEN,
    EXPECTED,
    FAULT_WORDS,
    ON_WATCH,
    RECORDED,
    STATE_WORDS,
    TROUBLE,
    CameraCount,
    CameraState,
    DetectionFault,
    counted_as,
    summary,
)
from tawny.model.times import Span
from tawny.playback.stills import ClipSheetHeader, clip_sheet
from tawny.service import json_format
from tawny.service.cameras.connection_report import report_text
from tawny.service.delivery import problems
from tawny.service.health.camera_health import HealthReader
from tawny.service.integrations import mqtt_topics
from tawny.service.integrations.home_assistant import AnnouncedCamera, DiscoveryContext, announced
from tawny.service.integrations.mqtt_topics import MqttTopics
from tests.api.fakes import House, make_house
from tests.playback.archives import PORCH

ROOT = Path(__file__).parents[1]
UI = ROOT / "ui" / "src"
TOKEN = re.compile(r"\b[a-z]+_[a-z_]+\b")
"""A name of the code, which is no word for people."""


@pytest.fixture
def house(tmp_path: Path) -> House:
    return make_house(tmp_path)


def as_command(house: House) -> str:
    """What `tawny status` prints."""
    data = {**json_format.status(HealthReader(house.recorder).now()), "self_test": "", "hint": ""}
    return status.text(data, Output(as_json=False))


def ui_words(table: str, file: str = "strings/app.ts") -> dict[str, str]:
    """The entries of one flat table of the interface's texts."""
    text = (UI / file).read_text(encoding="utf-8")
    found = re.search(rf"^  {table}: \{{\n(.*?)^  \}},", text, re.DOTALL | re.MULTILINE)
    assert found, table
    pairs = re.findall(r'^    (\w+): (?:\(clock: string\) => )?["`\[](.*?)["`]?,?$', found[1], re.MULTILINE)
    return {key: words.replace("’", "'") for key, words in pairs}


def published(house: House) -> dict[str, Any]:
    """The topics of MQTT, by the names below the base."""
    made, problems = parse_settings(
        '[cameras.porch]\nsource = "demo:front"\n[mqtt]\nurl = "mqtt://127.0.0.1:9"\ndiscovery = ""\n', {}
    )
    assert made is not None, problems
    modes = Mock(arm=made.modes, now=lambda: Mock(mode="home"), hold=lambda _: None)
    with patch.object(mqtt_topics, "MqttBridge") as bridge:
        MqttTopics(lambda: made, house.recorder, modes, Mock(), lambda: 0)
    refresh = bridge.call_args.args[1]
    refresh()
    return {call.args[0]: call.args[1].decode() for call in bridge.return_value.put.call_args_list}


# --- states ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", CameraState)
def test_command_has_words_for_every_state(house: House, state: CameraState) -> None:
    house.recorder.set_state(state, "Its detail.")
    text = as_command(house)
    assert STATE_WORDS[state] in text
    assert not TOKEN.search(text), text
    message = json_format.message(StatusChanged(house.recorder.listed[0].status), 0)
    assert message is not None
    assert STATE_WORDS[state] in status.change_line(message)


@pytest.mark.parametrize("state", CameraState)
async def test_page_has_words_for_every_state(house: House, state: CameraState) -> None:
    house.recorder.set_state(state)
    browser = house.signed_in(Role.OWNER)
    for path in ("/api/v1/health", "/api/v1/cameras"):
        answer = await browser.get(path)
        assert answer.status_code == 200, answer.text
        (camera,) = answer.json().get("cameras") or answer.json()["items"]
        assert camera["state"] == state.value
    assert ui_words("states")[state.value] == STATE_WORDS[state]
    if state is not CameraState.RECORDING:
        assert ui_words("since")[state.value]
    if state in TROUBLE:
        assert f"\n    {state.value}: [" in (UI / "strings" / "health.ts").read_text(encoding="utf-8")


@pytest.mark.parametrize("state", CameraState)
async def test_health_and_metrics_judge_every_state(house: House, state: CameraState) -> None:
    """Every state is judged once: expected or not, recorded or not, trouble or not."""
    house.recorder.set_state(state)
    health = HealthReader(house.recorder)
    now = health.now()
    assert now.expected == (state in EXPECTED)
    assert now.chosen_off == (state in CHOSEN)
    assert now.trouble == (state in TROUBLE)
    assert now.summary == summary([state])
    assert STATE_WORDS[state].lower() in now.summary.lower() or state is CameraState.RECORDING
    assert health.is_well() == (state in RECORDED or state not in EXPECTED)
    house.site.metrics_token = "t"
    text = (await house.browser().get("/metrics", headers={"Authorization": "Bearer t"})).text
    assert f'tawny_camera_wanted{{camera="porch"}} {int(state in EXPECTED)}\n' in text
    assert f'tawny_camera_recording{{camera="porch"}} {int(state in RECORDED)}\n' in text
    assert f'tawny_camera_state{{camera="porch",state="{state.value}"}} 1\n' in text


@pytest.mark.parametrize("state", CameraState)
def test_mqtt_tells_every_state(house: House, state: CameraState) -> None:
    house.recorder.set_state(state)
    result = published(house)
    assert result["porch/available"] == ("online" if state in RECORDED or state is CameraState.ASLEEP else "offline")
    assert f'"state": "{state.value}"' in result["porch/health"]
    assert summary([state]) in result["health"]
    camera = AnnouncedCamera(PORCH, "Front door", turns=False)
    context = DiscoveryContext("tawny", "pi", [camera], ["home"], [], (), "")
    sensor = next(
        value.decode() for key, value in announced(context, "ha").items() if key.endswith("porch_recorded/config")
    )
    assert (f"'{state.value}'" in sensor) == (state in RECORDED)


@pytest.mark.parametrize("state", sorted(TROUBLE))
def test_message_has_words_for_every_state_of_trouble(state: CameraState) -> None:
    what = ProblemKind.SIGHT if state in BLINDED else ProblemKind.CAMERA
    title, text = problems.of_alarm(what, ["Front door"], "14:02", f"{STATE_WORDS[state]}.", "", summary([state]))
    assert "Front door" in title
    assert not TOKEN.search(f"{title} {text}")


def test_page_groups_states_as_the_recorder_does() -> None:
    text = (UI / "ui" / "cameraWords.ts").read_text(encoding="utf-8")
    dots = re.findall(r'^  (\w+): "(rec|ok|warn|bad|off)",$', text, re.MULTILINE)
    assert {state for state, dot in dots if dot == "bad"} == TROUBLE
    assert {state for state, dot in dots if dot == "off"} - {CameraState.ENDED, CameraState.ASLEEP} == CHOSEN
    listed = dict(re.findall(r"function (\w+)\(state: CameraState\): boolean \{\n(.*?)\n\}", text, re.DOTALL))
    assert {*re.findall(r'"(\w+)"', listed["isOnWatch"])} == ON_WATCH
    assert {*re.findall(r'"(\w+)"', listed["isBlinded"])} == BLINDED


# --- counts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("states", "words"),
    [
        ([], "No cameras."),
        (["recording"], "1 of 1 camera working."),
        (["recording", "recording"], "2 of 2 cameras working."),
        (["paused", "offline"], "0 of 2 cameras working: 1 paused, 1 offline."),
        (["recording", "paused"], "1 of 2 cameras working: 1 paused."),
        (["ended"], "0 of 1 camera working: 1 video file ended."),
        (["ended", "recording"], "1 of 2 cameras working: 1 video file ended."),
        (["covered", "mode_off", "mode_off"], "0 of 3 cameras working: 2 off in this mode, 1 lens covered."),
    ],
)
async def test_one_sentence_counts_all_cameras(house: House, states: list[str], words: str) -> None:
    """Each camera is counted once, and every reader has this sentence."""
    first = house.recorder.listed[0]
    house.recorder.listed = [
        replace(first, status=replace(first.status, id=CameraId(f"c{number}"), state=CameraState(state)))
        for number, state in enumerate(states)
    ]
    assert summary([CameraState(state) for state in states]) == words
    assert as_command(house).startswith(words)
    answer = (await house.signed_in(Role.OWNER).get("/api/v1/health")).json()
    assert answer["summary"] == words
    assert words in published(house)["health"]


@pytest.mark.parametrize("state", CameraState)
async def test_every_camera_is_counted_once(house: House, state: CameraState) -> None:
    """Page, API, command and MQTT have one count; what is in trouble or unknown is never among the working ones."""
    first = house.recorder.listed[0]
    house.recorder.listed.append(replace(first, status=replace(first.status, id=CameraId("other"))))
    house.recorder.set_state(state)
    answer = (await house.signed_in(Role.OWNER).get("/api/v1/health")).json()
    counts, count = answer["counts"], counted_as(state)
    assert set(counts) == {one.value for one in CameraCount}
    assert sum(counts.values()) == len(answer["cameras"]) == 2
    assert counts["recording"] == 1 + (count is CameraCount.RECORDING)
    assert counts[count.value] >= 1
    assert answer["working"] == counts["recording"] + counts["waiting"] == 1 + (state in ON_WATCH)
    assert (counts["trouble"] + counts["unknown"] > 0) == (state in TROUBLE)
    assert counts["paused"] + counts["off"] == (state in CHOSEN)
    command = json_format.status(HealthReader(house.recorder).now())
    assert (command["counts"], command["working"]) == (counts, answer["working"])
    assert published(house)["health"].find(f'"working": {answer["working"]}') >= 0
    assert f"{answer['working']} of 2 cameras working" in as_command(house)


def test_a_camera_that_starts_slowly_is_trouble(house: House) -> None:
    house.recorder.set_state(CameraState.STARTING)
    assert HealthReader(house.recorder).now().counts == {CameraCount.STARTING: 1}
    house.clock.advance(41)
    assert HealthReader(house.recorder).now().counts == {CameraCount.TROUBLE: 1}


# --- gaps ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", GapReason)
async def test_every_reader_has_words_for_a_gap(house: House, reason: GapReason) -> None:
    now_ms = house.clock.now_ms()
    gap = Gap(PORCH, now_ms - 60_000, now_ms - 30_000, reason)
    house.recorder.index.put_gap(gap)
    words = GAP_WORDS[reason]
    assert gap_words(gap) == words
    browser, span = house.signed_in(Role.OWNER), Span(now_ms - 120_000, now_ms)
    path = f"/api/v1/timeline?from_ms={span.begin_ms}&to_ms={span.end_ms}"
    (answer,) = (await browser.get(path)).json()["cameras"][0]["gaps"]
    assert (answer["reason"], answer["words"]) == (reason.value, words)
    message = json_format.message(GapChanged(gap), now_ms)
    assert (message is None) == (reason is GapReason.REMOVED), "what a person deleted is no news"
    row = json_format.gap(gap)
    report: Any = {
        **dict.fromkeys(("camera", "tawny", "made", "damage"), ""), "state": {}, "streams": {}, "history": [row],
    }  # fmt: skip
    about = ClipSheetHeader("clip.mp4", PORCH, "Front door", "pi", "Anna", ZoneInfo("UTC"), now_ms)
    clip = Mock(
        read=lambda *_: [b"x"], size_bytes=1, cut_at_ms=None, start_ms=span.begin_ms, unreadable=(), elsewhere=()
    )
    clip.end_ms, clip.is_mute = span.end_ms, False
    for text in (
        *([status.change_line(message)] if message else []),
        "\n".join(recordings.lines(house.recorder, PORCH, span)),
        report_text(report),
        clip_sheet(house.recorder, clip, span, about),
    ):
        assert words in text
        assert not TOKEN.search(text), text
    icons = (UI / "timeline" / "draw.ts").read_text(encoding="utf-8")
    assert re.search(rf"^  {reason.value}: \"", icons, re.MULTILINE), "its icon in the timeline"


# --- problems --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ProblemKind)
async def test_every_reader_has_words_for_a_problem(house: House, what: ProblemKind) -> None:
    of_camera = (ProblemKind.CAMERA, ProblemKind.SIGHT, ProblemKind.DETECTION, ProblemKind.GAP)
    camera = PORCH if what in of_camera else None
    alarm = Alarm(what, camera, house.clock.now_ms(), "It is broken.", do="Mend it.")
    house.recorder.alarmed = [alarm]
    if what in (ProblemKind.CAMERA, ProblemKind.SIGHT):  # the state of the camera is that problem
        house.recorder.set_state(CameraState.OFFLINE, alarm.detail)
    names = ["Front door"] if camera else []
    title, text = problems.of_alarm(what, names, "14:02", alarm.detail, alarm.do, "1 of 1 camera working.")
    over, _ = problems.of_alarms_end(what, names, "14:02", "15:02", alarm.detail)
    assert all(name in title and name in over for name in names)
    assert PROBLEM_WORDS[what].lower() in title.lower() or what is ProblemKind.CAMERA
    assert "It is broken." in text
    assert not TOKEN.search(f"{title} {text} {over}")

    command = as_command(house)
    assert "It is broken." in command
    assert all(name in command for name in names)
    health = (await house.signed_in(Role.OWNER).get("/api/v1/health")).json()
    assert health["ok"] == (what in BESIDE_RECORDING)
    assert "It is broken." in str(health)
    assert "It is broken." in published(house)["health"]
    message = json_format.message(alarm, 0)
    assert message is not None
    assert "It is broken." in status.change_line(message)
    house.site.metrics_token = "t"
    metrics = (await house.browser().get("/metrics", headers={"Authorization": "Bearer t"})).text
    assert f'tawny_alarm{{what="{what.value}",camera="{camera or ""}"}} 1' in metrics
    guide = (ROOT / "docs" / "how-to" / "monitoring.md").read_text(encoding="utf-8")
    assert f"`{what.value}`" in guide


@pytest.mark.parametrize("state", CameraState)
def test_every_state_of_a_camera_is_explained(state: CameraState) -> None:
    guide = (ROOT / "docs" / "how-to" / "troubleshooting.md").read_text(encoding="utf-8")
    assert re.search(rf"^\| {re.escape(STATE_WORDS[state])} \| [^|]+ \| [^|]+ \|$", guide, re.MULTILINE)


@pytest.mark.parametrize("fault", DetectionFault)
def test_every_fault_of_detection_has_words_and_a_remedy(fault: DetectionFault) -> None:
    what, do = FAULT_WORDS[fault]
    title, text = problems.of_alarm(ProblemKind.DETECTION, ["Front door"], "14:02", what, do, "")
    assert not TOKEN.search(f"{title} {text}")
    assert what.endswith(".") and do.startswith("Recording continues. ")
    begins = {
        DetectionFault.UNDECODABLE: "| Detection can't decode the video |",
        DetectionFault.NO_FRAMES: "| Detection gets no video |",
        DetectionFault.TOO_SLOW: "| This computer is too slow |",
        DetectionFault.CRASHED: "| Detection keeps failing |",
        DetectionFault.STARVED: "| Detection has come to a standstill |",
    }
    assert begins[fault] in (ROOT / "docs" / "how-to" / "troubleshooting.md").read_text(encoding="utf-8")

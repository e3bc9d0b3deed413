"""Nothing personal reaches a log line, whatever its caller does; ids and times do."""

import io
import json
import logging

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from bot import logs

NUMBERS = ["+22790001234", "0022790001234", "90 00 12 34", "+227 (90) 00-12-34", "22790001234", "whatsapp:+22790001234"]


@pytest.fixture
def written(settings):
    """Configure for production, hand back a function that reads the lines, put logging back."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure(settings.model_copy(update={"env": "production"}), stream=stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_anywhere_in_a_line_is_dropped(written, number):
    log = structlog.get_logger("test")
    said = f"sent to {number}"
    log.info(said, to=number, deep={"list": [number], number: 1}, error=ValueError(number))
    line = json.dumps(written())
    assert "9000" not in line.replace(" ", "").replace("-", "")
    assert "90 00" not in line


def test_an_id_of_a_channel_is_dropped_like_a_number(written):
    opaque = "whatsapp:NE.0000001"
    structlog.get_logger("test").info(f"sent to {opaque}", to=opaque, deep={opaque: [opaque]}, error=ValueError(opaque))
    assert "0000001" not in json.dumps(written())


def test_a_number_in_an_exception_or_in_another_library_s_line_is_dropped(written):
    try:
        raise ValueError("no route to +22790001234")
    except ValueError:
        structlog.get_logger("test").exception("send_failed")
    logging.getLogger("library").warning("calling %s", "+22790001234")
    assert len(written()) == 2
    assert "22790001234" not in json.dumps(written())


@pytest.mark.parametrize(
    "key", ["text", "number", "address", "code", "transcript", "Text", "reply_text", "from_number"]
)
def test_what_is_named_like_something_personal_is_dropped(written, key):
    structlog.get_logger("test").info("turn", **{key: "aide"})
    assert written()[0][key] == logs.DROPPED


def test_ids_days_times_and_counts_stay(written):
    said = {
        "turn": "0f3a12345678901234567890abcdef12",
        "entry": "1732239482000-0",
        "day": "2026-11-22",
        "at": "2026-11-22 01:18:00",
        "seconds": 0.123456789,
        "count": 1234567,
        "ok": True,
        "none": None,
    }
    structlog.get_logger("test").info("recorded", **said)
    line = written()[0]
    assert {key: line[key] for key in said} == said
    assert line["event"] == "recorded"
    assert line["level"] == "info"
    assert line["timestamp"].startswith("20")


def test_bytes_are_told_by_their_length_only(written):
    structlog.get_logger("test").info("entry", field=b"aide +22790001234")
    assert written()[0]["field"] == "[17 bytes]"


@given(st.from_regex(r"\+[1-9][0-9]{7,14}", fullmatch=True), st.text(alphabet=" ,;:'\"<>=()", max_size=5))
def test_no_e164_number_passes(number, around):
    cleaned = logs.drop_personal(None, "info", {"event": f"{around}{number}{around}"})
    assert number[1:] not in cleaned["event"]


def test_development_writes_lines_for_reading(settings):
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    try:
        logs.configure(settings, stream=stream)
        structlog.get_logger("test").info("web_started", port=8000)
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        structlog.reset_defaults()
    assert "web_started" in stream.getvalue()
    assert "port=8000" in stream.getvalue()

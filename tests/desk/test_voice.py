"""The voice note on the page of a request: who hears it, when, and that it is written down."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from bot.store import recordings
from bot.store.models import Audit, Recording, Referral, ReferralEvent

from .conftest import MORNING

TICKET = "9412607"
SOUND = b"OggS" + bytes(range(256)) * 8
PLAYER, PASSED_ON = "<audio", "Dit pour une autre file."


@pytest.fixture
def spoken(opened, database, ciphers, hands):
    """A request that began with a voice note; its id."""

    def speak(state="kept", *, row=True, **more):
        referral = opened(TICKET, terms=MORNING, level="high", source="voice_note", channel="whatsapp", **more)
        if row:
            with database.transaction() as session:
                at = session.get(Referral, referral).opened_at
                recordings.expect(session, referral, gateway="meta", reference="3", at=at, ciphers=ciphers)
                session.flush()
                found = session.get(Recording, referral)
                if state == "kept":
                    recordings.keep(found, SOUND, "audio/ogg", ciphers=ciphers)
                found.state = state
        return referral

    return speak


@pytest.fixture
def audit(database):
    def read(referral):
        with database.transaction() as session:
            rows = select(Audit).where(Audit.subject == f"referral:{referral}", Audit.action.like("voice%"))
            return [(one.action, one.detail) for one in session.scalars(rows.order_by(Audit.id))]

    return read


def page(referral):
    return f"/desk/referrals/{referral}"


def sound(referral):
    return f"{page(referral)}/voice"


def test_whoever_serves_the_queue_hears_it_and_that_is_written_down(hadiza, spoken, audit):
    referral = spoken()
    text = hadiza.reads(page(referral))
    assert PLAYER in text
    assert 'preload="none"' in text
    assert "Gardé jusqu’au 23 décembre." in text
    assert audit(referral) == []
    answer = hadiza.get(sound(referral))
    assert (answer.status_code, answer.data, answer.content_type) == (200, SOUND, "audio/ogg")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert audit(referral) == [("voice_heard", {})]
    assert "Message vocal écouté" in hadiza.reads(page(referral))


def test_a_player_may_ask_for_parts_and_the_first_is_what_counts(hadiza, spoken, audit):
    referral = spoken()
    first = hadiza.get(sound(referral), headers={"Range": "bytes=0-9"})
    later = hadiza.get(sound(referral), headers={"Range": "bytes=2000-"})
    assert (first.status_code, first.data, later.status_code, later.data) == (206, SOUND[:10], 206, SOUND[2000:])
    assert later.headers["Content-Range"] == f"bytes 2000-{len(SOUND) - 1}/{len(SOUND)}"
    assert first.headers["Accept-Ranges"] == "bytes"
    assert len(audit(referral)) == 1
    assert hadiza.get(sound(referral), headers={"Range": "bytes=99999-"}).status_code == 416


def test_the_page_may_play_what_comes_from_here_alone(hadiza, spoken):
    policy = hadiza.get(page(spoken())).headers["Content-Security-Policy"]
    assert "media-src 'self';" in policy


@pytest.mark.parametrize("login", ["moussa", "zeinabou", "ousmane"])
def test_for_who_may_not_see_the_request_there_is_none(signed_in, spoken, audit, login):
    referral = spoken()
    reader = signed_in(login)
    answers = [reader.get(sound(one)) for one in (referral, "b" * 32)]
    assert [answer.status_code for answer in answers] == [404, 404]
    # one page, but for what its forms carry
    assert len({re.sub(r'value="[^"]+"', "", answer.text) for answer in answers}) == 1
    assert audit(referral) == []


def test_without_signing_in_nothing_is_played(visitor, spoken):
    assert visitor.get(sound(spoken())).status_code == 302


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("waiting", "Récupération en cours"),
        ("lost", "Il n’a pas pu être récupéré. Demandez pendant l’appel."),
        ("deleted", "Supprimé après 30 jours."),
    ],
)
def test_where_there_is_no_sound_the_page_says_why(hadiza, spoken, state, words):
    referral = spoken(state)
    text = hadiza.reads(page(referral))
    assert words in text
    assert PLAYER not in text
    assert hadiza.get(sound(referral)).status_code == 404


def test_a_note_that_the_gateway_never_gave_out_is_missed_in_words(hadiza, spoken):
    assert "Il n’a pas pu être récupéré" in hadiza.reads(page(spoken(row=False)))


def test_a_request_without_a_note_says_nothing_of_one(hadiza, opened):
    referral = opened(TICKET, terms=MORNING)
    assert "Message vocal" not in hadiza.reads(page(referral))
    assert hadiza.get(sound(referral)).status_code == 404


def test_the_next_queue_sees_the_request_not_the_note(hadiza, signed_in, spoken, database, hands, cast):
    """As with what was written (safety 5, 18)."""
    referral = spoken()
    with database.transaction() as session:
        session.get(Referral, referral).queue = "assistance"
        moved = ReferralEvent(
            referral_id=referral, at=hands(), kind="moved", staff_id=cast["hadiza"], detail={"from": "protection"}
        )
        session.add(moved)
    moussa = signed_in("moussa")
    text = moussa.reads(page(referral))
    assert PASSED_ON in text
    assert PLAYER not in text
    assert moussa.get(sound(referral)).status_code == 404


class TestSealed:
    @pytest.fixture
    def referral(self, spoken):
        return spoken(queue="sealed")

    def test_a_reason_opens_it_for_a_quarter_of_an_hour(self, zeinabou, referral, audit, hands):
        text = zeinabou.reads(page(referral))
        assert PLAYER not in text
        assert zeinabou.get(sound(referral)).status_code == 404
        answer = zeinabou.post(sound(referral), on=page(referral), **{"voice-reason": "premier appel demain"})
        assert answer.status_code == 303
        assert PLAYER in zeinabou.reads(page(referral))
        assert zeinabou.get(sound(referral)).data == SOUND
        assert audit(referral) == [("voice_opened", {"reason": "premier appel demain"}), ("voice_heard", {})]
        hands.at += timedelta(minutes=16)
        assert zeinabou.get(sound(referral)).status_code == 404

    @pytest.mark.parametrize("reason", ["", "ab"])
    def test_without_a_reason_it_stays_closed(self, zeinabou, referral, audit, reason):
        answer = zeinabou.post(sound(referral), on=page(referral), **{"voice-reason": reason})
        assert answer.status_code == 422
        assert "open" in answer.text
        assert zeinabou.get(sound(referral)).status_code == 404
        assert audit(referral) == []

    def test_one_reader_opens_it_for_nobody_else(self, zeinabou, hadiza, referral, database):
        zeinabou.post(sound(referral), on=page(referral), **{"voice-reason": "premier appel demain"})
        assert hadiza.get(sound(referral)).status_code == 404


def test_a_request_that_is_not_sealed_asks_for_no_reason(hadiza, spoken):
    referral = spoken()
    assert hadiza.post(sound(referral), on="/desk/find", **{"voice-reason": "par habitude"}).status_code == 404

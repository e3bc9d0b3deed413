"""Sealed requests at the desk: the reader's own key, opening with passphrase and reason, and nothing for all others."""

import re

import pytest
from nacl import pwhash
from sqlalchemy import func, select

from bot.engine.effects import Terms
from bot.referrals import reader_keys, sealing
from bot.store import recordings
from bot.store.models import Audit, Consent, ReaderKey, Referral, ReferralEvent, SealedBox, Staff

from .conftest import NOON

TICKET, SHOWN = "4820017", "482-0017"
PASSPHRASE = "seven camels walk to agadez"
OTHER = "rain falls on the old market"
WORDS = "le chef du bureau demande"
TERMS = Terms(may_call=True, window="morning", number="+22796005678", who_answers="ma soeur", cover_phrase="le moulin")
KEY = "/desk/sealed-key"


@pytest.fixture(autouse=True)
def _quick_argon(monkeypatch):
    """The same algorithm with less work."""
    monkeypatch.setattr(reader_keys, "OPERATIONS", pwhash.argon2id.OPSLIMIT_MIN)
    monkeypatch.setattr(reader_keys, "MEMORY", pwhash.argon2id.MEMLIMIT_MIN)


@pytest.fixture
def sealed(opened, database, ciphers):
    """A sealed request with words and terms; its id."""

    def make(ticket=TICKET, **more):
        referral_id = opened(ticket, queue="sealed", sealed=True, private=True, terms=TERMS, **more)
        with database.transaction() as session:
            referral = session.get_one(Referral, referral_id)
            wrote = ReferralEvent(referral_id=referral_id, at=NOON, kind="wrote")
            sealing.add_text(session, referral, wrote, WORDS, ciphers=ciphers)
            sealing.seal(session, referral, ciphers=ciphers)
        return referral_id

    return make


def makes_key(who, passphrase=PASSPHRASE):
    return who.post(KEY, **{"new-passphrase": passphrase, "new-again": passphrase})


def opens(who, referral_id, *, passphrase=PASSPHRASE, reason="first call"):
    fields = {"unlock-passphrase": passphrase, "unlock-reason": reason}
    return who.post(f"/desk/referrals/{referral_id}/open", **fields)


def bare(answer):
    """A page without its tokens and its own address."""
    return re.sub(r'value="[^"]*"', "", answer.text)


def page(referral_id):
    return f"/desk/referrals/{referral_id}"


def test_a_reader_makes_a_key_and_opens_with_passphrase_and_reason(zeinabou, sealed, database):
    assert makes_key(zeinabou).status_code == 303
    referral_id = sealed()
    locked = zeinabou.reads(page(referral_id))
    for secret in (WORDS, "96 00 56 78", "ma soeur", "le moulin"):
        assert secret not in locked, secret

    assert opens(zeinabou, referral_id).status_code == 303
    text = zeinabou.reads(page(referral_id))

    for secret in (WORDS, "ma soeur", "le moulin"):
        assert secret in text, secret
    with database.transaction() as session:
        row = session.scalars(select(Audit).where(Audit.action == "sealed_opened")).one()
        assert (row.subject, row.detail) == (f"referral:{referral_id}", {"reason": "first call"})


def test_what_was_readable_is_sealed_with_the_first_key(zeinabou, sealed, database):
    referral_id = sealed()
    text = zeinabou.reads(page(referral_id))
    assert "Faites votre clé" in text
    with database.transaction() as session:
        assert session.scalar(select(func.count(SealedBox.id))) == 0

    makes_key(zeinabou)

    with database.transaction() as session:
        kept = session.scalars(select(ReferralEvent).where(ReferralEvent.kind == "wrote")).one()
        assert kept.text_enc is None
        assert session.get_one(Referral, referral_id).contact_id is None
    assert "Faites votre clé" not in zeinabou.reads("/desk/")


def test_the_number_of_the_terms_stands_where_it_is_open_and_mine(zeinabou, sealed):
    makes_key(zeinabou)
    referral_id = sealed()
    zeinabou.post(f"{page(referral_id)}/accept")
    assert "tel:" not in zeinabou.reads(page(referral_id))

    opens(zeinabou, referral_id)

    assert "tel:+22796005678" in zeinabou.reads(page(referral_id))


def test_a_wrong_passphrase_and_a_missing_reason_open_nothing(zeinabou, sealed):
    makes_key(zeinabou)
    referral_id = sealed()

    assert opens(zeinabou, referral_id, passphrase="another one altogether").status_code == 403
    assert opens(zeinabou, referral_id, reason="").status_code == 422

    assert WORDS not in zeinabou.reads(page(referral_id))


def test_five_wrong_passphrases_lock_and_the_right_one_waits_too(zeinabou, sealed, hands):
    makes_key(zeinabou)
    referral_id = sealed()
    for _ in range(5):
        assert opens(zeinabou, referral_id, passphrase="another one altogether").status_code == 403

    assert opens(zeinabou, referral_id).status_code == 403
    hands.forward(minutes=16)
    assert opens(zeinabou, referral_id).status_code == 303


def test_it_locks_after_fifteen_idle_minutes_at_once_on_wish_and_with_the_session(zeinabou, sealed, hands, signed_in):
    makes_key(zeinabou)
    referral_id = sealed()
    opens(zeinabou, referral_id)
    hands.forward(minutes=16)
    assert WORDS not in zeinabou.reads(page(referral_id))

    opens(zeinabou, referral_id)
    assert WORDS in zeinabou.reads(page(referral_id))
    assert WORDS not in signed_in("zeinabou").reads(page(referral_id))  # another browser of the same person
    zeinabou.post(f"{KEY}/lock")
    assert WORDS not in zeinabou.reads(page(referral_id))


def test_neither_cookie_nor_stores_alone_hold_the_key(zeinabou, sealed, redis_client, database):
    makes_key(zeinabou)
    opens(zeinabou, sealed())
    with database.transaction() as session:
        key = session.scalars(select(ReaderKey)).one()
        private = reader_keys.unlock(key, PASSPHRASE)

    held = b"".join(redis_client.get(name) or b"" for name in redis_client.scan_iter("u:*"))
    cookie = zeinabou.client.get_cookie("maraba_desk", path="/desk")
    assert held
    assert private not in held
    assert cookie is not None
    assert private.hex() not in cookie.value
    redis_client.flushdb()
    assert WORDS not in zeinabou.reads("/desk/")


def test_reloading_by_itself_does_not_keep_it_open(zeinabou, sealed, hands):
    makes_key(zeinabou)
    referral_id = sealed()
    opens(zeinabou, referral_id)
    hands.forward(minutes=10)
    zeinabou.get(page(referral_id), headers={"X-Maraba-Refresh": "1"})
    hands.forward(minutes=6)
    zeinabou.get(page(referral_id), headers={"X-Maraba-Refresh": "1"})

    assert "unlock-passphrase" in zeinabou.reads(page(referral_id))


def test_a_note_is_sealed_as_it_is_written(zeinabou, sealed, database):
    makes_key(zeinabou)
    referral_id = sealed()
    zeinabou.post(f"{page(referral_id)}/accept")
    zeinabou.post(f"{page(referral_id)}/note", **{"note-note": "elle rappelle lundi"})
    with database.transaction() as session:
        assert session.scalar(select(func.count()).where(ReferralEvent.text_enc.is_not(None))) == 0

    assert "elle rappelle lundi" not in zeinabou.reads(page(referral_id))
    opens(zeinabou, referral_id)
    assert "elle rappelle lundi" in zeinabou.reads(page(referral_id))


def test_why_it_is_passed_on_without_a_yes_stands_where_it_is_opened(zeinabou, sealed, database):
    makes_key(zeinabou)
    referral_id = sealed()
    asked = {"receiver": "health", "purpose": "care", "right": "life", "reason": "elle saigne"}
    form = {f"without-{name}": value for name, value in asked.items()}
    assert zeinabou.post(f"{page(referral_id)}/without-consent", **form).status_code == 303
    with database.transaction() as session:
        assert session.scalars(select(Consent)).one().reason_enc is None
    assert "elle saigne" not in zeinabou.reads(page(referral_id))

    opens(zeinabou, referral_id)

    assert "elle saigne" in zeinabou.reads(page(referral_id))


def test_a_second_reader_reads_earlier_requests_once_they_are_shared(
    zeinabou, sealed, signed_in, database, password_hash
):
    makes_key(zeinabou)
    referral_id = sealed()
    with database.transaction() as session:
        session.add(Staff(login="seyni", name="Seyni", role="psea_focal", password_hash=password_hash, active=True))
    seyni = signed_in("seyni")
    makes_key(seyni, OTHER)
    opens(seyni, referral_id, passphrase=OTHER)
    assert WORDS not in seyni.reads(page(referral_id))

    zeinabou.post(f"{KEY}/unlock", on=KEY, **{"unlock-passphrase": PASSPHRASE})
    text = zeinabou.reads(KEY)
    assert "Seyni" in text
    wanted = re.search(r'name="key" value="(\d+)"', text)
    assert zeinabou.post(f"{KEY}/share", key=wanted[1]).status_code == 303

    assert WORDS in seyni.reads(page(referral_id))


def test_sharing_needs_the_unlocked_key(zeinabou, sealed, database, password_hash, signed_in):
    makes_key(zeinabou)
    sealed()
    with database.transaction() as session:
        session.add(Staff(login="seyni", name="Seyni", role="psea_focal", password_hash=password_hash, active=True))
    makes_key(signed_in("seyni"), OTHER)

    assert zeinabou.post(f"{KEY}/share", key="2").status_code == 422


def test_another_passphrase_opens_and_the_old_one_no_more(zeinabou, sealed):
    makes_key(zeinabou)
    referral_id = sealed()
    fields = {"change-passphrase": OTHER, "change-again": OTHER}
    assert zeinabou.post(f"{KEY}/passphrase", **{"change-old": "not the one of today"}, **fields).status_code == 403
    assert zeinabou.post(f"{KEY}/passphrase", **{"change-old": PASSPHRASE}, **fields).status_code == 303

    assert opens(zeinabou, referral_id).status_code == 403
    assert opens(zeinabou, referral_id, passphrase=OTHER).status_code == 303


def test_a_short_passphrase_or_two_different_ones_make_no_key(zeinabou, database):
    assert zeinabou.post(KEY, **{"new-passphrase": "short", "new-again": "short"}).status_code == 422
    assert zeinabou.post(KEY, **{"new-passphrase": PASSPHRASE, "new-again": OTHER}).status_code == 422
    with database.transaction() as session:
        assert session.scalar(select(func.count(ReaderKey.id))) == 0


def test_the_voice_note_plays_for_who_opened_it(zeinabou, sealed, database, ciphers):
    makes_key(zeinabou)
    referral_id = sealed(source="voice_note")
    with database.transaction() as session:
        recordings.expect(session, referral_id, gateway="meta", reference="3", at=NOON, ciphers=ciphers)
        session.flush()
        row = session.get_one(recordings.Recording, referral_id)
        recordings.keep(row, b"OggS the sound", "audio/ogg", ciphers=ciphers)
        sealing.seal(session, session.get_one(Referral, referral_id), ciphers=ciphers)

    assert zeinabou.get(f"{page(referral_id)}/voice").status_code == 404
    opens(zeinabou, referral_id)
    heard = zeinabou.get(f"{page(referral_id)}/voice")
    assert (heard.status_code, heard.data) == (200, b"OggS the sound")


@pytest.mark.parametrize("login", ["hadiza", "aicha", "moussa", "ousmane", "adamou"])
def test_nobody_else_learns_that_there_is_anything(signed_in, zeinabou, sealed, login):
    makes_key(zeinabou)
    referral_id = sealed()
    who = signed_in(login)

    unknown = who.get("/desk/referrals/" + "0" * 32)
    known = who.get(page(referral_id))
    assert (known.status_code, bare(known)) == (404, bare(unknown))
    assert opens(who, referral_id).status_code == 404
    for path in (KEY, f"{KEY}/lock", f"{KEY}/share", f"{KEY}/unlock", f"{KEY}/passphrase"):
        assert who.post(path).status_code == 404
    assert who.get(KEY).status_code == 404
    assert SHOWN not in who.reads("/desk/")
    assert "Ma clé" not in who.reads("/desk/")
    assert who.post("/desk/find", wanted=TICKET).status_code == who.post("/desk/find", wanted="9999999").status_code

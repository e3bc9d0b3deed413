"""Sealed requests: what a copy of the database with every key of the application shows of them, and to whom they open."""

from datetime import timedelta

import pytest
from nacl import pwhash
from nacl.public import PrivateKey
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError

from bot.engine.effects import AnswerCallNow, OpenReferral, Terms, UpdateReferral
from bot.errors import ReferralError
from bot.referrals import clocks, consents, opening, reader_keys, recovery, sealing, staffing, steps, writing
from bot.referrals.terms import read_terms
from bot.store.ciphers import Ciphers, Unreadable
from bot.store.models import Case, Consent, Contact, ReaderKey, Recording, Referral, ReferralEvent, SealedBox, Staff
from bot.store.recordings import keep, sound
from tests.referrals.conftest import NOON

PASSPHRASE = "seven camels walk to agadez"
OTHER = "rain falls on the old market"
WORDS = "le chef du bureau demande"
NUMBER = "+22790001234"
SAFE_NUMBER = "+22796005678"
TERMS = Terms(
    may_call=True, window="evening", number=SAFE_NUMBER, who_answers="ma soeur Balkissa", cover_phrase="le moulin"
)


@pytest.fixture(autouse=True)
def _quick_argon(monkeypatch):
    """The same algorithm with less work."""
    monkeypatch.setattr(reader_keys, "OPERATIONS", pwhash.argon2id.OPSLIMIT_MIN)
    monkeypatch.setattr(reader_keys, "MEMORY", pwhash.argon2id.MEMLIMIT_MIN)


def focal(office, login):
    return office.on_duty(login, "psea_focal", "sealed")


def make_key(office, staff_id, passphrase=PASSPHRASE):
    with office.database.transaction() as session:
        key = reader_keys.make(session, session.get_one(Staff, staff_id), passphrase, NOON)
        sealing.seal_all(session, office.ciphers)
        return key.id


def unlocked(session, key_id, passphrase=PASSPHRASE):
    private = reader_keys.unlock(session.get_one(ReaderKey, key_id), passphrase)
    return opening.Unlocked(key_id, private)


def read(office, key_id, referral_id, passphrase=PASSPHRASE):
    with office.database.transaction() as session:
        return opening.contents(session, referral_id, unlocked(session, key_id, passphrase))


def case_of(office, contact_id):
    with office.database.transaction() as session:
        case = Case(
            number="482719368", name="Balkissa Idi", sex="F", contact_id=contact_id, language="fr", region="Agadez",
            department="Arlit", office="Arlit", stage="ARRIVED", opened_on=NOON.date(), stage_since=NOON.date(),
        )  # fmt: skip
        session.add(case)
        session.flush()
        return case.id


def tell(office, *, staff_id, contact_id=None, case_id=None, words=WORDS, terms=TERMS):
    """A sealed need with everything that can be said of one: words, terms, a note of the focal point."""
    referral_id = office.need(queue="sealed", contact_id=contact_id, case_id=case_id, office="Arlit" if case_id else "")
    with office.database.transaction() as session:
        referral = session.get_one(Referral, referral_id)
        wrote = ReferralEvent(referral_id=referral_id, at=NOON, kind="wrote")
        sealing.add_text(session, referral, wrote, words, ciphers=office.ciphers)
        change = UpdateReferral(id=referral_id, terms=terms)
        writing.update_referral(session, change, at=NOON, turn="11" * 16, ciphers=office.ciphers)
        sealing.seal(session, referral, ciphers=office.ciphers)
    with office.database.transaction() as session:
        staff = session.get_one(Staff, staff_id)
        steps.note(
            session, session.get_one(Referral, referral_id), staff, "elle rappelle lundi", NOON, ciphers=office.ciphers
        )
        sealing.seal(session, session.get_one(Referral, referral_id), ciphers=office.ciphers)
    return referral_id


def dump(office):
    """Every value of every table, as bytes."""
    found = []
    with office.database.engine.connect() as connection:
        tables = connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).all()
        for table in tables:
            for row in connection.execute(text(f'SELECT * FROM "{table}"')):
                found += [(table, value) for value in row if value is not None]
    return found


def shown_by(office):
    """All that a thief of the database and of the application's keys can read, with every place tried."""
    ciphers: Ciphers = office.ciphers
    values = dump(office)
    ids = {str(value) for _, value in values if isinstance(value, str) and len(value) in (16, 32)}
    places = [f"referrals|{one}|{part}" for one in ids for part in ("text", "terms")]
    places += [f"recordings|{one}|{part}" for one in ids for part in ("audio", "reference")]
    places += [f"consents|{one}|reason" for one in ids]
    places += [f"{one}|text" for one in ids] + [f"messages|{one}|text" for one in ids]
    shown = []
    for _, value in values:
        if not isinstance(value, bytes):
            shown.append(str(value))
            continue
        shown.append(value.decode("latin-1"))
        for place in places:
            try:
                shown.append(ciphers.decrypt(value, place.encode()).decode("utf-8", "replace"))
            except Unreadable:
                continue
    return "\n".join(shown)


def test_a_copy_of_the_database_with_all_keys_of_the_application_shows_nothing_of_what_was_sealed(office):
    amina = focal(office, "amina")
    key = make_key(office, amina)
    contact = office.contact(NUMBER)
    referral_id = tell(office, staff_id=amina, contact_id=contact, case_id=case_of(office, contact))

    everything = shown_by(office)

    for secret in (WORDS, "elle rappelle lundi", SAFE_NUMBER, "Balkissa\n", "ma soeur", "le moulin"):
        assert secret not in everything, secret
    referral = office.referral(referral_id)
    assert (referral.contact_id, referral.case_id, referral.office) == (None, None, "")
    found = read(office, key, referral_id)
    assert sorted(found.texts.values()) == ["elle rappelle lundi", WORDS]
    assert found.who == sealing.Who(NUMBER, "482719368", "Arlit")
    assert found.whole(read_terms(referral, ciphers=office.ciphers)) == TERMS


def test_the_same_copy_shows_it_where_no_reader_has_a_key(office):
    amina = focal(office, "amina")
    contact = office.contact(NUMBER)
    tell(office, staff_id=amina, contact_id=contact)

    assert WORDS in shown_by(office)  # the test above can fail


def test_the_first_key_seals_what_was_readable(office):
    amina = focal(office, "amina")
    contact = office.contact(NUMBER)
    referral_id = tell(office, staff_id=amina, contact_id=contact)

    key = make_key(office, amina)

    assert WORDS not in shown_by(office)
    assert office.referral(referral_id).contact_id is None
    found = read(office, key, referral_id)
    assert found.who.address == NUMBER
    assert WORDS in found.texts.values()


REASON = "elle a dit que le chef revient ce soir"


def argue(office, referral_id, staff_id):
    with office.database.transaction() as session:
        referral, staff = session.get_one(Referral, referral_id), session.get_one(Staff, staff_id)
        row = consents.act_without(
            session, referral, staff, receiver="health", purpose="care", right="life", reason=REASON, at=NOON,
            ciphers=office.ciphers,
        )  # fmt: skip
        sealing.seal(session, referral, ciphers=office.ciphers)
        return row.id


def test_why_somebody_acts_without_a_consent_is_sealed_as_well(office):
    amina = focal(office, "amina")
    key = make_key(office, amina)
    referral_id = tell(office, staff_id=amina)
    consent_id = argue(office, referral_id, amina)
    assert REASON not in shown_by(office)
    assert read(office, key, referral_id).reasons == {consent_id: REASON}


def test_a_reason_of_before_the_key_is_sealed_with_it_or_by_the_hourly_look(office):
    amina = focal(office, "amina")
    referral_id = tell(office, staff_id=amina)
    consent_id = argue(office, referral_id, amina)
    assert REASON in shown_by(office)
    key = make_key(office, amina)
    assert REASON not in shown_by(office)
    with office.database.transaction() as session:  # as a release that did not seal it left it
        place = f"consents|{referral_id}|reason".encode()
        session.get_one(Consent, consent_id).reason_enc = office.ciphers.encrypt(REASON.encode(), place)
    assert sealing.seal_left(office.database, office.ciphers) == 1
    assert REASON not in shown_by(office)
    assert read(office, key, referral_id).reasons == {consent_id: REASON}


def test_ladder_and_clocks_still_know_whether_and_when_a_call_is_allowed(office):
    amina = focal(office, "amina")
    make_key(office, amina)
    referral_id = tell(office, staff_id=amina, contact_id=office.contact(NUMBER))

    kept = read_terms(office.referral(referral_id), ciphers=office.ciphers)

    assert kept == Terms(may_call=True, window="evening", sealed=True)
    assert clocks.next_safe_call(kept, NOON) == clocks.next_safe_call(TERMS, NOON) == NOON.replace(hour=16)


def test_new_terms_replace_the_sealed_ones_whole(office):
    amina = focal(office, "amina")
    key = make_key(office, amina)
    referral_id = tell(office, staff_id=amina, contact_id=office.contact(NUMBER))

    with office.database.transaction() as session:
        change = UpdateReferral(id=referral_id, terms=Terms(may_call=True, window="morning"))
        writing.update_referral(session, change, at=NOON, turn="22" * 16, ciphers=office.ciphers)
        sealing.seal(session, session.get_one(Referral, referral_id), ciphers=office.ciphers)

    kept = read_terms(office.referral(referral_id), ciphers=office.ciphers)
    assert read(office, key, referral_id).whole(kept) == Terms(may_call=True, window="morning")


def test_a_yes_for_now_keeps_the_sealed_terms_and_seals_its_number(office):
    amina = focal(office, "amina")
    key = make_key(office, amina)
    referral_id = tell(office, staff_id=amina, contact_id=office.contact(NUMBER))
    stranger = office.contact("+22791112233")
    with office.database.transaction() as session:
        referral = session.get_one(Referral, referral_id)
        referral.call_now = True
        effect = AnswerCallNow(ticket=referral.ticket, yes=True)
        writing.answer_call_now(
            session, effect, at=NOON, turn="33" * 16, contact_id=stranger, ciphers=office.ciphers, settings=office.settings
        )  # fmt: skip
        sealing.seal(session, referral, ciphers=office.ciphers, contact_id=stranger)

    kept = read_terms(office.referral(referral_id), ciphers=office.ciphers)
    whole = read(office, key, referral_id).whole(kept)

    assert kept.now_number == ""
    assert clocks.asked_for_a_call(kept, NOON + timedelta(minutes=5))
    assert (whole.now_number, whole.number) == ("+22791112233", SAFE_NUMBER)
    assert "+22791112233" not in shown_by(office).replace(NUMBER, "")


def test_nobody_may_call_where_a_reader_has_not_the_terms(office):
    amina, seyni = focal(office, "amina"), focal(office, "seyni")
    make_key(office, amina)
    referral_id = tell(office, staff_id=amina, contact_id=office.contact(NUMBER))
    late = make_key(office, seyni, OTHER)

    found = read(office, late, referral_id, OTHER)

    assert (found.texts, found.who.address) == ({}, "")
    assert found.whole(read_terms(office.referral(referral_id), ciphers=office.ciphers)) is None


def test_two_readers_open_the_same_and_a_new_one_only_what_was_shared(office):
    amina, seyni, late = focal(office, "amina"), focal(office, "seyni"), focal(office, "late")
    first, second = make_key(office, amina), make_key(office, seyni, OTHER)
    referral_id = tell(office, staff_id=amina, contact_id=office.contact(NUMBER))
    third = make_key(office, late)
    assert read(office, first, referral_id) == read(office, second, referral_id, OTHER)

    with office.database.transaction() as session:
        mine, theirs = session.get_one(ReaderKey, first), session.get_one(ReaderKey, third)
        private = unlocked(session, first).private
        assert reader_keys.share(session, private, mine=mine, other=theirs) == 4
        assert reader_keys.share(session, private, mine=mine, other=theirs) == 0

    assert read(office, third, referral_id) == read(office, first, referral_id)


def test_a_lost_passphrase_opens_nothing_and_a_new_key_opens_nothing_old(office):
    amina = focal(office, "amina")
    old = make_key(office, amina)
    referral_id = tell(office, staff_id=amina, contact_id=office.contact(NUMBER))
    with office.database.transaction() as session:
        assert reader_keys.unlock(session.get_one(ReaderKey, old), "seven camels walk to arlit") is None

    new = make_key(office, amina, OTHER)

    assert read(office, new, referral_id, OTHER).texts == {}
    with office.database.transaction() as session:
        assert session.get_one(ReaderKey, old).retired_at == NOON


def test_another_passphrase_is_the_same_key(office):
    amina = focal(office, "amina")
    key = make_key(office, amina)
    referral_id = tell(office, staff_id=amina, contact_id=office.contact(NUMBER))
    with office.database.transaction() as session:
        row = session.get_one(ReaderKey, key)
        assert not reader_keys.change_passphrase(session, row, OTHER, "a third one, long enough", NOON)
        assert reader_keys.change_passphrase(session, row, PASSPHRASE, OTHER, NOON)

    with office.database.transaction() as session:
        assert reader_keys.unlock(session.get_one(ReaderKey, key), PASSPHRASE) is None
    assert WORDS in read(office, key, referral_id, OTHER).texts.values()


def test_short_passphrases_and_others_than_readers_get_no_key(office):
    amina, hadiza = focal(office, "amina"), office.on_duty("hadiza")
    with office.database.transaction() as session, pytest.raises(ReferralError, match="too_short"):
        reader_keys.make(session, session.get_one(Staff, amina), "short", NOON)
    with office.database.transaction() as session, pytest.raises(ReferralError, match="not_found"):
        reader_keys.make(session, session.get_one(Staff, hadiza), PASSPHRASE, NOON)


def test_nothing_new_is_sealed_for_who_left(office):
    amina, seyni = focal(office, "amina"), focal(office, "seyni")
    gone, stays = make_key(office, amina), make_key(office, seyni, OTHER)
    earlier = tell(office, staff_id=seyni, contact_id=office.contact(NUMBER))
    with office.database.transaction() as session:
        staffing.leave(session, "amina")

    later = tell(office, staff_id=seyni, contact_id=office.contact("+22791112233"))

    assert read(office, gone, later).texts == {}
    assert WORDS in read(office, stays, later, OTHER).texts.values()
    assert WORDS in read(office, stays, earlier, OTHER).texts.values()


def test_a_changed_role_ends_reading_too(office):
    amina, seyni = focal(office, "amina"), focal(office, "seyni")
    gone = make_key(office, amina)
    make_key(office, seyni, OTHER)
    with office.database.transaction() as session:
        session.get_one(Staff, amina).role = "protection"

    referral_id = tell(office, staff_id=seyni, contact_id=office.contact(NUMBER))

    assert read(office, gone, referral_id).texts == {}


def test_the_voice_note_is_sealed_when_it_comes_and_opens_for_readers(office):
    amina = focal(office, "amina")
    key = make_key(office, amina)
    referral_id = office.need(queue="sealed", contact_id=office.contact(NUMBER))
    with office.database.transaction() as session:
        row = Recording(
            referral_id=referral_id,
            gateway="meta",
            received_at=NOON,
            due_at=NOON,
            delete_after=NOON + timedelta(days=30),
        )
        session.add(row)
        session.flush()
        keep(row, b"OggS the sound", "audio/ogg", ciphers=office.ciphers)
        sealing.seal(session, session.get_one(Referral, referral_id), ciphers=office.ciphers)

    with office.database.transaction() as session:
        assert sound(session, referral_id, ciphers=office.ciphers) is None
        assert opening.sound(session, referral_id, unlocked(session, key)) == b"OggS the sound"


def test_a_request_of_another_queue_stays_as_it_was(office):
    amina = focal(office, "amina")
    make_key(office, amina)
    contact = office.contact(NUMBER)
    referral_id = office.need(contact_id=contact, terms=TERMS)
    with office.database.transaction() as session:
        referral = session.get_one(Referral, referral_id)
        sealing.seal(session, referral, ciphers=office.ciphers)
        assert session.scalar(select(SealedBox.id)) is None
        assert referral.contact_id == contact
        assert not session.get_one(Contact, contact).quiet
    assert read_terms(office.referral(referral_id), ciphers=office.ciphers) == TERMS


def test_a_phone_that_went_outside_is_not_called_back_by_people_inside(office):
    from bot.referrals.missed_calls import open_missed_call

    amina = focal(office, "amina")
    make_key(office, amina)
    contact = office.contact(NUMBER)
    tell(office, staff_id=amina, contact_id=contact)
    rang = OpenReferral(
        id="ab" * 16,
        ticket="4999999",
        queue="assistance",
        level="normal",
        source="missed_call",
        terms=Terms(may_call=True),
    )
    with office.database.transaction() as session:
        open_missed_call(session, rang, at=NOON, turn="44" * 16, contact_id=contact, ciphers=office.ciphers)

    missed = office.referral("ab" * 16)
    assert (missed.queue, missed.sealed, missed.terms_enc) == ("sealed", True, None)


def test_a_text_leaves_the_timeline_for_a_box_alone(office):
    amina = focal(office, "amina")
    referral_id = tell(office, staff_id=amina, contact_id=office.contact(NUMBER))  # no key: nothing was sealed

    with pytest.raises(IntegrityError, match="only ever added"), office.database.transaction() as session:
        session.execute(update(ReferralEvent).where(ReferralEvent.referral_id == referral_id).values(text_enc=None))


def set_recovery(office):
    ali, rakia = office.on_duty("ali", "coordinator", ""), office.on_duty("rakia", "data_protection", "")
    with office.database.transaction() as session:
        people = [session.get_one(Staff, one) for one in (ali, rakia)]
        recovery.set_up(session, people, [PASSPHRASE, OTHER], NOON)


def recovered(office, staff_id, *passphrases):
    with office.database.transaction() as session:
        return recovery.recover(session, session.get_one(Staff, staff_id), passphrases, NOON)


def test_when_all_readers_are_gone_both_holders_give_a_new_one_what_was_sealed(office):
    amina = focal(office, "amina")
    make_key(office, amina)
    set_recovery(office)
    referral_id = tell(office, staff_id=amina, contact_id=office.contact(NUMBER))
    with office.database.transaction() as session:
        staffing.leave(session, "amina")
    late = focal(office, "late")
    key = make_key(office, late, "a third one, long enough")

    assert recovered(office, late, PASSPHRASE, OTHER) == 4

    found = read(office, key, referral_id, "a third one, long enough")
    assert WORDS in found.texts.values()
    assert found.who.address == NUMBER


@pytest.mark.parametrize("passphrases", [(PASSPHRASE, PASSPHRASE), (OTHER, PASSPHRASE), (OTHER, OTHER)])
def test_one_holder_alone_recovers_nothing(office, passphrases):
    amina = focal(office, "amina")
    make_key(office, amina)
    set_recovery(office)
    tell(office, staff_id=amina, contact_id=office.contact(NUMBER))

    with pytest.raises(ReferralError, match="wrong_passphrase"):
        recovered(office, amina, *passphrases)


def test_neither_half_is_the_key(office):
    set_recovery(office)
    with office.database.transaction() as session:
        halves = reader_keys.of_recovery(session)
        opened = [reader_keys.unlock(half, word) for half, word in zip(halves, (PASSPHRASE, OTHER), strict=True)]
    assert halves[0].public_key == halves[1].public_key
    for half in opened:
        assert bytes(PrivateKey(half).public_key) != halves[0].public_key
    whole = bytes(a ^ b for a, b in zip(*opened, strict=True))
    assert bytes(PrivateKey(whole).public_key) == halves[0].public_key


def test_nothing_is_sealed_for_the_recovery_alone(office):
    amina = focal(office, "amina")
    set_recovery(office)
    tell(office, staff_id=amina, contact_id=office.contact(NUMBER))

    with office.database.transaction() as session:
        assert session.scalar(select(SealedBox.id)) is None  # nobody at the desk could have read it


def test_holders_are_two_people_and_no_readers(office):
    amina, ali = focal(office, "amina"), office.on_duty("ali", "coordinator", "")
    with office.database.transaction() as session:
        for pair in ((ali, ali), (ali, amina)):
            people = [session.get_one(Staff, one) for one in pair]
            with pytest.raises(ReferralError, match="two_holders"):
                recovery.set_up(session, people, [PASSPHRASE, OTHER], NOON)

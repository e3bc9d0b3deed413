"""What is put into the outbox can leave as it is; what could never leave is refused while somebody can still change it."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.kinds import RULES, Kind
from bot.messages import Channel, Template
from bot.outbox import Draft, NotWritten, put
from bot.referrals.telling import tell
from bot.store.models import Case, Contact, Message, Staff

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
TEXT = "Bonjour. Quelque chose de nouveau: *321#."


@pytest.fixture
def session(database):
    with database.transaction() as session:
        yield session


def known(session, ciphers, address="+22790006511", language="fr"):
    digest = ciphers.address(address).digest
    place = f"contacts|{digest}|number".encode()
    row = Contact(digest=digest, number_enc=ciphers.encrypt(address.encode(), place), language=language)
    session.add(row)
    session.flush()
    return row


@pytest.fixture
def contact(session, ciphers):
    return known(session, ciphers)


@pytest.fixture
def write(session, settings, ciphers):
    def one(kind=Kind.REPLY, *, at=AT, **more):
        return put(session, Draft(kind, **more), at=at, settings=settings, ciphers=ciphers)

    return one


def words(ciphers, row, field="text"):
    kept = row.text_enc if field == "text" else row.spare_enc
    return ciphers.decrypt(kept, f"messages|{row.id}|{field}".encode()).decode()


def test_a_row_holds_all_that_sending_needs(write, contact, settings, ciphers, session):
    row = write(contact=contact, sms="Réponse: ça va…")
    session.flush()
    assert (row.kind, row.channel, row.gateway, row.state) == ("reply", "sms", settings.sms_gateway, "queued")
    assert (row.contact_id, row.staff_id, row.created_at, row.due_at) == (contact.id, None, AT, AT)
    assert row.priority == RULES[Kind.REPLY].priority
    assert row.expires_at == AT + RULES[Kind.REPLY].lives
    assert words(ciphers, row) == "Réponse: ca va..."  # plain letters of the network
    assert b"ponse" not in row.text_enc


def test_whatsapp_keeps_its_accents_and_a_plain_sms_in_its_place(write, contact, settings, ciphers):
    template = Template("something_new", "fr", ("321",))
    row = write(contact=contact, channel=Channel.WHATSAPP, whatsapp="Œuvre…", sms="Œuvre…", template=template)
    assert row.gateway == settings.whatsapp_gateway
    assert words(ciphers, row) == "Œuvre…"
    assert words(ciphers, row, "spare") == "OEuvre..."
    assert row.template == {"name": "something_new", "language": "fr", "parameters": ("321",)}


def test_writing_it_again_makes_no_second_message(write, contact, session):
    first = write(contact=contact, sms=TEXT, id="ab" * 16)
    session.flush()
    assert write(contact=contact, sms="Autre", id="ab" * 16) is first
    assert session.query(Message).count() == 1


@pytest.mark.parametrize(
    ("text", "size"),
    [("a" * 460, 4), ("ü" * 459 + "{", 4), ("ɓ" * 460, 4), ("ع" * 202, 4)],
)
def test_a_text_over_its_budget_is_refused_not_cut(write, contact, text, size):
    with pytest.raises(NotWritten) as refused:
        write(contact=contact, sms=text)
    assert (refused.value.reason, refused.value.size, refused.value.limit) == ("too_long", size, 3)


def test_a_text_just_within_its_budget_passes(write, contact):
    assert write(contact=contact, sms="a" * 459)


def test_a_whatsapp_text_has_its_own_limit(write, contact):
    with pytest.raises(NotWritten, match="too_long"):
        write(contact=contact, channel=Channel.WHATSAPP, whatsapp="a" * 1601)


@pytest.mark.parametrize("draft", [{"sms": " "}, {"channel": Channel.WHATSAPP, "sms": "Bonjour"}])
def test_nothing_is_no_message(write, contact, draft):
    with pytest.raises(NotWritten, match="empty"):
        write(contact=contact, **draft)


@pytest.mark.parametrize(
    "draft",
    [
        {"sms": "Allez a l'hopital"},
        {"sms": "Dossier 482-719-368"},
        {"sms": "Bonjour Souleymane, appelez-nous"},
        {"channel": Channel.WHATSAPP, "whatsapp": "Bonjour", "sms": "Bonjour Souleymane"},
        {"channel": Channel.WHATSAPP, "whatsapp": "Bonjour", "template": Template("hello", "fr", ("Souleymane",))},
    ],
)
def test_words_that_must_not_leave_are_told_to_whoever_writes_them(write, contact, session, draft):
    session.add(
        Case(
            number="482719368", name="Souleymane Adamou", sex="M", contact_id=contact.id, language="fr", region="Zinder",
            department="Zinder", office="Zinder", stage="ENROLLED", opened_on=AT.date(), stage_since=AT.date(),
        )
    )  # fmt: skip
    session.flush()
    with pytest.raises(NotWritten, match="never_send:"):
        write(contact=contact, **draft)


def test_a_contact_without_a_phone_takes_no_sms(write, session, ciphers):
    opaque = known(session, ciphers, "whatsapp:NE.1234")
    with pytest.raises(NotWritten, match="no_number"):
        write(contact=opaque, sms=TEXT)
    assert write(contact=opaque, channel=Channel.WHATSAPP, whatsapp=TEXT).channel == "whatsapp"


def test_what_waits_for_its_hour_does_not_grow_old_before_it(write, contact):
    later = AT + timedelta(days=10)
    assert write(Kind.REMINDER, contact=contact, sms=TEXT, due_at=later).expires_at == later + timedelta(hours=48)


def test_an_appointment_ends_its_reminder(write, contact):
    noon = AT + timedelta(hours=3)
    assert write(Kind.REMINDER, contact=contact, sms=TEXT, expires_at=noon).expires_at == noon


def test_alerts_to_staff_never_grow_old_and_never_fail_for_their_length(session, settings, ciphers):
    hadiza = Staff(login="hadiza", name="Hadiza", role="protection", phone_enc=ciphers.encrypt(b"+22790009999", b"x"))
    session.add(hadiza)
    session.flush()
    [row] = tell(session, hadiza, text="x" * 900, at=AT, kind="alert", ciphers=ciphers, settings=settings)
    assert (row.expires_at, row.priority, row.gateway) == (None, 0, settings.staff_gateway)
    assert row.staff_id == hadiza.id


def test_staff_without_a_phone_are_told_nothing(session, settings, ciphers):
    nobody = Staff(login="x", name="X", role="protection")
    assert tell(session, nobody, text="x", at=AT, ciphers=ciphers, settings=settings) == []


def test_the_hotline_has_no_row_of_its_own(session, settings, ciphers):
    [row] = tell(session, None, text="x", at=AT, kind="alert", ciphers=ciphers, settings=settings)
    assert (row.staff_id, row.contact_id) == (None, None)

"""Broadcasts at the desk: who opens them, what is seen before it leaves, a second person, and stopping."""

import re
from datetime import date

import pytest
from sqlalchemy import select, update

from bot.outreach import broadcasts_pace, broadcasts_plan
from bot.store.models import Broadcast, Case, Contact, Message, Referral, Staff

PAGE = "/desk/broadcasts"
WORDS = {"cast-text_fr": "La réunion est lundi.", "cast-text_ha": "Taro ran Litinin.", "cast-otherwise": "ha"}
USUAL = {"cast-name": "Réunion", "cast-share": "10", "cast-whatsapp": "y", **WORDS}


@pytest.fixture
def services(services):
    services.settings = services.settings.model_copy(
        update={"broadcast_alone": 10, "prices": {"africastalking": "8 XOF"}}
    )
    return services


@pytest.fixture
def phones(database, ciphers):
    """So many files with a phone each."""

    def put(many, *, start=0, **fields):
        usual = {"office": "Zinder", "region": "Zinder", "language": "ha", "stage": "KIT_READY", "partner": "Taagazt"}
        with database.transaction() as session:
            for n in range(start, start + many):
                number = f"+2279055{n:04d}"
                digest = ciphers.address(number).digest
                enc = ciphers.encrypt(number.encode(), f"contacts|{digest}|number".encode())
                contact = Contact(digest=digest, number_enc=enc)
                session.add(contact)
                session.flush()
                session.add(
                    Case(
                        number=f"{n:09d}", name="Salifou", sex="M", department="", contact_id=contact.id,
                        opened_on=date(2026, 1, 5), stage_since=date(2026, 11, 2), **usual | fields,
                    )
                )  # fmt: skip

    return put


@pytest.fixture
def ousmane(signed_in):
    return signed_in("ousmane")


def written(reader, **fields):
    """A draft; the address of its page."""
    form = reader.reads(f"{PAGE}/new")
    once = re.search(r'name="cast-once"[^>]*value="([0-9a-f]{32})"', form)[1]
    answer = reader.post(f"{PAGE}/new", on=f"{PAGE}/new", **USUAL | {"cast-once": once, "cast-version": "0"} | fields)
    assert answer.status_code == 303, re.findall(r'class="error".*?</p>', answer.text, re.DOTALL)
    return f"{PAGE}/{once}"


def plain(page):
    text = re.sub(r"<[^>]+>", " ", page.split("<main")[1].split("<footer")[0])
    return re.sub(r"\s+", " ", text.replace("\xa0", " "))


@pytest.mark.parametrize(("login", "status"), [("moussa", 404), ("adamou", 404), ("zeinabou", 404), ("hadiza", 200)])
def test_who_is_no_second_person_finds_no_such_page(signed_in, login, status):
    reader = signed_in(login)
    assert reader.get(PAGE).status_code == status
    assert (PAGE in reader.reads("/desk/")) is (status == 200)
    assert reader.get(f"{PAGE}/new").status_code == 404


def test_an_empty_list_says_what_to_do(ousmane, hadiza):
    assert "Écrire la première" in ousmane.reads(PAGE)
    assert "une deuxième personne donne son accord ici" in hadiza.reads(PAGE)


def test_before_it_leaves_everything_is_seen(ousmane, phones, database):
    phones(6)
    phones(2, start=50, language="dje")
    phones(1, start=60, stage="DECEASED")
    phones(3, start=70, office="Tahoua")
    page = plain(ousmane.reads(written(ousmane, **{"cast-offices": ["Zinder"]})))
    assert "Au plus 8 téléphones, pour 9 dossiers." in page
    assert "Bureau : Zinder." in page
    assert "Taro ran Litinin." in page
    assert "La réunion" not in page.split("Qui ne la reçoit pas")[1].split("Taro")[0]
    assert "dont celles qui parlent : zarma" in page.lower()
    assert "1 SMS, 64 XOF" in page
    assert "la personne est décédée 1" in page
    assert "10 par minute" in page
    with database.transaction() as session:
        assert session.scalars(select(Message)).all() == []


def test_a_word_that_never_leaves_is_named_by_its_group_and_nothing_is_lost(ousmane):
    form = ousmane.reads(f"{PAGE}/new")
    once = re.search(r'name="cast-once"[^>]*value="([0-9a-f]{32})"', form)[1]
    fields = USUAL | {"cast-once": once, "cast-version": "0", "cast-text_fr": "Pour les migrants de Zinder."}
    answer = ousmane.post(f"{PAGE}/new", on=f"{PAGE}/new", **fields)
    assert answer.status_code == 422
    assert "Un mot sur qui sont les personnes" in answer.text
    assert "Pour les migrants de Zinder." in answer.text


def test_what_nobody_may_know_changes_no_figure(ousmane, phones, database):
    phones(8)
    page = written(ousmane)
    before = ousmane.reads(page)
    with database.transaction() as session:
        contact = session.scalars(select(Contact.id).order_by(Contact.id)).first()
        session.add(
            Referral(
                id="f" * 32, ticket="4821737", opened_at=date(2026, 11, 1), source="private", level="critical",
                queue="protection", channel="ussd", private=True, contact_id=contact,
            )
        )  # fmt: skip
    assert plain(ousmane.reads(page)) == plain(before)


def test_a_second_person_agrees_and_the_page_shows_how_far_it_is(ousmane, hadiza, phones, database, services, hands):
    phones(12)
    page = written(ousmane)
    ousmane.post(f"{page}/hand-in", version="1", on=page)
    read = plain(ousmane.reads(page))
    assert "Une deuxième personne doit être d’accord" in read
    assert "D’accord : envoyer" not in read
    ousmane.post(f"{page}/approve", version="1", on=page)
    assert "quelqu’un d’autre que son auteur" in plain(ousmane.reads(page)).lower()
    hadiza.post(f"{page}/approve", version="1", on=page)
    once = page.rsplit("/", 1)[1]
    keys = {"settings": services.settings, "ciphers": services.ciphers}
    broadcasts_plan.plan(database, once, now=hands(), **keys)
    with database.transaction() as session:
        broadcasts_pace.release(session, now=hands(), **keys)
        session.flush()
        session.execute(update(Message).values(state="delivered", sent_at=hands(), cost=8, currency="XOF"))
        session.execute(update(Broadcast).values(answers=3))
    read = plain(hadiza.reads(page))
    assert "Traités 1 sur 12" in read
    assert "Arrivés, selon les rapports 1" in read
    assert "Ont écrit ou appelé depuis moins de 5" in read
    assert "accord de Hadiza" in read
    assert "Mettre en pause" not in read
    assert "Mettre en pause" in ousmane.reads(page)
    assert ("broadcast",) in services.woken
    ousmane.post(f"{page}/pause", on=page)
    assert "en pause" in plain(hadiza.reads(PAGE))
    ousmane.post(f"{page}/resume", on=page)
    ousmane.post(f"{page}/cancel", on=page)
    assert "annulé" in plain(hadiza.reads(PAGE)).lower()


def test_whoever_read_older_words_is_told(ousmane, hadiza, phones):
    phones(12)
    page = written(ousmane)
    ousmane.post(f"{page}/hand-in", version="1", on=page)
    hadiza.post(f"{page}/back", version="1", on=page)
    form = ousmane.reads(f"{page}/edit")
    assert "La réunion est lundi." in form
    fields = USUAL | {"cast-once": page.rsplit("/", 1)[1], "cast-version": "1", "cast-text_fr": "Autre."}
    assert ousmane.post(f"{page}/edit", on=f"{page}/edit", **fields).status_code == 303
    ousmane.post(f"{page}/hand-in", version="2", on=page)
    hadiza.post(f"{page}/approve", version="1", on=page)
    assert "entre-temps" in plain(hadiza.reads(page))


def test_a_small_group_is_let_go_by_its_author_a_tiny_one_is_not(ousmane, phones, database):
    phones(7)
    page = written(ousmane)
    ousmane.post(f"{page}/hand-in", version="1", on=page)
    with database.transaction() as session:
        assert session.scalars(select(Broadcast.state)).one() == "running"
        session.execute(update(Case).where(Case.id > 4).values(office="Tahoua"))
    tiny = written(ousmane, **{"cast-offices": ["Zinder"]})
    read = plain(ousmane.reads(tiny))
    assert "Moins de 5 téléphones" in read
    assert "Essayer sur mon téléphone" in read
    ousmane.post(f"{tiny}/hand-in", version="1", on=tiny)
    assert "brouillon" in plain(ousmane.reads(PAGE))


def test_a_test_goes_to_the_readers_own_phone(ousmane, phones, database, cast):
    page = written(ousmane)
    for _ in range(2):
        ousmane.post(f"{page}/test", once="1x081200", on=page)
    with database.transaction() as session:
        sent = session.scalars(select(Message)).all()
        assert {one.staff_id for one in sent} == {cast["ousmane"]}
        assert len(sent) == 2


def test_it_begins_when_it_was_wished(ousmane, phones):
    phones(7)
    page = written(ousmane, **{"cast-day": "2026-11-25", "cast-hour": "09:00"})
    assert "mercredi 09:00" in plain(ousmane.reads(page))
    ousmane.post(f"{page}/hand-in", version="1", on=page)
    assert "Elle commence mercredi 09:00." in plain(ousmane.reads(page))


def test_there_is_one_answer_for_what_never_was(ousmane):
    for path in (f"{PAGE}/{'0' * 32}", f"{PAGE}/x", f"{PAGE}/{'0' * 32}/edit"):
        assert ousmane.get(path).status_code == 404


def test_who_has_offices_is_offered_those_alone(ousmane, phones, database, cast):
    phones(6)
    phones(6, start=100, office="Tahoua")
    with database.transaction() as session:
        session.get_one(Staff, cast["ousmane"]).offices = ["Zinder"]
    form = ousmane.reads(f"{PAGE}/new")
    assert 'value="Tahoua"' not in form
    assert "Au plus 6 téléphones" in plain(ousmane.reads(written(ousmane)))


def test_who_has_offices_sees_and_stops_only_what_goes_to_these(ousmane, phones, database):
    phones(6)
    all_offices = written(ousmane)
    with database.transaction() as session:
        session.execute(update(Staff).where(Staff.login == "ousmane").values(offices=["Zinder"]))
    own = written(ousmane, **{"cast-name": "Du bureau"})
    listed = ousmane.reads(PAGE)
    assert (own in listed, all_offices in listed) == (True, False)
    assert ousmane.get(own).status_code == 200
    assert ousmane.get(all_offices).status_code == 404
    assert ousmane.post(f"{all_offices}/cancel", on=own).status_code == 404
    with database.transaction() as session:
        assert session.get_one(Broadcast, all_offices.rpartition("/")[2]).state == "draft"

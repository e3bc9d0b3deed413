"""What did not arrive: to be seen by whoever may know of it, without a text or a number; and what the line costs."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from bot.config import ROOT
from bot.desk.reading_messages import GROUPS
from bot.desk.words import messages
from bot.reasons import Why
from bot.store import pacing
from bot.store.models import Alert, Audit, Contact, Message, MessageAlert, Staff

from .conftest import MORNING, NOON

TEXT = "Bonjour, dites-nous quand appeler"
PAGE = "/desk/messages"


@pytest.fixture
def wrote(database, ciphers, cast, amina):
    """Put a message into the table; returns its id. `to`: login of staff, else the person."""
    made = iter(range(1, 1000))

    def one(state="failed", *, to=None, referral=None, ago=5.0, **more):
        number = next(made)
        message_id = f"{number:032x}"
        at = NOON - timedelta(minutes=ago)
        values = {
            "id": message_id, "kind": "alert" if to else "reply", "channel": "sms", "gateway": "africastalking",
            "contact_id": None if to else amina, "staff_id": cast[to] if to else None, "referral_id": referral,
            "text_enc": ciphers.encrypt(TEXT.encode(), f"messages|{message_id}|text".encode()), "state": state,
            "reason": "", "created_at": at, "due_at": at, "attempts": 1, "expires_at": None,
        } | more  # fmt: skip
        with database.transaction() as session:
            session.add(Message(**values))
        return message_id

    return one


@pytest.fixture
def ousmane(signed_in):
    return signed_in("ousmane")


@pytest.fixture
def admin(signed_in, database, password_hash):
    with database.transaction() as session:
        session.add(Staff(login="root", name="Idi", role="admin", password_hash=password_hash, language="fr"))
    return signed_in("root")


def listed(page):
    return re.findall(r'<span class="state [^>]*>([^<]+)', page)


def figures(page):
    nav = page.split('class="groups"')[1].split("</nav>")[0]
    return [int(one) for one in re.findall(r'figure">(\d+)', nav)]


def test_a_message_that_failed_says_why_and_what_to_do(hadiza, opened, wrote):
    referral = opened("9412607", terms=MORNING, by="hadiza")
    wrote(referral=referral, reason="UserDoesNotExist", cost=Decimal("12.5"), currency="XOF")
    page = hadiza.reads(PAGE)
    assert listed(page) == ["pas arrivé"]
    for words in (
        "941-2607",
        "SMS · africastalking",
        "Ce numéro n’existe pas",
        "Demander un autre numéro",
        "12,5\xa0XOF",
    ):
        assert words in page


@pytest.mark.parametrize("path", [PAGE, "/desk/referrals/" + "9412607".rjust(32, "a")])
def test_no_text_and_no_number_of_anybody(hadiza, opened, wrote, path):
    referral = opened("9412607", terms=MORNING)
    wrote(referral=referral)
    wrote(referral=referral, to="aicha")
    page = hadiza.reads(path)
    assert "pas arrivé" in page
    for secret in (TEXT, "90006511", "90 00 65 11", "90009999"):
        assert secret not in page


@pytest.mark.parametrize(
    ("state", "more", "group"),
    [
        ("failed", {}, "failed"),
        ("expired", {"reason": "too_old"}, "failed"),
        ("unknown", {"reason": "lease"}, "unknown"),
        ("unknown", {"settled_at": NOON}, None),
        ("withheld", {"reason": "quiet"}, "withheld"),
        ("withheld", {"reason": "answered"}, None),
        ("queued", {"reason": "http_503"}, "waiting"),
        ("queued", {"attempts": 0, "due_at": NOON + timedelta(hours=1)}, None),
        ("queued", {"attempts": 0}, "waiting"),
        ("sending", {}, "waiting"),
        ("sent", {}, None),
        ("delivered", {}, None),
        ("failed", {"created_at": NOON - timedelta(days=31)}, None),
    ],
)
def test_each_stands_in_its_group_and_is_counted_there(hadiza, opened, wrote, state, more, group):
    wrote(state, referral=opened("9412607", terms=MORNING), **more)
    expected = [int(group == name) for name in GROUPS]
    assert figures(hadiza.reads(PAGE)) == [int(group is not None), *expected]
    for name in GROUPS:
        assert len(listed(hadiza.reads(f"{PAGE}?state={name}"))) == int(group == name)


def test_the_filter_of_gateways(hadiza, opened, wrote):
    referral = opened("9412607", terms=MORNING)
    wrote(referral=referral)
    wrote(referral=referral, gateway="twilio", channel="whatsapp")
    assert len(listed(hadiza.reads(PAGE))) == 2
    page = hadiza.reads(f"{PAGE}?gateway=twilio&state=failed")
    assert listed(page) == ["pas arrivé"]
    assert "WhatsApp · twilio" in page
    assert figures(page)[0] == 1
    assert "Aucun message ne correspond" in hadiza.reads(f"{PAGE}?gateway=nobody")


@pytest.mark.parametrize(
    ("reader", "queue", "more", "sees"),
    [
        ("hadiza", "protection", {}, True),
        ("moussa", "protection", {}, False),
        ("ousmane", "protection", {}, False),
        ("zeinabou", "protection", {}, False),
        ("moussa", "assistance", {}, True),
        ("moussa", "assistance", {"code": "THR"}, False),
        ("ousmane", "assistance", {}, True),
        ("hadiza", "sealed", {}, False),
        ("ousmane", "sealed", {}, False),
        ("zeinabou", "sealed", {}, True),
        ("hadiza", "protection", {"code": "GBV"}, False),
    ],
)
@pytest.mark.parametrize("to", [None, "aicha"])
def test_messages_about_a_request_are_for_whoever_may_see_it(signed_in, opened, wrote, reader, queue, more, sees, to):
    wrote("unknown", referral=opened("9412607", queue=queue, **more), to=to)
    page = signed_in(reader).reads(PAGE)
    assert (figures(page)[0], len(listed(page)), "941-2607" in page) == (int(sees), int(sees), sees)


def test_a_digest_is_seen_by_whoever_may_see_all_that_it_tells(database, cast, hadiza, moussa, opened, wrote):
    both = [opened(ticket, queue="assistance", told="moussa") for ticket in ("9412607", "1112223")]
    mixed = [both[0], opened("3594726", told="hadiza")]
    for told in (both, mixed):
        digest = wrote(to="moussa", kind="alert")
        with database.transaction() as session:
            for one in session.scalars(select(Alert).where(Alert.referral_id.in_(told))):
                session.add(MessageAlert(message_id=digest, alert_id=one.id))
    assert len(listed(moussa.reads(PAGE))) == 1
    assert listed(hadiza.reads(PAGE)) == []  # protection serves assistance when its list says so: here it does not


def test_what_belongs_to_no_request(hadiza, ousmane, admin, moussa, wrote):
    """Answers to people: for who runs the line. A word to a colleague: for that colleague."""
    wrote(kind="answer")
    wrote(to="moussa", kind="staff")
    assert [len(listed(one.reads(PAGE))) for one in (hadiza, ousmane, admin, moussa)] == [0, 1, 1, 1]


@pytest.mark.parametrize("reason", ["", "never_send:name", "of next year", "30005"])
def test_a_reason_that_nobody_knows_still_has_words(hadiza, opened, wrote, reason):
    wrote(referral=opened("9412607", terms=MORNING), reason=reason, gateway="gone")
    assert "pas arrivé" in hadiza.reads(PAGE)


def test_staff_send_an_unsure_message_again(hadiza, opened, wrote, database, services):
    parts = {"parts_taken": 2, "parts_missing": 0b110}
    sent = wrote("unknown", referral=opened("9412607", terms=MORNING), reason="read_timeout", **parts)
    assert "Envoyer encore" in hadiza.reads(PAGE)
    assert hadiza.post(f"{PAGE}/{sent}/again").status_code == 302
    assert services.woken == [("send_messages", sent)]
    assert "Il part encore une fois." in hadiza.reads(PAGE)
    with database.transaction() as session:
        row = session.get_one(Message, sent)
        assert (row.state, row.due_at) == ("queued", NOON)
        assert (row.parts_taken, row.parts_missing) == (2, 0b110)  # what arrived is neither sent nor waited for again
        [audit] = session.scalars(select(Audit).where(Audit.subject == f"message:{sent}")).all()
        assert (audit.action, audit.detail["kind"]) == ("message_again", "reply")
    hadiza.post(f"{PAGE}/{sent}/again")  # the button pressed twice
    assert len(services.woken) == 1


def test_staff_leave_an_unsure_message_and_a_late_report_still_counts(hadiza, opened, wrote, database, services):
    sent = wrote("unknown", referral=opened("9412607", terms=MORNING), reason="read_timeout")
    hadiza.post(f"{PAGE}/{sent}/leave")
    assert listed(hadiza.reads(PAGE)) == []
    with database.transaction() as session:
        row = session.get_one(Message, sent)
        assert (row.state, row.settled_at) == ("unknown", NOON)
        assert session.scalars(select(Audit.action).where(Audit.subject == f"message:{sent}")).all() == ["message_left"]
    assert services.woken == []
    hadiza.post(f"{PAGE}/{sent}/again")
    assert services.woken == []


@pytest.mark.parametrize("more", [{"expires_at": NOON}, {"kind": "resume"}, {"kind": "answer"}])
def test_what_has_grown_old_or_followed_a_step_is_not_sent_again(hadiza, opened, wrote, services, more):
    sent = wrote("unknown", referral=opened("9412607", terms=MORNING), **more)
    page = hadiza.reads(PAGE)
    assert "Envoyer encore" not in page
    assert "Laisser ainsi" in page
    hadiza.post(f"{PAGE}/{sent}/again")
    assert services.woken == []


@pytest.mark.parametrize("step", ["again", "leave"])
def test_a_message_of_others_and_one_that_never_was_answer_alike(moussa, opened, wrote, step):
    hidden = wrote("unknown", referral=opened("9412607"))
    answers = [moussa.post(f"{PAGE}/{known}/{step}") for known in (hidden, "f" * 32, "' or 1=1")]
    assert {one.status_code for one in answers} == {404}


def test_a_decision_needs_its_token(hadiza, opened, wrote, services):
    sent = wrote("unknown", referral=opened("9412607", terms=MORNING))
    assert hadiza.client.post(f"{PAGE}/{sent}/again").status_code == 400
    assert services.woken == []


def test_an_empty_list_says_so_and_leads_on(hadiza):
    page = hadiza.reads(PAGE)
    assert "Tous les messages des 30 derniers jours sont partis" in page
    assert "Retour à Aujourd’hui" in page


def test_a_paused_gateway_is_told_quietly(hadiza, redis_client):
    assert "en pause" not in hadiza.reads(PAGE)
    redis_client.sadd(pacing.NAMES, "twilio")
    redis_client.hset(pacing.key("twilio"), mapping={"paused": 4_000_000_000_000, "why": "20003"})
    page = hadiza.reads(PAGE)
    assert "twilio est en pause" in page
    assert "refuse notre compte" in page


def test_the_page_of_a_request_tells_of_its_messages(hadiza, opened, wrote):
    referral = opened("9412607", terms=MORNING, by="hadiza")
    wrote("delivered", referral=referral, to="aicha", cost=Decimal(8), currency="XOF", sent_at=NOON)
    wrote("failed", referral=referral, reason="UserIsInactive")
    wrote("failed", referral=opened("3594726"), reason="UserDoesNotExist")  # of another request
    page = hadiza.reads(f"/desk/referrals/{referral}")
    section = page.split('id="messages-title"')[1].split("</section>")[0]
    for words in ("Messages (2)", "arrivé", "à Aïcha", "8\xa0XOF", "éteint", "à la personne"):
        assert words in f'id="messages-title"{section}'.replace('">Messages', '">Messages')
    assert "n’existe pas" not in section


def test_the_page_of_a_request_tells_of_a_dead_number(hadiza, opened, amina, database):
    referral = opened("9412607", terms=MORNING, by="hadiza")
    assert "Numéro mort" not in hadiza.reads(f"/desk/referrals/{referral}")
    with database.transaction() as session:
        session.get_one(Contact, amina).unreachable_at = NOON
    page = hadiza.reads(f"/desk/referrals/{referral}")
    assert "Numéro mort" in page
    assert "depuis 09:12\xa0; demander un autre numéro" in page


@pytest.fixture
def spent(wrote):
    wrote("delivered", sent_at=NOON, cost=Decimal("12.5"), currency="XOF", parts=2)
    wrote("failed", sent_at=NOON, cost=Decimal("8.5"), currency="XOF", parts=1)
    wrote("sent", sent_at=NOON, gateway="twilio", cost=Decimal("0.0147"), currency="USD")
    wrote("sent", sent_at=NOON, gateway="twilio", parts=1)  # nobody told the price
    wrote("sent", sent_at=NOON - timedelta(days=40), cost=Decimal(100), currency="XOF", parts=5)
    wrote("sent", sent_at=NOON - timedelta(days=500), cost=Decimal(7777), currency="XOF")
    wrote("withheld", parts=9)


def cells(page):
    rows = re.findall(r"<tr>(.*?)</tr>", page.split("<tbody>")[1], re.DOTALL)
    return [
        [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<td.*?</td>", row, re.DOTALL)] for row in rows
    ]


@pytest.mark.parametrize("reader", ["ousmane", "admin"])
def test_costs_by_month_gateway_and_currency(request, spent, reader):
    page = request.getfixturevalue(reader).reads("/desk/costs")
    assert cells(page) == [
        ["novembre 2026", "africastalking", "2", "3", "–", "21\xa0XOF"],
        ["novembre 2026", "twilio", "1", "1", "1 message", "prix inconnu"],
        ["novembre 2026", "twilio", "1", "0", "–", "0,0147\xa0USD"],
        ["octobre 2026", "africastalking", "1", "5", "–", "100\xa0XOF"],
    ]
    assert page.count('class="bars"') == 2
    assert "octobre 100\xa0XOF, novembre 21\xa0XOF" in page


@pytest.mark.parametrize("reader", ["hadiza", "moussa", "zeinabou"])
def test_costs_are_for_who_runs_the_line(request, spent, reader):
    client = request.getfixturevalue(reader)
    assert client.get("/desk/costs").status_code == 404
    assert "/desk/costs" not in client.reads(PAGE)


def test_no_costs_yet(ousmane):
    assert "Rien n’est encore parti." in ousmane.reads("/desk/costs")


def test_the_rail_leads_where_each_may_go(hadiza, ousmane, admin):
    found = [[path in one.reads("/desk/") for path in (PAGE, "/desk/costs")] for one in (hadiza, ousmane, admin)]
    assert found == [[True, False], [True, True], [True, True]]


@pytest.mark.parametrize("cause", Why)
@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_cause_has_words_in_both_languages_and_a_row_in_the_docs(app, cause, language):
    with app.test_request_context(headers={"Cookie": f"maraba_desk_language={language}"}):
        title, remedy = messages.reason(cause)
    assert title.endswith(".")
    assert remedy.endswith(".")
    if language == "en":
        assert f"| `{cause}` | {title} | " in (ROOT / "docs" / "failures.md").read_text(encoding="utf-8")


def test_an_sms_in_place_of_whatsapp_says_so(ousmane, wrote):
    wrote("failed", fell_from="whatsapp")
    assert "à la place de WhatsApp" in ousmane.reads("/desk/messages")

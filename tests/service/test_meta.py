"""WhatsApp at Meta itself, through the whole service: a talk, a person without a number, and a voice note."""

import re

import pytest
import requests

from bot.cases.development import DEVELOPMENT_PASSWORD
from tests.machine import eventually

pytestmark = pytest.mark.slow
AMINA, HIDDEN = "+22790007101", "NE.000000000000071"
SOUND = b"OggS" + bytes(range(256)) * 40


def answers(service, to, count):
    """The bodies of the messages to somebody, once there are so many."""

    def there():
        found = [message.body for message in service.stand_in.taken() if message.to == to.lstrip("+")]
        assert len(found) >= count
        return found

    return eventually(there, within=20)


@pytest.mark.parametrize("who", [AMINA, HIDDEN])
def test_a_tap_answers_the_question_and_reports_settle_it(service, who):
    assert service.meta.whatsapp(who, "Salut").status == 200
    first = answers(service, who, 1)[0]
    assert "to" in first if who == AMINA else "recipient" in first
    french = first["interactive"]["action"]["buttons"][0]["reply"]
    service.meta.whatsapp(who, french["title"], payload=french["id"])
    menu = answers(service, who, 2)[1]["interactive"]["action"]
    assert menu["button"] == "Choisir"
    assert next(row["title"] for row in menu["sections"][0]["rows"]) == "Mon dossier"
    sent = next(message for message in service.stand_in.taken() if message.body == first)
    ours = first["biz_opaque_callback_data"]
    service.meta.status(sent.external_id, "read", ours=ours)
    eventually(lambda: service.query("select state from messages where id = %(id)s", id=ours) == [("read",)], within=20)


def test_the_same_hook_twice_is_one_turn(service):
    part = service.meta.message("+22790007102", {"type": "text", "text": {"body": "Salut"}})
    service.meta.messages(part, part)
    service.meta.messages(part)
    assert len(answers(service, "+22790007102", 1)) == 1
    again = service.meta.message("+22790007102", {"type": "text", "text": {"body": "menu"}})
    service.meta.messages(again)
    assert len(answers(service, "+22790007102", 2)) == 2


def test_metas_check_of_our_address(service):
    query = {"hub.mode": "subscribe", "hub.verify_token": "dev-meta", "hub.challenge": "1158201444"}
    answer = requests.get(f"{service.base}/hooks/meta", params=query, timeout=5)
    assert (answer.status_code, answer.text) == (200, "1158201444")
    wrong = requests.get(f"{service.base}/hooks/meta", params=query | {"hub.verify_token": "x"}, timeout=5)
    assert wrong.status_code == 403


def test_a_voice_note_is_alerted_fetched_and_heard_by_protection(service):
    service.stand_in.sounds["300000000000071"] = (SOUND, "audio/ogg; codecs=opus")
    service.stand_in.fail(503, gateway="meta", times=1)  # the first try fails: the note is not lost
    service.meta.voice_note("+22790007103", "300000000000071")

    def kept():
        return service.query("select referral_id from recordings where state = 'kept'")[0][0]

    referral = eventually(kept, within=60)
    with requests.Session() as desk:
        page = desk.get(f"{service.base}/desk/sign-in", timeout=5).text
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)[1]
        login = {"csrf_token": token, "login": "hadiza", "password": DEVELOPMENT_PASSWORD}
        desk.post(f"{service.base}/desk/sign-in", data=login, headers={"Referer": service.base}, timeout=5)
        heard = desk.get(f"{service.base}/desk/referrals/{referral}/voice", timeout=5)
    assert (heard.status_code, heard.content) == (200, SOUND)

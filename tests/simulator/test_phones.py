"""What a hand does on the page, end to end over HTTP."""

from datetime import UTC, datetime, timedelta

from bot.simulator.shelf import KEPT
from bot.store.models import Turn

SALIFOU, AICHATOU = "+22790001234", "+22790002705"


def test_dialling_shows_the_first_screen_with_its_septets(page):
    answer = page.post("ussd", phone=SALIFOU, do="dial").json()
    assert answer["line"]["screen"].startswith("Bienvenue. C'est gratuit.")
    assert answer["line"]["open"]
    size = answer["line"]["size"]
    assert (size["units"], size["limit"], size["encoding"]) == (
        len("CON ") + len(answer["line"]["screen"]),
        160,
        "GSM-7",
    )


def test_typing_goes_on_with_the_same_line_and_a_closed_line_says_so(page, line):
    page.post("ussd", phone=SALIFOU, do="dial")
    page.post("ussd", phone=SALIFOU, do="type", text="9")
    for key in ("1", "2", "1"):
        answer = page.post("ussd", phone=SALIFOU, do="type", text=key).json()
    assert "482-1737" in answer["line"]["screen"]
    assert not answer["line"]["open"]
    assert [event.text for event in line.seen] == ["", "9", "9*1", "9*1*2", "9*1*2*1"]
    assert len({event.session for event in line.seen}) == 1
    refused = page.post("ussd", phone=SALIFOU, do="type", text="1")
    assert (refused.status_code, refused.json()["error"]) == (400, "The line is closed. Dial again.")


def test_dialling_again_is_a_new_line(page, line):
    page.post("ussd", phone=SALIFOU, do="dial")
    page.post("ussd", phone=SALIFOU, do="dial")
    assert len({event.session for event in line.seen}) == 2


def test_dropping_the_line_tells_the_service(page, line):
    page.post("ussd", phone=SALIFOU, do="dial")
    answer = page.post("ussd", phone=SALIFOU, do="drop").json()
    assert (answer["line"]["open"], answer["line"]["dropped"]) == (False, True)
    assert line.seen[-1].status == "Incomplete"
    assert page.post("ussd", phone=SALIFOU, do="drop").status_code == 400


def test_a_beep_is_rejected_and_tells_ringing_and_end(page, line):
    event = page.post("voice", phone=SALIFOU).json()["event"]
    assert (event["channel"], event["did"], event["status"], event["screen"]) == ("voice", "beep", 200, None)
    assert "<Reject/>" in event["body"]
    ringing, ended = line.seen
    assert ringing.external_id == ended.external_id
    assert [dict(event["form"])[name] for name in ("isActive", "callerNumber")] == ["1", SALIFOU]


def test_nobody_rings_while_a_line_is_open(page, line):
    page.post("ussd", phone=SALIFOU, do="dial")
    refused = page.post("voice", phone=SALIFOU)
    assert (refused.status_code, refused.json()["error"]) == (400, "Hang up first.")
    assert len(line.seen) == 1


def test_delivered_twice_is_the_same_message_two_times(page, line):
    event = page.post("whatsapp", phone=AICHATOU, text="Bonjour", twice=True).json()["event"]
    first, second = line.seen
    assert first.external_id == second.external_id
    assert (event["times"], event["same"]) == (2, True)


def test_two_hours_late_sets_the_date_of_an_sms(page, line):
    page.post("sms", phone=SALIFOU, text="1", late=True)
    assert datetime.now(UTC) - line.seen[0].sent_at > timedelta(hours=1, minutes=59)


def test_answers_land_on_the_phone_and_their_delivery_is_reported_once(page, line, messages):
    page.post("whatsapp", phone=AICHATOU, text="Bonjour")
    (message,) = messages(1)
    messages(1)
    assert message["text"].startswith("Bienvenue")
    reports = [event for event in line.seen if getattr(event, "external_id", "") == message["external_id"]]
    assert len(reports) == 1


def test_news_start_after_an_event(page):
    page.post("ussd", phone=SALIFOU, do="dial")
    first = page.get("api/news").json()["events"][-1]["id"]
    page.post("ussd", phone=SALIFOU, do="type", text="1")
    later = page.get(f"api/news?after={first}").json()["events"]
    assert [event["text"] for event in later] == ["1"]
    assert page.get("api/news?after=nonsense").status_code == 400


def test_the_drawer_tells_request_times_and_journal(page, database, ciphers):
    event = page.post("ussd", phone=SALIFOU, do="dial").json()["event"]
    before = page.get(f"api/turns/{event['id']}").json()
    assert before["request"]["path"] == "/hooks/africastalking/…/ussd"
    assert before["trace"]["load_us"] == 190
    assert before["journal"] is None
    with database.transaction() as session:
        session.add(
            Turn(
                id=event["turn"],
                at=datetime.now(UTC),
                kind="message",
                gateway="africastalking",
                channel="ussd",
                before="",
                after="menu.main",
                text_enc=ciphers.encrypt(b"hello", f"{event['turn']}|text".encode()),
                replies=[["menu.main", {}]],
                effects=["OpenReferral"],
            )
        )
    journal = page.get(f"api/turns/{event['id']}").json()["journal"]
    assert (journal["after"], journal["text"], journal["effects"]) == ("menu.main", "hello", ["OpenReferral"])
    assert page.get("api/turns/1-1").status_code == 404


def test_nothing_plain_stays_in_the_job_store_and_nothing_for_long(page, line, queue_client, messages):
    page.post("ussd", phone=SALIFOU, do="dial")
    page.post("whatsapp", phone=AICHATOU, text="Bonjour")
    messages(1)
    keys = queue_client.keys("*")
    assert keys
    dump = b"\n".join(queue_client.dump(key) for key in keys) + b"\n".join(keys)
    for secret in (b"22790001234", b"22790002705", b"Bonjour", b"Bienvenue", b"ATUid_"):
        assert secret not in dump
    assert all(0 < queue_client.ttl(key) <= KEPT for key in keys)


def test_the_browser_never_gets_a_secret(line, settings):
    client = line.app.test_client()
    client.post("/simulator/api/whatsapp", json={"phone": AICHATOU, "text": "Bonjour"})
    told = client.get("/simulator/api/news").text + client.get("/simulator/api/start").text
    for secret in ("dev-token", "dev-key", "/dev/", "X-Twilio-Signature:"):
        assert secret not in told


def test_bad_requests_are_refused_in_a_sentence(page):
    for path, body in (
        ("ussd", {"phone": "123", "do": "dial"}),
        ("ussd", {"phone": SALIFOU, "do": "dance"}),
        ("sms", {"phone": SALIFOU, "text": "x" * 2001}),
        ("sms", {"phone": [SALIFOU]}),
        ("switch", {"name": "moon", "on": True}),
    ):
        answer = page.post(path, **body)
        assert answer.status_code == 400
        assert answer.json()["error"]


def test_another_site_cannot_use_the_phones(line):
    client = line.app.test_client()
    body = {"phone": SALIFOU, "text": "1"}
    other = client.post("/simulator/api/sms", json=body, headers={"Sec-Fetch-Site": "cross-site"})
    form = client.post("/simulator/api/sms", data=body)
    assert (other.status_code, form.status_code) == (403, 400)
    assert line.seen == []


def test_the_page_runs_under_a_strict_policy_and_is_light(line):
    client = line.app.test_client()
    page = client.get("/simulator/")
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert "style=" not in page.text
    assert "<script>" not in page.text
    names = ("main.js", "state.js", "words.js", "phones.js", "stories.js", "drawer.js", "simulator.css")
    paths = ["/simulator/", "/desk/static/maraba.css", *(f"/simulator/static/{name}" for name in names)]
    sizes = {}
    for path in paths:
        with client.get(path, headers={"Accept-Encoding": "gzip"}) as answer:
            sizes[path] = len(answer.data)
    assert sum(sizes.values()) < 100_000, sizes

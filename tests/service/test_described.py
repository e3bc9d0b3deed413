"""The line through a gateway that nobody wrote a line of Python for."""

import pytest
import requests

from tests.machine import eventually
from tests.standin.niamey_link import NiameyLinkCaller

pytestmark = pytest.mark.slow
HAMIDOU, MARIAMA = "+22790006797", "+22791110777"


def test_hamidou_enrols_by_steps_and_a_repeated_step_changes_nothing(service):
    caller = NiameyLinkCaller(service.base)
    shown = caller.dial(HAMIDOU, "NL-1")
    assert (shown["action"], shown["session"], shown["transaction"]) == ("continue", "NL-1", "T1")
    for key in ("1", "1", "227747147", "2001", "8205"):
        shown = caller.key(HAMIDOU, "NL-1", key)
        assert caller.again(HAMIDOU, "NL-1", key) == shown
    assert "formation" in caller.key(HAMIDOU, "NL-1", "8205")["message"]


def test_an_sms_is_answered_by_the_same_gateway_and_its_report_is_kept(service, link):
    caller = NiameyLinkCaller(service.base)
    for _ in range(2):
        assert caller.sms(MARIAMA, "Bonjour", external_id="NL-M-1") == "<ok/>"
    [answer] = eventually(lambda: link.sent_to(MARIAMA))
    assert answer["text"].startswith("Bonjour. 1 Mon dossier")
    assert (answer["from"], answer["alphabet"]) == ("321", "latin")
    recorded = "select state, parts from messages where gateway = 'niamey-link' and external_id = %(id)s"
    eventually(lambda: service.query(recorded, id=answer["id"]) == [("sent", 1)])
    assert caller.report(answer["id"], "DELIVRD") == "<ok/>"
    eventually(lambda: service.query(recorded, id=answer["id"]) == [("delivered", 1)])
    assert len(link.sent_to(MARIAMA)) == 1


def test_an_unsigned_request_is_refused_without_a_trace(service):
    for path in ("ussd", "sms", "status", "dev/ussd"):
        reply = requests.post(f"{service.base}/hooks/niamey-link/{path}", data="<ussd/>", timeout=10)
        assert (reply.status_code, reply.content) == (403, b"")

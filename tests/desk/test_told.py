"""Who was told when, on which channel, and who answered: one table on the page of a request."""

import re

from bot.store.models import Alert, Message, MessageAlert
from tests.desk.conftest import NOON


def test_each_channel_of_an_alert_is_a_row_with_the_answer(hadiza, opened, cast, database):
    request = opened("4821737", told="hadiza")
    with database.transaction() as session:
        [alert] = session.query(Alert).all()
        alert.answer, alert.answered_at = "later", NOON
        for number, (channel, state) in enumerate((("sms", "delivered"), ("email", "failed"))):
            session.add(
                Message(
                    id=f"{number:032x}", kind="alert", channel=channel, gateway=channel, staff_id=cast["hadiza"],
                    referral_id=request, state=state, sent_at=NOON, created_at=NOON,
                )
            )  # fmt: skip
            session.flush()
            session.add(MessageAlert(message_id=f"{number:032x}", alert_id=alert.id))
    page = hadiza.reads(f"/desk/referrals/{request}")
    table = re.search(r'class="fold told".*?</table>', page, re.DOTALL)[0]
    rows = [re.sub(r"<[^>]+>|\s+", " ", row) for row in re.findall(r"<tr><td.*?</tr>", table)]
    assert len(rows) == 2
    assert ["e-mail" in row for row in rows] == [True, False]
    assert all("plus tard, 09:12" in row for row in rows)
    assert "non arrivé" in rows[0] or "pas arrivé" in rows[0]


def test_nobody_told_has_no_table(hadiza, opened):
    assert "fold told" not in hadiza.reads(f"/desk/referrals/{opened('4821737')}")


def test_the_ladder_names_the_channel_of_each_alert(hadiza, opened, cast, database):
    request = opened("4821737", told="hadiza")
    with database.transaction() as session:
        [alert] = session.query(Alert).all()
        session.add(
            Message(
                id="1" * 32, kind="alert", channel="email", gateway="email", staff_id=cast["hadiza"],
                referral_id=request, state="delivered", sent_at=NOON, created_at=NOON,
            )
        )  # fmt: skip
        session.flush()
        session.add(MessageAlert(message_id="1" * 32, alert_id=alert.id))
    page = hadiza.reads(f"/desk/referrals/{request}")
    assert "e-mail remis" in page
    assert "SMS remis" not in page

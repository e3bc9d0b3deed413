import pytest

from handlers import africastalking, kannel, outgoing, twilio_api


@pytest.mark.parametrize(
    ("header", "wait"),
    [("7", 7.0), ("86400", 300.0), ("9" * 400, 300.0), ("0", 0.0), ("", None), (None, None), ("٣", None),
     ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("-1", None)],
)  # fmt: skip
def test_a_gateway_may_ask_for_five_minutes_at_most(header: str | None, wait: float | None):
    assert outgoing.seconds(header) == wait


def test_no_refusal_of_a_table_holds_an_alert_longer():
    refusals = [
        make() for table in (africastalking.REFUSALS, kannel.REFUSALS, twilio_api.REFUSALS) for make in table.values()
    ]
    assert max(refusal.retry_after or 0.0 for refusal in refusals) <= outgoing.LONGEST_WAIT
    assert not any(refusal.retryable and refusal.suppress for refusal in refusals)

"""Every code that a gateway or we ourselves may give for a message has a meaning in one vocabulary."""

import pytest

from bot.reasons import OWN, Why, why
from handlers import africastalking, registry, twilio, twilio_api

AFRICASTALKING_REPORTS = (
    "InsufficientCredit InvalidLinkId UserIsInactive UserInBlacklist UserAccountSuspended NotNetworkSubscriber "
    "UserNotSubscribedToProduct UserDoesNotExist DeliveryFailure DoNotDisturbRejection AbsentSubscriber Expired"
)


@pytest.mark.parametrize("code", sorted(refusal().code for refusal in africastalking.REFUSALS.values()))
def test_a_refusal_of_africas_talking_has_a_cause(code):
    assert why(africastalking.AfricasTalking.reasons, code) is not Why.OTHER


@pytest.mark.parametrize("code", AFRICASTALKING_REPORTS.split())
def test_a_report_of_africas_talking_has_a_cause(code):
    assert why(africastalking.AfricasTalking.reasons, code) is not Why.OTHER


@pytest.mark.parametrize("code", sorted({*map(str, twilio_api.REFUSALS), "21211", "21614", "30004", "30005", "63016"}))
def test_a_code_of_twilio_has_a_cause(code):
    assert code in twilio.Twilio.reasons


@pytest.mark.parametrize("name", sorted(registry.GATEWAYS))
def test_every_gateway_says_what_its_codes_mean(name, settings):
    gateway = registry.GATEWAYS[name](settings)
    assert gateway.reasons
    assert set(gateway.reasons.values()) <= set(Why)


@pytest.mark.parametrize(
    ("code", "means"),
    [
        ("never_send:name", Why.NEVER_SEND),
        ("never_send:case_number", Why.NEVER_SEND),
        ("terms", Why.NOT_ALLOWED),
        ("http_500", Why.GATEWAY_DOWN),
        ("http_503", Why.GATEWAY_DOWN),
        ("http_502", Why.UNSURE),  # behind a proxy it may have been taken
        ("http_418", Why.OURS),
        ("KeyError", Why.OURS),  # a fault of ours in a gateway module
        ("", Why.OTHER),
        ("of next year", Why.OTHER),
    ],
)
def test_our_own_reasons(code, means):
    assert why({}, code) is means


def test_a_gateways_own_meaning_wins():
    assert why({"GatewayError": Why.GATEWAY_DOWN, "unreadable": Why.OTHER}, "GatewayError") is Why.GATEWAY_DOWN
    assert why({"unreadable": Why.OTHER}, "unreadable") is Why.OTHER


@pytest.mark.parametrize("reason", [*OWN, "never_send:kit"])
def test_none_of_our_own_reasons_is_unknown(reason):
    assert why({}, reason) is not Why.OTHER

"""One request of a gateway may carry many events: what a fault in one of them does to the others."""

from types import SimpleNamespace

from bot import webhooks
from bot.conversation import Turned
from bot.errors import StoreDown
from handlers.meta import Meta
from tests.handlers.test_meta import OURS, enveloped, post, said, value


class Hears:
    """A conversation that fails at one text."""

    def __init__(self, fault):
        self.fault, self.heard = fault, []

    def turn(self, inbound, **_):
        if inbound.text == "bad":
            raise self.fault
        self.heard.append(inbound.text)
        return Turned(None)


def receive(fault, body):
    hears = Hears(fault)
    content = SimpleNamespace(down=lambda: "later")
    receiver = webhooks.Receiver({"meta": Meta(OURS)}, hears, None, None, content, wake=lambda _shard: None)
    answer = receiver.receive(post(body), "meta", "", None)
    return answer.status_code, hears.heard


def texts(*words):
    messages = [said(id=f"wamid.{n}", type="text", text={"body": word}) for n, word in enumerate(words)]
    return enveloped(value(messages=messages))


def test_a_message_that_breaks_us_holds_up_no_other_and_comes_again():
    assert receive(ZeroDivisionError(), texts("a", "bad", "b")) == (503, ["a", "b"])


def test_while_the_store_is_away_the_rest_waits_for_the_next_time():
    assert receive(StoreDown(), texts("a", "bad", "b")) == (503, ["a"])


def test_all_heard_is_answered():
    assert receive(None, texts("a", "b")) == (200, ["a", "b"])

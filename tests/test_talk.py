"""A phone in the terminal goes through the real hooks, answers and all, and says in a sentence why it can't."""

import pytest
from pydantic import SecretStr

from bot.messages import Channel, SessionEnded, StatusReport
from bot.talk import END_OF_CALL, NoAnswer, Terminal, talk
from tests.machine import free_port
from tests.simulator.fake_line import FakeLine, serve

PHONE = "+22790001234"


@pytest.fixture
def line(settings, database, ciphers, queue_client):
    """A service of a few screens, listening; `line.settings` name its port."""
    port = free_port()
    line = FakeLine(settings.model_copy(update={"port": port}), database, ciphers, queue_client)
    server = serve(line, port)
    yield line
    line.settle()
    server.shutdown()
    server.server_close()


class Person:
    """Types these lines, then Ctrl-D; keeps what was shown."""

    def __init__(self, *lines):
        self.lines = list(lines)
        self.read = []

    def ask(self, _prompt):
        if not self.lines:
            raise EOFError
        return self.lines.pop(0)

    def talks(self, line, **more):
        talk(line.settings, **{"channel": "ussd", "phone": PHONE} | more, terminal=Terminal(self.ask, self.read.append))
        return self.read


def test_a_call_goes_on_until_the_service_ends_it(line):
    read = Person("9", "1", "2", "1").talks(line)
    assert "Bienvenue" in read[0]
    assert "482-1737" in read[-2]
    assert read[-1] == END_OF_CALL
    assert [event.text for event in line.seen] == ["", "9", "9*1", "9*1*2", "9*1*2*1"]


def test_the_end_of_typing_drops_the_line_and_the_service_learns_it(line):
    assert Person("1").talks(line)[-1] == END_OF_CALL
    *_, last = line.seen
    assert isinstance(last, SessionEnded)


def test_a_message_is_answered_as_the_phone_gets_it(line):
    read = Person("", "bonjour").talks(line, channel="sms")
    assert len(read) == 1
    assert "Bienvenue" in read[0]
    assert [event.channel for event in line.seen if not isinstance(event, StatusReport)] == [Channel.SMS]


def test_another_address_may_be_named(line, settings):
    line.settings, address = settings, f"http://127.0.0.1:{line.settings.port}/"
    assert "Bienvenue" in Person().talks(line, url=address)[0]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"phone": "+227"}, "no phone number"),
        ({"channel": "letter"}, "ussd, sms or whatsapp"),
        ({"url": "http://127.0.0.1:1"}, "start it with `make run`"),
    ],
)
def test_what_can_not_be_is_one_sentence(line, wrong, said):
    with pytest.raises(NoAnswer, match=said):
        Person().talks(line, **wrong)
    assert line.seen == []


def test_a_service_with_other_secrets_refuses(line):
    line.settings = line.settings.model_copy(update={"hook_secret": SecretStr("another")})
    with pytest.raises(NoAnswer, match="refused the call"):
        Person().talks(line)

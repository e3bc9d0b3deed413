"""E-mail to staff: what leaves, what each refusal means, and that nothing leaves where it must not."""

import pytest
from werkzeug.test import EnvironBuilder

from bot.errors import BadSignature, SendError
from bot.messages import Channel, Outbound
from bot.reasons import Why, why
from handlers import registry
from handlers.email import Email
from tests.standin.smtp import Smtp

TEXT = "Maraba: CRITIQUE 482-1737, file B. Repondez OK 5093 avant 13:20."
MESSAGE = Outbound("ab" * 16, Channel.EMAIL, "hadiza@example.org", TEXT)


@pytest.fixture
def server():
    with Smtp() as server:
        yield server


@pytest.fixture
def email(configured, server):
    return Email(configured(smtp_url=server.url, email_from="maraba@example.org"))


def test_an_alert_leaves_as_plain_text_with_a_subject_that_says_nothing(email, server):
    sent = email.send(MESSAGE)
    [(to, mail)] = server.mails
    assert to == "hadiza@example.org"
    assert mail.get_payload().strip() == TEXT
    assert (mail["Subject"], mail["From"], mail["Auto-Submitted"]) == ("Maraba", "maraba@example.org", "auto-generated")
    assert mail["Message-ID"] == sent.external_id == f"<{'ab' * 16}@maraba>"


def test_user_and_password_are_given_where_they_are_set(configured, server):
    settings = configured(
        smtp_url=server.url, email_from="maraba@example.org", smtp_username="maraba", smtp_password="told-mail-secret"
    )
    Email(settings).send(MESSAGE)
    assert len(server.logins) == 1


@pytest.mark.parametrize(
    ("command", "answer", "cause", "retryable"),
    [
        ("RCPT", "550 no such user", Why.BAD_NUMBER, False), ("RCPT", "450 mailbox busy", Why.PHONE_OFF, True),
        ("RCPT", "552 full", Why.PHONE_OFF, False), ("MAIL", "550 not you", Why.ACCOUNT, True),
        ("END", "554 spam", Why.REFUSED_TEXT, False), ("END", "451 later", Why.GATEWAY_DOWN, True),
    ],
)  # fmt: skip
def test_what_a_refusal_means(email, server, command, answer, cause, retryable):
    server.refuse = {command: answer}
    with pytest.raises(SendError) as caught:
        email.send(MESSAGE)
    assert (why(email.reasons, caught.value.code), caught.value.retryable) == (cause, retryable)
    assert "hadiza" not in str(caught.value)
    assert server.mails == []


def test_a_line_cut_before_the_text_may_be_tried_again_and_after_it_nobody_knows(email, server):
    server.cut = "MAIL"
    with pytest.raises(SendError) as before:
        email.send(MESSAGE)
    assert (before.value.retryable, before.value.unknown) == (True, False)
    server.cut = "END"
    with pytest.raises(SendError) as after:
        email.send(MESSAGE)
    assert (after.value.retryable, after.value.unknown) == (False, True)


def test_nobody_listens(configured):
    settings = configured(smtp_url="smtp://127.0.0.1:1", email_from="maraba@example.org")
    with pytest.raises(SendError) as caught:
        Email(settings).send(MESSAGE)
    assert (caught.value.code, caught.value.retryable) == ("no_connection", True)


def test_what_is_no_address_never_reaches_the_server(email, server):
    for wrong in ("hadiza", "a@b\r\nRCPT TO:<c@d>", "", "a b@example.org"):
        with pytest.raises(SendError):
            email.send(Outbound("ab" * 16, Channel.EMAIL, wrong, TEXT))
    assert server.mails == []


def test_development_writes_to_this_machine_alone(configured):
    settings = configured(smtp_url="smtps://mail.example.org:465", email_from="maraba@example.org")
    assert not registry.outgoing_allowed(settings, "email")
    with pytest.raises(SendError, match="not_in_development"):
        Email(settings).send(MESSAGE)
    assert registry.outgoing_allowed(settings.model_copy(update={"env": "production"}), "email")


def test_another_machine_without_tls_gets_neither_password_nor_text(configured, server, monkeypatch):
    """The server says no to STARTTLS: nothing is sent in the clear."""
    monkeypatch.setattr("handlers.email.outgoing.is_loopback", lambda _url: False)
    settings = configured(
        smtp_url=server.url, email_from="maraba@example.org", smtp_username="maraba", env="production"
    )
    with pytest.raises(SendError) as caught:
        Email(settings).send(MESSAGE)
    assert (caught.value.code, caught.value.account) == ("smtp_no_tls", True)
    assert (server.mails, server.logins) == ([], [])


def test_it_is_a_gateway_only_where_a_server_is_set_and_has_no_hooks(configured):
    assert "email" not in registry.build(configured(), ())
    gateway = registry.build(configured(smtp_url="smtp://127.0.0.1:2525"), ())["email"]
    with pytest.raises(BadSignature):
        gateway.verify(EnvironBuilder(path="/hooks/email/dev").get_request(), "dev")

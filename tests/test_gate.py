"""The gate is the only way out, and what it lets out is what the rules allow."""

import ast
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.config import ROOT
from bot.engine.effects import Terms
from bot.errors import FlowError, SendError
from bot.gate import Gate, Leave, NeverSend, Recipient, Unpaced, Withheld
from bot.gateway import Gateway
from bot.kinds import Kind
from bot.messages import Channel, Outbound, Sent, Template
from bot.reasons import Why

DAY = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)
NIGHT = datetime(2026, 11, 24, 20, 30, tzinfo=UTC)  # 21:30 in Niamey


class Recording(Gateway):
    name = "africastalking"
    together = 3

    def __init__(self):
        self.sent, self.error, self.reasons = [], None, {"30003": Why.PHONE_OFF}

    def send(self, message):
        if self.error is not None:
            raise self.error
        self.sent.append(message)
        return Sent("ext-1", parts=1)


@pytest.fixture
def gateway():
    return Recording()


@pytest.fixture
def gate(settings, gateway):
    return Gate(settings, {"africastalking": gateway}, outgoing_allowed=lambda _name: True)


def sms(text="Il y a du nouveau pour vous. Composez *321# pour le detail. Effacez ce message.", channel=Channel.SMS):
    return Outbound("m1", channel, "+22790001234", text)


def verdict(gate, kind=Kind.REMINDER, *, now=DAY, outbound=None, **recipient):
    return gate.check(outbound or sms(), kind, gateway="africastalking", recipient=Recipient(**recipient), now=now)


def test_what_passes_is_handed_over_once(gate, gateway):
    sent = gate.send(sms(), Kind.REMINDER, gateway="africastalking", now=DAY)
    assert (sent.external_id, len(gateway.sent)) == ("ext-1", 1)


def test_in_development_nothing_reaches_the_gateway(settings, gateway):
    banned = Gate(settings, {"africastalking": gateway}, outgoing_allowed=lambda _name: False)
    assert banned.send(sms(), Kind.ALERT, gateway="africastalking", now=DAY).external_id == "simulator:m1"
    assert gateway.sent == []


def test_an_unknown_gateway_sends_nothing(gate):
    with pytest.raises(Withheld, match="no_gateway"):
        gate.send(sms(), Kind.ANSWER, gateway="meta", now=DAY)


@pytest.mark.parametrize(
    ("recipient", "reason"),
    [
        ({}, ""),
        ({"stopped": frozenset({"sms"})}, "stopped"),
        ({"stopped": frozenset({"whatsapp"})}, ""),
        ({"stopped": frozenset({"sms:reminder"})}, "stopped"),
        ({"stopped": frozenset({"sms:broadcast", "whatsapp:reminder"})}, ""),
        ({"unreachable": True}, "unreachable"),
        ({"about_referral": True, "terms": Terms(may_call=True, text=True, number="+22796000000")}, "terms"),
        ({"about_referral": True, "terms": Terms(may_call=True, text=True, number="+22790001234")}, ""),
        ({"blocked": frozenset({"sms"})}, "blocked"),
        ({"private": True}, "private"),
        ({"private": True, "about_referral": True, "terms": Terms(may_call=True, text=True)}, "private"),
        ({"about_referral": True}, "terms"),
        ({"about_referral": True, "terms": Terms(may_call=True)}, "terms"),
        ({"about_referral": True, "terms": Terms(may_call=True, text=True)}, ""),
        ({"human_until": DAY + timedelta(hours=1)}, "human"),
        ({"human_until": DAY - timedelta(hours=1)}, ""),
    ],
)
def test_pushes(gate, recipient, reason):
    assert verdict(gate, **recipient).reason == reason
    assert verdict(gate, **recipient).passes == (not reason)


@pytest.mark.parametrize(
    ("recipient", "reason"),
    [
        ({}, "terms"),
        ({"texts": "no"}, "terms"),
        ({"texts": "yes"}, ""),
        ({"texts": "yes", "stopped": frozenset({"sms"})}, "stopped"),
        ({"texts": "yes", "private": True}, "private"),
        ({"texts": "yes", "unreachable": True}, "unreachable"),
    ],
)
def test_an_offer_to_go_on_needs_a_yes(gate, recipient, reason):
    assert verdict(gate, Kind.RESUME, now=NIGHT, **recipient).reason == reason


def test_a_colleague_may_write_after_stop_and_while_she_talks_but_not_without_leave(gate):
    terms = Terms(may_call=True, text=True)
    said = {"stopped": frozenset({"sms"}), "human_until": DAY + timedelta(hours=1), "about_referral": True}
    assert verdict(gate, Kind.REPLY, terms=terms, **said).passes
    assert verdict(gate, Kind.REPLY, **said).reason == "terms"
    assert verdict(gate, Kind.REPLY, terms=terms, private=True, **said).reason == "private"


@pytest.mark.parametrize(
    ("window", "kind", "at", "until"),
    [
        ("morning", Kind.REMINDER, "24 08:30", None),
        ("morning", Kind.REMINDER, "24 11:00", "25 07:00"),  # seven in Niamey is still quiet: eight
        ("afternoon", Kind.REMINDER, "24 10:00", "24 11:00"),
        ("evening", Kind.REMINDER, "24 19:30", "25 16:00"),
        ("evening", Kind.REPLY, "24 19:30", None),
        ("any", Kind.REPLY, "24 21:30", "25 05:00"),
    ],
)
def test_what_is_about_a_request_keeps_to_the_hours_that_the_person_gave(gate, window, kind, at, until):
    """Times in UTC, an hour behind Niamey."""
    now = DAY.replace(day=int(at[:2]), hour=int(at[3:5]), minute=int(at[6:]))
    terms = Terms(may_call=True, text=True, window=window)
    found = verdict(gate, kind, now=now, about_referral=True, terms=terms)
    expected = until and DAY.replace(day=int(until[:2]), hour=int(until[3:5]), minute=0)
    assert (found.reason, found.until) == (("quiet", expected) if until else ("", None))


def test_an_unreachable_number_still_gets_its_answers(gate):
    assert verdict(gate, Kind.ANSWER, unreachable=True).passes


def test_an_answer_passes_after_stop_and_at_night_but_not_through_a_block(gate):
    assert verdict(gate, Kind.ANSWER, now=NIGHT, stopped=frozenset({"sms"}), private=True).passes
    assert verdict(gate, Kind.ANSWER, blocked=frozenset({"sms"})).reason == "blocked"


@pytest.mark.parametrize("kind", [Kind.ALERT, Kind.STAFF])
def test_our_own_people_are_told_at_any_hour(gate, kind):
    assert verdict(gate, kind, now=NIGHT, stopped=frozenset({"sms"})).passes


@pytest.mark.parametrize(
    ("at", "until"),
    [
        ("18:59", None), ("19:00", "25 07:00"), ("23:59", "25 07:00"), ("06:59", "24 07:00"), ("07:00", None),
    ],
)  # fmt: skip
def test_quiet_hours_wait_for_the_morning(gate, at, until):
    now = DAY.replace(hour=int(at[:2]), minute=int(at[3:]))
    found = verdict(gate, now=now)
    expected = until and DAY.replace(day=int(until[:2]), hour=int(until[3:5]), minute=0)
    assert (found.reason, found.until) == (("quiet", expected) if until else ("", None))


@pytest.mark.parametrize(("hours", "passes"), [(None, False), (25, False), (24, False), (23, True)])
def test_whatsapp_pushes_need_a_message_of_the_last_day(gate, hours, passes):
    last = None if hours is None else DAY - timedelta(hours=hours)
    found = verdict(gate, outbound=sms(channel=Channel.WHATSAPP), last_inbound_at=last)
    assert found.passes == passes


TEMPLATE = Template("reminder", "fr", ("lundi",))


def test_after_a_day_without_a_word_the_template_goes_and_before_it_the_text(gate, gateway):
    message = Outbound("m1", Channel.WHATSAPP, "+22790001234", "A lundi.", template=TEMPLATE)
    for last in (DAY - timedelta(hours=30), DAY - timedelta(hours=2)):
        known = Recipient(last_inbound_at=last)
        gate.send(message, Kind.REMINDER, gateway="africastalking", recipient=known, now=DAY)
    assert [sent.template for sent in gateway.sent] == [TEMPLATE, None]


def test_a_template_is_read_for_forbidden_words_too(gate):
    message = Outbound("m1", Channel.WHATSAPP, "+22790001234", "", template=Template("t", "fr", ("Amina",)))
    assert verdict(gate, outbound=message, unspeakable=("Amina Sani",)).reason == "never_send:name"


# --- many at once, and the pace


class Slow(Unpaced):
    """Gives leave for so many segments, and remembers what it is told."""

    def __init__(self, leave):
        self.leave, self.asked, self.told = leave, [], []

    def take(self, gateway, kind, segments, *, least, now):
        self.asked.append((kind, segments, least))
        return self.leave

    def failed(self, gateway, code, *, account, now):
        self.told.append((code, account))

    def worked(self, gateway, *, now):
        self.told.append("worked")


def paced(settings, gateway, leave):
    pace = Slow(leave)
    return Gate(settings, {"africastalking": gateway}, outgoing_allowed=lambda _name: True, pace=pace), pace


def test_one_text_to_many_is_checked_for_each(settings, gateway):
    gate, pace = paced(settings, gateway, Leave(9))
    people = [Recipient(), Recipient(stopped=frozenset({"sms"})), Recipient()]
    messages = [(sms("A lundi. " * 20), person) for person in people]
    found = gate.send_many(messages, Kind.BROADCAST, gateway="africastalking", now=DAY)
    assert [getattr(one, "reason", "") for one in found] == ["", "stopped", ""]
    assert (len(gateway.sent), pace.asked, pace.told) == (2, [(Kind.BROADCAST, 4, 2)], ["worked"])


def test_those_without_leave_wait(settings, gateway):
    until = DAY + timedelta(seconds=3)
    gate, _ = paced(settings, gateway, Leave(3, until))
    messages = [(sms("A lundi. " * 20), Recipient())] * 3
    found = gate.send_many(messages, Kind.BROADCAST, gateway="africastalking", now=DAY)
    assert [getattr(one, "reason", "") for one in found] == ["", "rate", "rate"]
    gate, pace = paced(settings, gateway, Leave(0, until, "paused"))
    with pytest.raises(Withheld, match="paused") as caught:
        gate.send(sms(), Kind.ANSWER, gateway="africastalking", now=DAY)
    assert (caught.value.until, len(gateway.sent), pace.told) == (until, 1, [])


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (SendError("no_connection", retryable=True), ("no_connection", False)),
        (SendError("read_timeout", unknown=True), ("read_timeout", False)),
        (SendError("http_401", account=True), ("http_401", True)),
        (SendError("21211"), "worked"),
        (SendError("http_429", retryable=True), "worked"),
        (SendError("30003", retryable=True), "worked"),
    ],
)
def test_only_faults_of_the_gateway_count_against_it(settings, gateway, error, told):
    gate, pace = paced(settings, gateway, Leave(9))
    gateway.error = error
    with pytest.raises(SendError):
        gate.send(sms(), Kind.ANSWER, gateway="africastalking", now=DAY)
    assert pace.told == [told]


# --- words that are never sent

NEVER = NeverSend.read()


@pytest.mark.parametrize(
    ("text", "group"),
    [
        ("Bonjour Amina, venez lundi", "name"),
        ("Dossier 482-719-368 : du nouveau", "case_number"),
        ("Dossier 482719368 : du nouveau", "case_number"),
        ("Votre code est 5093", "code"),
        ("Lambar sirri: 5093", "code"),
        ("Aide aux migrants", "who"),
        ("Pour les rapatriés", "who"),
        ("Support for returnees", "who"),
        ("L'OIM vous appelle", "organisation"),
        ("Taagazt vous attend", "organisation"),
        ("Maraba: rappel", "organisation"),
        ("Votre rendez-vous à l'hôpital", "health"),
        ("Kiwon lafiya", "health"),
        ("Suite à votre viol", "violence"),
        ("Equipe protection", "violence"),
        ("About the threats", "violence"),
    ],
)
def test_never_in_an_sms(text, group):
    assert NEVER.found(text, "sms", unspeakable=("Amina Sani",)) == group


@pytest.mark.parametrize(
    "text",
    [
        "Bonjour. 1 Mon dossier 3 Rappelez-moi 5 Langue 9 Parler en prive. Plus discret: composez *321#. STOP pour arreter.",
        "Sannu. 1 Fayil dina 3 Ku kira ni 5 Harshe 9 Magana a asirce. Ya fi sirri: ku danna *321#. TSAYA don dainawa.",
        "Hello. 1 My file 3 Call me back 5 Language 9 Talk in private. More discreet: dial *321#. STOP to end.",
        "Pas de changement depuis le 12/10. Composez *321# pour le detail. Effacez ce message.",
        "Akwai sabon labari. Ku danna *321# don bayani. Ku goge wannan sako.",
        "Rappel: rendez-vous lundi. 1 Je viens 2 Autre jour 3 Je ne peux pas. Detail: *321#.",
        "Merci. N'ecrivez pas plus ici. Une personne peut vous appeler. Peut-on vous appeler ? 1 Oui 2 Non",
        "Mun gode. Kada ku kara rubutu a nan. Wani zai iya kiran ku. A kira ku? 1 Eh 2 A'a",
        "C'est note. Votre numero: 482-1737. Une personne vous appellera, le matin. L'aide est gratuite.",
        "Merci. Nous n'appellerons pas. Refaites ce code quand vous pouvez parler. Numero: 482-1737.",
        "Za a iya kiran wannan lamba ba hadari? 1 Eh 2 A'a",
    ],
)
def test_the_drafts_may_leave(text):
    assert NEVER.found(text, "sms") is None


def test_the_menu_of_needs_may_stand_on_whatsapp_but_not_in_an_sms():
    assert NEVER.found("1 Sante 2 Manger", "whatsapp") is None
    assert NEVER.found("1 Sante 2 Manger", "sms") == "health"


def test_a_forbidden_text_is_withheld_and_its_reason_holds_no_word_of_it(gate, gateway):
    with pytest.raises(Withheld) as caught:
        gate.send(sms("Aide aux migrants"), Kind.ANSWER, gateway="africastalking", now=DAY)
    assert caught.value.reason == "never_send:who"
    assert gateway.sent == []


def test_a_broken_list_is_refused(tmp_path):
    broken = tmp_path / "never_send.yaml"
    broken.write_text("groups: [", encoding="utf-8")
    with pytest.raises(FlowError, match=r"never_send\.yaml"):
        NeverSend.read(broken)


# --- nobody else sends

CALLS = {"send", "send_many"}
NO_GATEWAY = {"hooks", "woken"}  # the simulator's requests to our own hooks; the supervisor's wake-up socket


def _calls(path: Path) -> set[str]:
    """On what `send` or `send_many` is called; a gateway's own class may call its own."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    gateways = [n for n in ast.walk(tree) if isinstance(n, ast.ClassDef) and n.name == "Gateway"]
    own = {id(node) for found in gateways for node in ast.walk(found)}
    return {
        _owner(node.func.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in CALLS
        and not (id(node) in own and _owner(node.func.value) == "self")
    }


def _owner(node: ast.expr) -> str:
    if isinstance(node, ast.Subscript):
        return f"one of {_owner(node.value)}"
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else "?"
    return name.lstrip("_")


def test_no_other_code_calls_send_of_a_gateway():
    calls = {
        str(path.relative_to(ROOT)): found
        for path in sorted((ROOT / "bot").rglob("*.py"))
        if (found := _calls(path) - {"gate", *NO_GATEWAY})
    }
    assert calls == {"bot/gate.py": {"one of gateways", "self"}}


def test_the_walk_would_find_a_way_around(tmp_path):
    bypass = tmp_path / "bypass.py"
    bypass.write_text(
        "def f(gateways, m, gateway):\n    gateways['twilio'].send(m)\n    self._gate.send(m)\n"
        "    gateway.send_many([m])\nclass Mine:\n    def g(self):\n        self.send(1)\n"
        "class Gateway:\n    def g(self):\n        self.send(1)\n",
        encoding="utf-8",
    )
    assert _calls(bypass) == {"one of gateways", "gate", "gateway", "self"}

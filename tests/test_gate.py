"""The gate is the only way out, and what it lets out is what the rules allow."""

import ast
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.config import ROOT
from bot.engine.effects import Terms
from bot.errors import FlowError
from bot.gate import Gate, NeverSend, Recipient, Withheld
from bot.messages import Channel, Outbound, Sent

DAY = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)
NIGHT = datetime(2026, 11, 24, 20, 30, tzinfo=UTC)  # 21:30 in Niamey


class Recording:
    name = "africastalking"

    def __init__(self):
        self.sent = []

    def send(self, message):
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


def verdict(gate, kind="push", *, now=DAY, outbound=None, **recipient):
    return gate.check(outbound or sms(), kind, gateway="africastalking", recipient=Recipient(**recipient), now=now)


def test_what_passes_is_handed_over_once(gate, gateway):
    sent = gate.send(sms(), "push", gateway="africastalking", now=DAY)
    assert (sent.external_id, len(gateway.sent)) == ("ext-1", 1)


def test_in_development_nothing_reaches_the_gateway(settings, gateway):
    banned = Gate(settings, {"africastalking": gateway}, outgoing_allowed=lambda _name: False)
    assert banned.send(sms(), "alert", gateway="africastalking", now=DAY).external_id == "simulator:m1"
    assert gateway.sent == []


def test_an_unknown_gateway_sends_nothing(gate):
    with pytest.raises(Withheld, match="no_gateway"):
        gate.send(sms(), "answer", gateway="meta", now=DAY)


@pytest.mark.parametrize(
    ("recipient", "reason"),
    [
        ({}, ""),
        ({"stopped": frozenset({"sms"})}, "stopped"),
        ({"stopped": frozenset({"whatsapp"})}, ""),
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


def test_an_answer_passes_after_stop_and_at_night_but_not_through_a_block(gate):
    assert verdict(gate, "answer", now=NIGHT, stopped=frozenset({"sms"}), private=True).passes
    assert verdict(gate, "answer", blocked=frozenset({"sms"})).reason == "blocked"


@pytest.mark.parametrize("kind", ["alert", "staff"])
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
        gate.send(sms("Aide aux migrants"), "answer", gateway="africastalking", now=DAY)
    assert caught.value.reason == "never_send:who"
    assert gateway.sent == []


def test_a_broken_list_is_refused(tmp_path):
    broken = tmp_path / "never_send.yaml"
    broken.write_text("groups: [", encoding="utf-8")
    with pytest.raises(FlowError, match=r"never_send\.yaml"):
        NeverSend.read(broken)


# --- nobody else sends

NO_GATEWAY = {"hooks", "woken"}  # the simulator's requests to our own hooks; the supervisor's wake-up socket


def _calls_of_send(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "send":
            owner = node.func.value
            name = owner.attr if isinstance(owner, ast.Attribute) else owner.id if isinstance(owner, ast.Name) else "?"
            found.append(name.lstrip("_"))
    return found


def test_no_other_code_calls_send_of_a_gateway():
    calls = {
        str(path.relative_to(ROOT)): names
        for path in sorted((ROOT / "bot").rglob("*.py"))
        if (names := [name for name in _calls_of_send(path) if name not in {"gate", *NO_GATEWAY}])
    }
    assert list(calls) == ["bot/gate.py"], calls
    assert len(calls["bot/gate.py"]) == 1


def test_the_walk_would_find_a_way_around(tmp_path):
    bypass = tmp_path / "bypass.py"
    bypass.write_text("def f(gateways, m):\n    gateways['twilio'].send(m)\n    self._gate.send(m)\n", encoding="utf-8")
    assert _calls_of_send(bypass) == ["?", "gate"]

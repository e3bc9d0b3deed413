"""Whatever is said, in whatever order: what always holds of a turn."""

from datetime import timedelta

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.engine import parts
from bot.engine.effects import AttachReferral, OpenReferral, UpdateReferral
from bot.engine.step import Step
from bot.messages import has_phone
from tests.engine.speaker import NO_PHONE, PHONE, Speaker

SECRET_WORDS = ("zzquatsch", "Yaya Djibo", "90 00 99 88", "482719368", "7306")
LONG_WORDS = ("je voudrais savoir ou en est mon dossier depuis deux mois et il veut me tu", "er")
PERMITTING = {"call.when", "call.when_there", "hush.when"}  # the only questions that permit a call

texts = st.one_of(
    st.sampled_from([*"0123456789", "00", "99", "98", "368", "482719368", "482719368 7306", "7306", "1991", "1234", "482-1737"]),
    st.sampled_from(["STOP", "START", "AIDE", "MENU", "RAPPEL", "oui", "a'a", "👍", "il veut me tuer", "OK 5093", "", " ", "*", "#"]),
    st.sampled_from(SECRET_WORDS),
    st.text(max_size=30),
)  # fmt: skip
acts = st.lists(
    st.one_of(
        st.tuples(st.just("says"), texts),
        st.tuples(st.just("says"), st.sampled_from([*"123459"])),
        st.tuples(st.just("dials"), st.just("")),
        st.tuples(st.just("waits"), st.sampled_from(["20", "200", "700", "90000"])),
        st.tuples(st.just("late"), texts),
        st.tuples(st.just("next"), st.one_of(texts, st.sampled_from(LONG_WORDS))),
        st.tuples(st.just("taps"), st.sampled_from([*"12345678", "0:1", "zz", "deadbeef:1"])),
        st.tuples(st.just("media"), st.sampled_from(["audio", "image", "location"])),
    ),
    max_size=14,
)
many = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@many
@given(acts=acts, line=st.sampled_from([("ussd", PHONE), ("sms", PHONE), ("whatsapp", PHONE), ("whatsapp", NO_PHONE)]),
       language=st.sampled_from(["", "fr", "ha", "en"]), away=st.booleans(), code=st.sampled_from(["", "7306"]))  # fmt: skip
def test_what_always_holds(content, acts, line, language, away, code):
    channel, address = line
    speaker = Speaker(content, channel=channel, language=language, address=address, away=away, code=code)
    if channel == "ussd":
        speaker.dials()
    for kind, what in acts:
        before = speaker.session
        speaker.last = None
        _do(speaker, kind, what)
        if speaker.last is not None:
            _check(speaker, before, what)


def _do(speaker: Speaker, kind: str, what: str) -> None:
    if kind == "dials" and speaker.channel == "ussd":
        speaker.dials()
    elif kind == "waits":
        speaker.waits(seconds=float(what))
    elif kind == "late":
        speaker.says(what, sent=timedelta(minutes=20))
    elif kind == "next":
        speaker.hurries()
        speaker.says(what)
    elif kind == "taps" and speaker.channel == "whatsapp":
        speaker.says("", choice=f"{speaker.session.question:08x}:{what}" if speaker.session else what)
    elif kind == "media" and speaker.channel == "whatsapp":
        speaker.says("", media=what)
    else:
        speaker.says(what)


def _check(speaker: Speaker, before, typed: str) -> None:
    last: Step = speaker.last
    session, states = last.session, speaker.content.flows.states
    if last.replies:
        assert session is not None
        state = states[session.state]
        assert state.asks if session.open else state.final
    if session is not None and (session.private or states[session.state].secret or speaker.channel != "sms"):
        assert parts.VALUE not in session.values
    assert tuple(e.ticket for e in last.effects if isinstance(e, OpenReferral)) == last.tickets
    ids = [e.id for e in last.effects if isinstance(e, OpenReferral)]
    assert len(set(ids)) == len(ids)
    shown = [value for reply in last.replies for value in reply.arguments.values()]
    if len(typed.strip()) > 3:
        assert not any(typed.strip() in value for value in shown if not _is_own_ticket(value, typed))
    for effect in last.effects:
        terms = effect.terms if isinstance(effect, OpenReferral | UpdateReferral) else None
        if isinstance(effect, OpenReferral) and not effect.sealed:
            assert terms is None
        if terms is not None and terms.may_call:
            asked = before.state if before else ""
            assert asked in PERMITTING or isinstance(effect, OpenReferral), asked
            assert not terms.text
            assert terms.number or has_phone(speaker.address)
    assert last.contact.stopped in ((), ("sms",), ("whatsapp",))
    assert sum(isinstance(e, AttachReferral) for e in last.effects) <= 1


def _is_own_ticket(value: str, typed: str) -> bool:
    return value.isdigit() and len(value) == 7 and typed.strip() == "482-1737"


@many
@given(acts=acts, channel=st.sampled_from(["ussd", "sms", "whatsapp"]))
def test_the_same_step_again_gives_the_same(content, acts, channel):
    speaker = Speaker(content, channel=channel, language="fr")
    twice: list[tuple[Step, Step]] = []
    original = speaker._turn

    def recorded(text: str, **given) -> str:
        session, contact, now, turns = speaker.session, speaker.contact, speaker.now, speaker.turns
        code = speaker.lookups.code
        original(text, **given)
        first = speaker.last
        after = speaker.session, speaker.contact, speaker.now
        speaker.session, speaker.contact, speaker.now, speaker.turns, speaker.lookups.code = (
            session,
            contact,
            now,
            turns,
            code,
        )
        heard = original(text, **given)
        twice.append((first, speaker.last))
        assert after == (speaker.session, speaker.contact, speaker.now)
        return heard

    speaker._turn = recorded
    if channel == "ussd":
        speaker.dials()
    for kind, what in acts:
        _do(speaker, kind, what)
    for first, second in twice:
        assert msgspec.to_builtins(first.effects) == msgspec.to_builtins(second.effects)
        assert first == second


@many
@given(acts=acts)
def test_nothing_private_is_ever_offered_again(content, acts):
    speaker = Speaker(content, language="fr")
    speaker.dials()
    for kind, what in acts:
        _do(speaker, kind, what)
        private = speaker.session.private
        if private:
            speaker.dials()
            assert speaker.session.state != content.flows.entries["resume"]
            assert "resume" not in speaker.session.values

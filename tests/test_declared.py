"""Declared look-ups, claims and acts on real stores: asked once a turn, written once, set aside where they break."""

import pytest
from sqlalchemy import text

from bot import conversation
from bot.content.screens import Constants, Content, content_of
from bot.engine.effects import Act
from bot.engine.ports import Found, Item
from bot.recorder import orders
from bot.store.models import Quarantined, Turn
from tests.engine.trial import trial_content
from tests.test_conversation import Line, wire  # noqa: F401 - a fixture
from tests.test_recorder import Journal


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    """Real flows whose menu leads, under 2, to the trial."""
    folder = tmp_path_factory.mktemp("trial")
    trial_content(folder)
    menu = folder / "flows" / "menu.yaml"
    menu.write_text(menu.read_text(encoding="utf-8").replace("go: help.kind", "go: trial.start"), encoding="utf-8")
    return Content.read(folder, Constants("*321#", "17"))


@pytest.fixture
def line(answered, settings, content, wire, ciphers, database, redis_client):  # noqa: F811
    line = Line(settings, content, wire, ciphers, database, redis_client)
    line.lookups._bounded._timeout = 20  # a busy machine is no database that is away
    with database.transaction() as session:
        session.execute(text("create table taken (thing text primary key, turn bytea, digest text)"))
    yield line
    line.lookups.close()
    with database.transaction() as session:
        session.execute(text("drop table taken"))


def things(asking):
    rows = asking.connection.execute(text("select generate_series(1, 3)")).scalars()
    return Found("some", {"count": "3"}, tuple(Item(f"id-{n}", f"Thing {n}") for n in rows))


def take(asking):
    """The last one: gone for whoever comes second, the same again for the same turn."""
    given = {"thing": asking.values["thing"], "turn": asking.turn, "digest": asking.digest}
    row = asking.connection.execute(
        text(
            "insert into taken values (:thing, :turn, :digest) "
            "on conflict (thing) do update set turn = :turn where taken.turn = :turn returning thing"
        ),
        given,
    ).first()
    return Found("taken" if row else "gone")


@pytest.fixture
def answered(monkeypatch):
    monkeypatch.setattr(conversation, "ASKED", {"things": things, "take": take})


def test_a_list_is_asked_and_a_claim_written_inside_the_turn(line, database):
    screen = line.dialogue("3", "2", "1").screen
    assert "2 Thing 2" in screen
    assert "Thing 2 is yours" in line.ussd("3*2*1*2").screen
    assert "Thing 2 is yours" in line.ussd("3*2*1*2").screen  # the same message again
    with database.transaction() as session:
        assert session.execute(text("select thing from taken")).scalars().all() == ["id-2"]
    assert line.effects(Act) == [Act(what="order_thing", values={"thing": "id-2", "how": "now"})]
    other = "+22790004321"
    assert "Nothing here" in line.dialogue("3", "2", "1", "2", session="two", phone=other).screen


def test_a_claim_survives_a_race_for_the_session(line, database, monkeypatch):
    """Somebody changes the contact between load and commit: the step runs again, and claims the same again."""
    line.dialogue("3", "2", "1")
    store = line.conversation._store
    commit, raced = store.commit, []

    def after_another(place, before, writing):
        if not raced:
            raced.append(True)
            line.sms("STOP")
        return commit(place, before, writing)

    monkeypatch.setattr(store, "commit", after_another)
    assert "Thing 2 is yours" in line.ussd("3*2*1*2").screen
    assert raced
    assert len(line.effects(Act)) == 1


def test_what_breaks_or_is_unknown_is_away_and_the_turn_goes_on(line, monkeypatch):
    def broken(asking):
        asking.connection.execute(text("select nothing from nowhere"))

    monkeypatch.setattr(conversation, "ASKED", {"things": broken})
    assert "cannot see the files" in line.dialogue("3", "2", "1").screen
    monkeypatch.setattr(conversation, "ASKED", {})
    assert "cannot see the files" in line.dialogue("3", "2", "1", phone="+22790004321").screen


def test_a_slow_answer_is_away(line, monkeypatch):
    line.lookups._bounded._timeout = 0.5
    monkeypatch.setattr(
        conversation, "ASKED", {"things": lambda asking: asking.connection.execute(text("select pg_sleep(3)"))}
    )
    assert "cannot see the files" in line.dialogue("3", "2", "1").screen


@pytest.fixture
def journal(redis_client, database, ciphers, settings):
    return Journal(redis_client, database, ciphers, settings)


def test_an_act_is_carried_out_once_with_its_words(journal, monkeypatch):
    done = []
    monkeypatch.setattr(orders, "ACTS", {"tell": done.append})
    turn = journal.says(1, Act(what="tell", values={"thing": "7"}, text=True), words="Il faut de l'eau")
    journal.says(1, Act(what="tell", values={"thing": "7"}, text=True), words="Il faut de l'eau")
    journal.record()
    [acting] = done
    assert (acting.turn, acting.text, acting.values, acting.channel) == (
        turn,
        "Il faut de l'eau",
        {"thing": "7"},
        "ussd",
    )
    assert acting.contact_id is not None


def test_words_go_only_with_an_act_that_takes_them(journal, monkeypatch):
    done = []
    monkeypatch.setattr(orders, "ACTS", {"tell": done.append})
    journal.says(1, Act(what="tell", values={}), words="Il faut de l'eau")
    journal.record()
    assert done[0].text == ""


@pytest.mark.parametrize("why", ["breaks", "unknown"])
def test_an_act_that_can_not_be_carried_out_is_set_aside_and_holds_nobody_up(journal, monkeypatch, why):
    def broken(acting):
        raise ValueError("no such thing")

    monkeypatch.setattr(orders, "ACTS", {"tell": broken} if why == "breaks" else {})
    journal.says(1, Act(what="tell", values={}))
    other = journal.says(2)
    journal.record()
    assert len(journal.all(Quarantined)) == 1
    assert [row.id for row in journal.all(Turn)] == [other]


def test_every_declared_name_has_its_function_and_no_other(settings):
    declared = content_of(settings).flows
    assert set(conversation.ASKED) == set(declared.look_ups)
    assert set(orders.ACTS) == set(declared.acts)

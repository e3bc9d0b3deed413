"""Keys of other systems: the administrator makes them, a coordinator agrees to what is more than counts; both revoke."""

import re

import pytest
from sqlalchemy import select

from bot.data import tokens
from bot.store.models import ApiToken, Audit, Staff

WAITS = "attend la coordination"


@pytest.fixture
def adamou(signed_in):
    """The administrator."""
    return signed_in("adamou")


@pytest.fixture
def ousmane(signed_in):
    """The coordinator."""
    return signed_in("ousmane")


@pytest.fixture
def opens(database, ciphers, hands):
    """The key that a secret opens with now."""

    def look(secret):
        with database.transaction() as session:
            return tokens.of_secret(session, secret, ciphers=ciphers, now=hands())

    return look


def secret_of(answer):
    return re.search(r"maraba_[\w-]{43}", answer.text)[0]


def agree(reader, token_id=1):
    sent = {"csrf_token": reader.token("/desk/tokens")}
    return reader.client.post(f"/desk/tokens/{token_id}/agree", data=sent).status_code


def make(reader, **fields):
    sent = {"csrf_token": reader.token("/desk/tokens"), "key-name": "case-system", "key-scopes": ["cases:read"],
            "key-offices": "Zinder, Tahoua", "key-days": "90"}  # fmt: skip
    return reader.client.post("/desk/tokens", data=sent | fields)


def test_a_key_is_shown_once_agreed_to_and_revoked(adamou, ousmane, database, opens):
    secret = secret_of(make(adamou))
    assert secret not in adamou.reads("/desk/tokens")
    assert opens(secret) is None
    assert (agree(ousmane), agree(ousmane)) == (303, 404)
    token = opens(secret)
    assert (token.offices, token.scopes) == (["Zinder", "Tahoua"], ["cases:read"])
    for reader in (ousmane, adamou):  # twice is once
        answer = reader.client.post("/desk/tokens/1/revoke", data={"csrf_token": reader.token("/desk/tokens")})
        assert answer.status_code == 303
    assert opens(secret) is None
    with database.transaction() as session:
        actions = session.scalars(select(Audit.action).where(Audit.subject == "api_token:1").order_by(Audit.id)).all()
        assert secret not in str(session.scalars(select(Audit.detail)).all())
    assert actions == ["api_token_made", "api_token_agreed", "api_token_revoked"]
    missing = adamou.client.post("/desk/tokens/999/revoke", data={"csrf_token": adamou.token("/desk/tokens")})
    assert missing.status_code == 404


def test_an_administrator_alone_opens_nothing_but_counts(adamou, opens):
    page = make(adamou, **{"key-scopes": ["cases:read", "counts:read"]})
    assert "Elle n'ouvre rien" in page.text.replace("&#39;", "'")
    assert WAITS in page.text
    assert agree(adamou) == 404
    counts = make(adamou, **{"key-name": "figures", "key-scopes": ["counts:read"]})
    assert opens(secret_of(counts)).scopes == ["counts:read"]
    assert "Elle n'ouvre rien" not in counts.text.replace("&#39;", "'")


def test_a_coordinator_agrees_for_her_own_offices_alone(adamou, ousmane, cast, database):
    with database.transaction() as session:
        session.get_one(Staff, cast["ousmane"]).offices = ["Zinder"]
    for number, (offices, status) in enumerate((("Zinder, Tahoua", 404), ("", 404), ("Zinder", 303)), 1):
        make(adamou, **{"key-name": f"system-{number}", "key-offices": offices})
        assert agree(ousmane, number) == status


def test_a_coordinator_makes_none(ousmane):
    page = ousmane.reads("/desk/tokens")
    assert 'name="key-name"' not in page
    assert make(ousmane).status_code == 404


def test_a_revoked_key_is_not_agreed_to(adamou, ousmane, opens):
    secret = secret_of(make(adamou))
    adamou.client.post("/desk/tokens/1/revoke", data={"csrf_token": adamou.token("/desk/tokens")})
    assert agree(ousmane) == 404
    assert opens(secret) is None


@pytest.mark.parametrize("wrong", [{"key-name": "Système"}, {"key-scopes": []}, {"key-name": ""}, {"key-days": "9999"}])
def test_a_key_without_name_scope_or_end_is_refused(adamou, database, wrong):
    assert make(adamou, **wrong).status_code == 422
    make(adamou)
    assert make(adamou).status_code == 422
    with database.transaction() as session:
        assert len(session.scalars(select(ApiToken)).all()) == 1


def test_nobody_else_opens_the_page(signed_in):
    for login in ("moussa", "hadiza"):
        assert signed_in(login).get("/desk/tokens").status_code == 404

"""Keys of other systems: the administrator makes, sees the last use of and revokes them; nobody else."""

import re

import pytest
from sqlalchemy import select

from bot.data import tokens
from bot.store.models import ApiToken, Audit


@pytest.fixture
def adamou(signed_in):
    """The administrator."""
    return signed_in("adamou")


def make(reader, **fields):
    sent = {"csrf_token": reader.token("/desk/tokens"), "key-name": "case-system", "key-scopes": ["cases:read"],
            "key-offices": "Zinder, Tahoua", "key-days": "90"}  # fmt: skip
    return reader.client.post("/desk/tokens", data=sent | fields)


def test_a_key_is_shown_once_and_revoked(adamou, database, ciphers, hands):
    secret = re.search(r"maraba_[\w-]{43}", make(adamou).text)[0]
    assert secret not in adamou.reads("/desk/tokens")
    with database.transaction() as session:
        token = tokens.of_secret(session, secret, ciphers=ciphers, now=hands())
        assert (token.offices, token.scopes) == (["Zinder", "Tahoua"], ["cases:read"])
    path = f"/desk/tokens/{token.id}/revoke"
    for _ in range(2):
        answer = adamou.client.post(path, data={"csrf_token": adamou.token("/desk/tokens")})
        assert answer.status_code == 303
    with database.transaction() as session:
        assert tokens.of_secret(session, secret, ciphers=ciphers, now=hands()) is None
        actions = session.scalars(select(Audit.action).where(Audit.subject == f"api_token:{token.id}")).all()
        assert secret not in str(session.scalars(select(Audit.detail)).all())
    assert actions == ["api_token_made", "api_token_revoked"]
    missing = adamou.client.post("/desk/tokens/999/revoke", data={"csrf_token": adamou.token("/desk/tokens")})
    assert missing.status_code == 404


@pytest.mark.parametrize("wrong", [{"key-name": "Système"}, {"key-scopes": []}, {"key-name": ""}, {"key-days": "9999"}])
def test_a_key_without_name_scope_or_end_is_refused(adamou, database, wrong):
    assert make(adamou, **wrong).status_code == 422
    make(adamou)
    assert make(adamou).status_code == 422
    with database.transaction() as session:
        assert len(session.scalars(select(ApiToken)).all()) == 1


def test_nobody_else_opens_the_page(signed_in):
    for login in ("moussa", "ousmane", "hadiza"):
        assert signed_in(login).get("/desk/tokens").status_code == 404

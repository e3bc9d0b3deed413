"""`maraba gateways check`: an operator tries a description without writing code."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.config import ROOT
from bot.errors import ConfigError
from handlers.described.commands import app
from tests.handlers.payloads import payloads
from tests.standin import niamey_link
from tests.standin.niamey_link import signature

EXAMPLE = ROOT / "docs" / "examples" / "aggregator-xml.yaml"
BODY = payloads("described/ussd-session")["cases"]["word"]


def told(*words: object) -> str:
    result = CliRunner().invoke(app, ["gateways", "check", *map(str, words)], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


@pytest.fixture
def sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in niamey_link.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    file = tmp_path / "request.txt"
    head = f"POST /hooks/niamey-link/ussd HTTP/1.1\nContent-Type: text/xml\nX-NL-Signature: {signature(BODY.encode())}"
    file.write_text(f"{head}\n\n{BODY}\n", encoding="utf-8")
    return file


def test_a_file_is_told_in_words_with_what_the_environment_lacks(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NIAMEY_LINK_PASSWORD", "very-secret")
    monkeypatch.delenv("NIAMEY_LINK_HOOK_KEY", raising=False)
    output = told(EXAMPLE)
    assert "POST /hooks/niamey-link/ussd: ussd, xml" in output
    assert "NIAMEY_LINK_HOOK_KEY, NOT SET" in output
    assert "NIAMEY_LINK_PASSWORD, set" in output
    assert "very-secret" not in output


def test_a_request_is_told_as_it_would_be_read_and_answered(sample: Path):
    output = told(EXAMPLE, "--request", sample)
    assert "proof: fits" in output
    assert "text=Maradi" in output
    assert "<action>continue</action><message>1 Oui</message>" in output


def test_a_request_that_would_be_refused_is_told_with_its_reason(sample: Path):
    sample.write_text(sample.read_text().replace("<sequence>4</sequence>", ""))
    output = told(EXAMPLE, "--request", sample)
    assert "does NOT fit" in output
    assert "ussd/sequence is missing; the service would answer 400" in output


def test_a_file_that_is_no_request_is_told(sample: Path):
    sample.write_text(BODY)
    with pytest.raises(ConfigError, match=r"request.txt:1: begin with a line like"):
        told(EXAMPLE, "--request", sample)

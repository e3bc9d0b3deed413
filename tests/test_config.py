"""Settings are read once, checked whole, and described for operators."""

import base64

import pytest
from pydantic import SecretStr

from bot import config
from bot.config import Settings
from bot.errors import ConfigError
from tests import settings_page

PRODUCTION = {
    "ENV": "production",
    "SECRET_KEY": "s" * 40,
    "INDEX_KEY": "i" * 40,
    "ENCRYPTION_KEYS": "1:" + base64.b64encode(b"k" * 32).decode(),
    "PUBLIC_URL": "https://line.example",
    "DATABASE_URL": "postgresql://db/maraba",
    "REDIS_URL": "redis://store",
    "QUEUE_URL": "redis://jobs",
    "HOOK_SECRET": "h" * 32,
    "AFRICASTALKING_API_KEY": "real",
    "KANNEL_PASSWORD": "real",
    "META_ACCESS_TOKEN": "real",
    "META_APP_SECRET": "real",
    "META_VERIFY_TOKEN": "real",
    "TWILIO_AUTH_TOKEN": "real",
}


@pytest.fixture
def environment(monkeypatch):
    for name in Settings.model_fields:
        monkeypatch.delenv(f"MARABA_{name.upper()}", raising=False)

    def set_all(values):
        for name, value in values.items():
            monkeypatch.setenv(f"MARABA_{name}", value)

    return set_all


def test_development_needs_nothing(environment):
    assert config.load().development


def test_production_with_everything_set_starts(environment):
    environment(PRODUCTION)
    assert not config.load().development


def test_production_on_development_values_names_every_fault_at_once(environment):
    environment({"ENV": "production"})
    with pytest.raises(ConfigError) as error:
        config.load()
    lines = str(error.value).splitlines()
    named = {line.split()[0] for line in lines}
    assert named == {f"MARABA_{name}" for name in PRODUCTION if name != "ENV"}
    assert all("set" in line for line in lines)


@pytest.mark.parametrize("missing", [name for name in PRODUCTION if name != "ENV"])
def test_each_missing_value_is_a_fault_of_its_own(environment, missing):
    environment({name: value for name, value in PRODUCTION.items() if name != missing})
    with pytest.raises(ConfigError) as error:
        config.load()
    (line,) = str(error.value).splitlines()
    assert line.startswith(f"MARABA_{missing} ")


def test_a_gateway_that_is_off_needs_no_key(environment):
    environment({**PRODUCTION, "GATEWAYS": "africastalking", "TWILIO_AUTH_TOKEN": ""})
    assert config.load().gateways == ("africastalking",)


def test_values_that_can_t_be_read_are_all_named_and_never_shown(environment):
    environment({"PORT": "eight", "WEB_THREADS": "0", "ENV": "staging"})
    with pytest.raises(ConfigError) as error:
        config.load()
    assert {line.split(":")[0] for line in str(error.value).splitlines()} == {
        "MARABA_PORT",
        "MARABA_WEB_THREADS",
        "MARABA_ENV",
    }


@pytest.mark.parametrize("proxies", ["10.0.0.7", "10.0.0.0/8, 2001:db8::/32", "10.0.0.7/8", ""])
def test_trusted_proxies_are_addresses_or_networks(environment, proxies):
    environment({"TRUSTED_PROXIES": proxies})
    assert config.load().trusted_proxies == tuple(part.strip() for part in proxies.split(",") if part)


@pytest.mark.parametrize("proxies", ["proxy.internal", "10.0.0.0/33", "10.0.0.7,*"])
def test_a_proxy_that_is_no_address_is_refused_with_the_way_to_write_it(environment, proxies):
    environment({"TRUSTED_PROXIES": proxies})
    with pytest.raises(ConfigError, match=r"MARABA_TRUSTED_PROXIES: .*write them like `10\.0\.0\.7,192\.0\.2\.0/24`"):
        config.load()


def test_secrets_do_not_show_when_settings_are_printed(environment):
    environment(PRODUCTION)
    shown = repr(config.load())
    assert "h" * 32 not in shown
    assert "s" * 40 not in shown


def test_a_copy_with_other_values_answers_for_them(environment):
    first = config.load()
    assert (first.development, first.base_url, first.hook_secrets) == (True, "http://127.0.0.1:8000", ("dev",))
    copy = first.model_copy(
        update={"env": "production", "public_url": "https://line.example/", "hook_secret": SecretStr("new, old")}
    )
    assert (copy.development, copy.base_url, copy.hook_secrets) == (False, "https://line.example", ("new", "old"))


def test_the_settings_page_is_current():
    assert settings_page.PAGE.read_text(encoding="utf-8") == settings_page.page(), "run `make settings`"


def test_every_setting_says_what_it_is():
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []

"""The settings: the only module that reads the environment. Every fault is told at once."""

from __future__ import annotations

import base64
import re
import secrets
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.errors import ConfigError

ROOT = Path(__file__).resolve().parent.parent
DEVELOPMENT_KEY = "maraba-development-only-not-a-secret"
DEVELOPMENT_KEYS = "1:" + base64.b64encode(DEVELOPMENT_KEY.encode()[:32]).decode()

DEVELOPMENT_KANNEL = "dev-kannel"
DEVELOPMENT_META = "dev-meta"

Words = Annotated[tuple[str, ...], NoDecode]
Paths = Annotated[tuple[Path, ...], NoDecode]
Amounts = Annotated[dict[str, str], NoDecode]


class Settings(BaseSettings):
    """Environment, prefix MARABA_. A description here is the line in docs/settings.md."""

    model_config = SettingsConfigDict(env_prefix="MARABA_", extra="ignore", frozen=True)

    env: Literal["development", "production"] = Field("development", description="`development` or `production`")
    host: str = Field("127.0.0.1", description="address the web server listens on")
    port: int = Field(8000, description="port the web server listens on")
    public_url: str = Field("", description="how gateways reach this service: https://…; used to check signatures")
    data_dir: Path = Field(ROOT / ".maraba", description="folder of the embedded stores and of run-time files")

    database_url: str = Field("", description="PostgreSQL; empty: the embedded one")
    redis_url: str = Field("", description="conversation store (Redis 7 or Valkey); empty: the embedded one")
    queue_url: str = Field("", description="job store; empty: an embedded one of its own")

    secret_key: SecretStr = Field(SecretStr(DEVELOPMENT_KEY), description="signs desk sessions")
    index_key: SecretStr = Field(
        SecretStr(DEVELOPMENT_KEY),
        description="root of the digests of addresses, ids and codes; never change it, or nobody is recognised",
    )
    encryption_keys: SecretStr = Field(
        SecretStr(DEVELOPMENT_KEYS),
        description="`id:base64` of 32 bytes, several by comma: the first encrypts, all decrypt; ids 1 to 255",
    )

    gateways: Words = Field(
        ("africastalking", "kannel", "meta", "twilio"),
        description="gateways that are on, by comma; those of `described_gateways` are on by being named there",
    )
    described_gateways: Paths = Field(
        (), description="files that describe further gateways (docs/described-gateways.md), by comma"
    )
    hook_secret: SecretStr = Field(
        SecretStr("dev"), description="path segment of hooks without signature; two by comma while it rotates"
    )
    africastalking_username: str = Field("sandbox", description="Africa's Talking user")
    africastalking_api_key: SecretStr = Field(SecretStr("dev-key"), description="Africa's Talking API key")
    africastalking_sender: str = Field("321", description="short code or sender id at Africa's Talking")
    africastalking_api_url: str = Field("", description="other base address for its library, for a stand-in")
    twilio_account_sid: str = Field("AC" + "0" * 32, description="Twilio account")
    twilio_auth_token: SecretStr = Field(SecretStr("dev-token"), description="Twilio token; checks signatures")
    twilio_sms_from: str = Field("+12025550123", description="Twilio SMS sender")
    twilio_whatsapp_from: str = Field("+12025550123", description="Twilio WhatsApp sender, without prefix")
    twilio_api_url: str = Field("", description="other base address for its library, for a stand-in")
    twilio_opt_out: Literal["default", "advanced", "none"] = Field(
        "default",
        description="how Twilio treats STOP words on this account: its `default`, `advanced` opt-out, or `none`",
    )
    twilio_look_back: float = Field(
        300.0, ge=1, description="seconds between two looks at Twilio's list of messages that our hook may have missed"
    )
    kannel_url: str = Field("http://127.0.0.1:13013", description="smsbox of Kannel: host and port of sendsms")
    kannel_username: str = Field("maraba", description="sendsms user of Kannel")
    kannel_password: SecretStr = Field(SecretStr(DEVELOPMENT_KANNEL), description="its password")
    kannel_from: str = Field("321", description="short code or sender name of SMS through Kannel")
    kannel_hook_url: str = Field(
        "", description="how Kannel reaches this service for delivery reports; empty: `public_url`"
    )
    kannel_api_url: str = Field("", description="other base address instead of `kannel_url`, for a stand-in")
    meta_app_secret: SecretStr = Field(SecretStr(DEVELOPMENT_META), description="Meta app secret; checks signatures")
    meta_verify_token: SecretStr = Field(SecretStr(DEVELOPMENT_META), description="word that Meta repeats to us once")
    meta_access_token: SecretStr = Field(SecretStr(DEVELOPMENT_META), description="Meta token that sends")
    meta_phone_number_id: str = Field("100000000000001", description="id of our WhatsApp number at Meta")
    meta_api_version: str = Field("v26.0", description="version of Meta's Graph API")
    meta_api_url: str = Field("", description="other base address for Meta's API, for a stand-in")
    trusted_proxies: Words = Field(
        (), description="addresses or networks whose X-Forwarded-Proto and -Host count, where `public_url` is empty"
    )
    staff_gateway: str = Field("africastalking", description="gateway that carries alerts to staff by SMS")
    staff_gateway_spare: str = Field("", description="gateway for alerts while the first one is paused; may be empty")
    sms_gateway: str = Field("africastalking", description="gateway for an SMS that answers no hook")
    staff_template: str = Field(
        "",
        description="approved WhatsApp template with one parameter that carries alerts to staff: its name, at Twilio its Content SID; empty: no WhatsApp to staff",
    )
    staff_template_language: str = Field("fr", description="language under which that template was approved")
    smtp_url: str = Field(
        "",
        description="server for e-mail to staff: `smtps://host:465`, or `smtp://host:587` with STARTTLS; empty: none",
    )
    smtp_username: str = Field("", description="its user; empty: none is needed")
    smtp_password: SecretStr = Field(SecretStr(""), description="its password")
    email_from: str = Field(
        "", description="sender of e-mail to staff: maraba@example.org; says nothing of what is done here"
    )
    whatsapp_gateway: str = Field("twilio", description="gateway for a WhatsApp message that answers no hook")
    broadcast_template: str = Field(
        "",
        description="approved WhatsApp template with one parameter that carries a broadcast, under the same name in each language: its name, at Twilio its Content SID; empty: an SMS goes to those who wrote more than 24 hours ago",
    )
    broadcast_alone: int = Field(
        100, ge=0, description="phones above which a second person must agree to a broadcast; 0: always"
    )
    broadcast_answers: int = Field(
        60, ge=1, description="answers to broadcasts that staff can take in an hour, all together"
    )
    rates: Amounts = Field(
        {}, description="segments a second that a gateway may be given: `kannel=10,meta=80`; others as fast as we can"
    )
    prices: Amounts = Field(
        {}, description="price of a segment: `kannel=8 XOF,twilio:whatsapp=0.0147 USD`; what a gateway tells wins"
    )

    short_code: str = Field("*321#", description="the USSD code that people dial")
    emergency_number: str = Field("17", description="named on screens; empty: sentences with it are left out")
    outside_hotline: str = Field("", description="E.164 of the hotline outside the office, last rung of sealed tickets")
    default_region: str = Field("NE", description="country of numbers written without a prefix")
    timezone: str = Field("Africa/Niamey", description="office time")
    office_hours: str = Field(
        "08:00-17:30 08:00-17:30 08:00-17:30 08:00-17:30 08:00-12:30 - -",
        pattern=r"^((([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d|-) ?){7}$",
        description="office time of the seven days from Monday on; `-`: closed",
    )
    alert_hours: str = Field(
        "06:00-22:00",
        pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$",
        description="hours in which alerts of level high leave; critical ones leave at all hours",
    )
    digest_at: str = Field(
        "08:00",
        pattern=r"^([01]\d|2[0-3]):[0-5]\d$",
        description="when the digest of level normal leaves, on office days",
    )
    critical_step: int = Field(
        15, ge=1, le=60, description="minutes after which the next person is told, level critical"
    )
    high_step: float = Field(4, gt=0, le=40, description="the same in hours of office time, level high")
    normal_step: int = Field(2, ge=1, le=10, description="the same in working days, level normal")
    again_after: int = Field(
        30, ge=1, le=120, description="minutes after the last person was told: again from the first"
    )
    accepted_for: int = Field(
        45, ge=5, le=240, description="minutes that an acceptance holds without a logged call, once one is allowed"
    )
    confirm_within: int = Field(
        120,
        ge=15,
        le=480,
        description="minutes in which whoever answered a critical request by SMS alone must open it at the desk",
    )
    call_now_for: int = Field(15, ge=5, le=60, description="minutes for which a person's `call me now` holds")
    critical_contact: int = Field(60, ge=15, le=1440, description="minutes to the first contact, level critical")
    high_contact: int = Field(1, ge=1, le=10, description="working days to the first contact, level high")
    normal_contact: int = Field(3, ge=1, le=30, description="the same, level normal")
    holidays_file: Path | None = Field(None, description="dates without office hours, one ISO date a line")

    rota_days_ahead: int = Field(
        5, ge=1, le=30, description="days before a gap in the rota at which whoever plans it is told"
    )

    api_rate: int = Field(600, ge=1, description="requests a minute that one key of the API may make")

    web_workers: int = Field(2, ge=1, description="web processes")
    web_threads: int = Field(4, ge=1, description="threads of each web process")
    worker_processes: int = Field(1, ge=1, description="worker processes started by `make run`")
    journal_limit: int = Field(50_000, description="entries of one shard past which turns that may wait are refused")
    lookup_timeout: float = Field(0.8, description="seconds a lookup may take before the person is told to try later")
    store_timeout: float = Field(0.5, description="seconds a call to the conversation store may take")
    turn_months: int = Field(1, ge=1, description="whole months that turns are kept before they are dropped")
    queue_letters: str = Field(
        "",
        description="letters in alerts of protection, gbv, child, complaints, assistance, community: ABCDEF in any order; empty: derived from the index key",
    )
    second_factor: Literal["", "required", "offered"] = Field(
        "",
        description="codes of an authenticator app for whoever reads protection content and for administrators: `required` or `offered`; empty: required in production",
    )
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")
    metrics_token: SecretStr = Field(
        SecretStr(""), description="bearer token of /metrics; empty: closed (in development: loopback only)"
    )

    @field_validator("gateways", "trusted_proxies", "described_gateways", mode="before")
    @classmethod
    def _words(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(word.strip() for word in value.split(",") if word.strip())
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            try:
                ip_network(one, strict=False)
            except ValueError:
                raise ValueError(f"{one} is no address or network; write them like `10.0.0.7,192.0.2.0/24`") from None
        return value

    @field_validator("office_hours")
    @classmethod
    def _open(cls, value: str) -> str:
        spans = [one.split("-") for one in value.split() if one != "-"]
        if not spans or any(begin >= end for begin, end in spans):
            raise ValueError("at least one day must be open, and each close after it opens")
        return value

    @field_validator("smtp_url")
    @classmethod
    def _server(cls, value: str) -> str:
        if value and not re.fullmatch(r"smtps?://[A-Za-z0-9.-]+(:[0-9]{1,5})?/?", value):
            raise ValueError("write it like `smtps://mail.example.org:465`; user and password stand apart")
        return value

    @field_validator("rates", "prices", mode="before")
    @classmethod
    def _amounts(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = [part.partition("=") for part in value.split(",") if part.strip()]
        if not all(name.strip() and equals and amount.strip() for name, equals, amount in pairs):
            raise ValueError("write it like `kannel=10,meta=80`")
        return {name.strip(): amount.strip() for name, _, amount in pairs}

    @property
    def development(self) -> bool:
        """True on a developer's machine: invented cases, simulator, nothing leaves to a real gateway."""
        return self.env == "development"

    @property
    def second_factor_required(self) -> bool:
        """Whoever reads protection content must have a second factor."""
        return self.second_factor == "required" or (not self.second_factor and not self.development)

    @property
    def base_url(self) -> str:
        """How gateways reach us, without a slash at the end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def hook_secrets(self) -> tuple[str, ...]:
        """The path secrets that are valid now."""
        return tuple(part.strip() for part in self.hook_secret.get_secret_value().split(",") if part.strip())

    def faults(self) -> list[str]:
        """What forbids to start in production, a sentence each with its remedy; empty in development."""
        if self.development:
            return []
        found = [
            f"MARABA_{name.upper()} is still the development value; set your own"
            for name in ("secret_key", "index_key")
            if getattr(self, name).get_secret_value() == DEVELOPMENT_KEY
        ]
        if self.encryption_keys.get_secret_value() == DEVELOPMENT_KEYS:
            found.append("MARABA_ENCRYPTION_KEYS is still the development value; set your own")
        found += [
            f"MARABA_{name.upper()} is empty; set it"
            for name in ("public_url", "database_url", "redis_url", "queue_url")
            if not getattr(self, name)
        ]
        if any(len(secret) < 16 for secret in self.hook_secrets) or not self.hook_secrets:
            found.append("MARABA_HOOK_SECRET is shorter than 16 characters; set a long random one")
        if "africastalking" in self.gateways and self.africastalking_api_key.get_secret_value() in ("", "dev-key"):
            found.append(
                "MARABA_AFRICASTALKING_API_KEY is missing; set it, or drop africastalking from MARABA_GATEWAYS"
            )
        if "twilio" in self.gateways and self.twilio_auth_token.get_secret_value() in ("", "dev-token"):
            found.append("MARABA_TWILIO_AUTH_TOKEN is missing; set it, or drop twilio from MARABA_GATEWAYS")
        if "kannel" in self.gateways and self.kannel_password.get_secret_value() in ("", DEVELOPMENT_KANNEL):
            found.append("MARABA_KANNEL_PASSWORD is missing; set it, or drop kannel from MARABA_GATEWAYS")
        found += [
            f"MARABA_META_{name.upper()} is missing; set it, or drop meta from MARABA_GATEWAYS"
            for name in ("app_secret", "verify_token", "access_token")
            if "meta" in self.gateways and getattr(self, f"meta_{name}").get_secret_value() in ("", DEVELOPMENT_META)
        ]
        if self.smtp_url and not self.email_from:
            found.append("MARABA_EMAIL_FROM is empty; set the sender, or empty MARABA_SMTP_URL")
        return found


def load(**overrides: object) -> Settings:
    """Read and check the settings; raises ConfigError with every fault."""
    try:
        settings = Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        lines = [f"MARABA_{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors()]
        raise ConfigError("\n".join(lines)) from None
    faults = settings.faults()
    if faults:
        raise ConfigError("\n".join(faults))
    return settings


def new_secret() -> str:
    """A secret for a settings file: 32 random bytes, URL-safe."""
    return secrets.token_urlsafe(32)

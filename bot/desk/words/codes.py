"""Codes of the tables as words: levels, channels, languages, needs, results, outcomes, events."""

from __future__ import annotations

from bot.desk.words import say
from bot.referrals import steps

RESULTS = steps.RESULTS
OUTCOMES = steps.OUTCOMES


def level(code: str) -> str:
    """Word of a level badge."""
    return {"critical": say("Critical"), "high": say("High"), "normal": say("Normal")}[code]


def channel(code: str) -> str:
    """Names that nobody translates, but for the voice."""
    return {"ussd": "USSD", "sms": "SMS", "whatsapp": "WhatsApp", "voice": say("call"), "email": say("e-mail")}.get(
        code, code
    )


def spoken(code: str | None) -> str:
    """A language, in the reader's words; "" where unknown."""
    names = {
        "fr": say("French"), "ha": say("Hausa"), "en": say("English"), "dje": say("Zarma"), "tmh": say("Tamasheq"),
        "ff": say("Fulfulde"), "kr": say("Kanuri"), "ar": say("Arabic"),
    }  # fmt: skip
    return names.get(code or "", "")


def caller(code: str | None) -> str:
    """Who should call; "" where it was not asked."""
    wished = {
        "woman": say("a woman"),
        "man": say("a man"),
        "anyone": say("anyone"),
        "outside": say("someone outside this office"),
    }
    return wished.get(code or "", "")


def caller_line(code: str | None) -> str:
    """The same as a line of a list."""
    lines = {
        "woman": say("a woman calls"),
        "man": say("a man calls"),
        "outside": say("someone outside the office calls"),
    }
    return lines.get(code or "", "")


def window(code: str) -> str:
    """Hours in which a call is safe, as part of a sentence."""
    words = {
        "day": say("in the daytime"),
        "morning": say("in the morning"),
        "afternoon": say("in the afternoon"),
        "evening": say("in the evening"),
    }
    return words.get(code, say("at any hour"))


def queue(code: str) -> str:
    """A queue by its name: only for whoever manages staff; elsewhere it is a letter."""
    names = {
        "protection": say("protection"),
        "gbv": say("violence"),
        "child": say("child protection"),
        "sealed": say("sealed"),
        "complaints": say("complaints"),
        "assistance": say("assistance"),
        "community": say("community"),
    }
    return names[code]


def need(code: str | None) -> str:
    """Code and words of a need. Only on the page of a referral, never in a list of a protection queue."""
    words = {
        "MED": say("health"), "MHP": say("worry, no sleep"), "SUI": say("wish to die"), "GBV": say("violence at home or sexual"),
        "CHI": say("child alone or in danger"), "TRF": say("trafficking, forced work"), "DET": say("stuck on the road, detained"),
        "BAS": say("food, water, shelter"), "DOC": say("papers"), "DEB": say("debt"), "THR": say("threats"),
        "SEA": say("abuse by staff"), "FRA": say("asked for money, complaint"), "KIT": say("kit or animal"), "TRA": say("trip"),
        "TEN": say("tension in town"), "OTH": say("other"), "DLY": say("takes too long"), "APL": say("appeal"), "PRV": say("my data"),
    }  # fmt: skip
    return f"{code} · {words[code]}" if code in words else (code or "")


def source(code: str) -> str:
    """How a referral began."""
    words = {
        "menu": say("by the menu"), "private": say("talk in private"), "hush": say("a message about danger"),
        "callback": say("call me back"), "missed_call": say("missed call"), "status": say("from the file's status"), "voice_note": say("a voice note"),
        "unreadable": say("a message we could not read"), "checkin": say("a check-in"), "community": say("by My community"),
    }  # fmt: skip
    return words.get(code, code)


def call_results() -> list[tuple[str, str]]:
    """Choices of the call log."""
    words = {
        "spoke": say("Spoke"),
        "no_answer": say("No answer"),
        "other_answered": say("Someone else answered"),
        "bad_moment": say("Bad moment"),
        "off": say("Phone off"),
    }
    return [(code, words[code]) for code in RESULTS]


def outcomes() -> list[tuple[str, str]]:
    """Choices of the closing form."""
    words = {
        "helped": say("helped"),
        "referred": say("handed over, with consent"),
        "advised": say("advised"),
        "not_reached": say("not reached"),
        "withdrawn": say("the person no longer wishes help"),
        "duplicate": say("same request as another"),
        "mistake": say("opened by mistake"),
    }
    return [(code, words[code]) for code in OUTCOMES]

"""What a text costs on the wire: encoding, units, parts, and an invented price."""

from typing import Any

from bot.text import gsm7

PRICE = 16  # XOF for one part of an SMS: invented, to show what length does
SCREEN = 160  # septets of a USSD screen, its prefix included


def message(text: str, channel: str) -> dict[str, Any]:
    """Of a message that leaves. WhatsApp counts no parts and is free inside the 24 hours after a person's message."""
    if channel != "sms":
        return {"encoding": "UTF-8", "units": len(text), "parts": 1, "limit": 4096, "price": 0}
    cut = gsm7.segments(text)
    single = gsm7.SINGLE if cut.encoding == "GSM-7" else gsm7.UCS2_SINGLE
    parts = len(cut.parts)
    return {"encoding": cut.encoding, "units": cut.units, "parts": parts, "limit": single, "price": parts * PRICE}


def screen(body: str) -> dict[str, Any]:
    """Of a USSD answer, `CON ` or `END ` counted; free for the person."""
    cut = gsm7.segments(body)
    return {"encoding": cut.encoding, "units": cut.units, "parts": 1, "limit": SCREEN, "price": 0}

"""Phone numbers as gateways and people write them, as E.164."""

import re

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from bot.text.digits import fold_digits

_MOBILE = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})
_CALLABLE = _MOBILE | {PhoneNumberType.FIXED_LINE}  # a call to a premium number would cost us, and pay a swindler


def mobile(text: str, *, region: str = "NE") -> str | None:
    """E.164 of a valid number that can get an SMS, of any country; None for all else (safety 8).

    Understands `whatsapp:` and `tel:`, other digit scripts, "00", a plus that was lost or became a blank.
    A number without country code is read as one of `region`.
    """
    return _read(text, region, _MOBILE)


def callable_back(text: str, *, region: str = "NE") -> str | None:
    """The same for a number that somebody rang from: fixed lines too."""
    return _read(text, region, _CALLABLE)


def _read(text: str, region: str, types: frozenset[int]) -> str | None:
    if _NIGER.fullmatch(text):
        return text
    if len(text) > _LONGEST:
        return None
    bare = _SCHEME.sub("", fold_digits(text).strip())
    if not _WRITTEN.fullmatch(bare):
        return None
    bare = bare.strip()
    candidates = [bare] if bare.startswith(("+", "00")) else [bare, "+" + bare]
    return next((found for found in (_valid(candidate, region, types) for candidate in candidates) if found), None)


# Every number of this shape is a valid mobile number: a test asks phonenumbers, which takes 100 µs a number.
_NIGER = re.compile(r"\+227(?:7[0467]|[89][0-9])[0-9]{6}")
_LONGEST = 60
_SCHEME = re.compile(r"(?:whatsapp|tel|sms):\s*", re.IGNORECASE)
_WRITTEN = re.compile(r"\s*\+?[\s0-9()./-]+")


def _valid(text: str, region: str, types: frozenset[int]) -> str | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number) or phonenumbers.number_type(number) not in types:
        return None
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)

"""The form in which words are compared: small letters without accents, hooks or punctuation."""

import re
import unicodedata

from bot.text.gsm7 import fold

_BREAKS = re.compile(r"[\W_]+")


def plain(text: str, *, apostrophe: str = "") -> str:
    """Small letters and digits, one blank between words; letters of scripts without plain form stay.

    An apostrophe, old or new, becomes `apostrophe`: nothing ("a'a" is "aa"), or a blank to cut words there.
    """
    if not text.isascii():
        marked = unicodedata.normalize("NFKD", fold(text))
        text = "".join(c for c in marked if not unicodedata.combining(c)).replace("ـ", "")  # Arabic lengthening stroke
    text = text.casefold().replace("'", apostrophe).replace("`", apostrophe)
    return _BREAKS.sub(" ", text).strip()

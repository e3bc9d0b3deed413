"""Words that work everywhere: STOP and its kin, yes and no, what staff text back.

All are compared in plain form, so accents, hooks, capitals, punctuation and old apostrophes do not matter.
"""

import re
from typing import Literal, NamedTuple, cast

from bot.text.digits import fold_digits
from bot.text.plain import plain

Keyword = Literal["stop", "start", "help", "menu", "callback"]
Answer = Literal["ok", "no", "later", "done", "unclear", "came", "absent"]


def keyword(text: str) -> Keyword | None:
    """The keyword that a message consists of, in French, Hausa or English; None if there is any more to it."""
    if len(text) < 3 or len(text) > _LONGEST:
        return None
    return _KEYWORDS.get(_key(text))


def keyword_language(text: str) -> str:
    """The language of a keyword that only one of them has: `ha` for "taimako", `en` for "help me"; else ""."""
    return _LANGUAGES.get(_key(text), "") if 3 <= len(text) <= _LONGEST else ""


def yes_no(text: str) -> bool | None:
    """Yes or no. Ask only at a yes/no question: elsewhere a lone "o", "i" or "to" is text."""
    if not text or len(text) > _LONGEST:
        return None
    bare = text.strip().translate(_SKIN_TONES)
    if bare in _SIGNS:
        return _SIGNS[bare]
    key = _key(bare)
    found = _YES_NO.get(key)
    return _YES_NO.get(_LENGTHENED.sub(r"\1", key)) if found is None else found


class StaffWords(NamedTuple):
    """What staff texted: the answer, the 4-digit code (of an alert, or of the day list), the number of a call's result (0: none was given)."""

    answer: Answer
    code: str
    result: int = 0


def staff_answer(text: str) -> StaffWords | None:
    """What staff text back to an alert, with its 4-digit code: "OK 5093", "non5093", "plus tard 5093", "FAIT 5093 2";
    or about somebody on the day list: "VENU 5093", "absent 5093".

    A word and a number that fit nothing are `unclear`, without their digits: from a person they may be anything.
    """
    if not 5 <= len(text) <= _LONGEST:
        return None
    words = plain(fold_digits(text))
    if (done := _DONE.fullmatch(words)) is not None:
        return StaffWords("done", _digits(done[1]), int(done[2] or 0))
    if (match := _STAFF.fullmatch(words)) is not None:
        word, digits = (match[1], match[2]) if match[1] else (match[4], match[3])
        return StaffWords(_ANSWERS[word.replace(" ", "")], _digits(digits))
    return StaffWords("unclear", "") if _NEARLY.fullmatch(words) else None


_LONGEST = 40
_LENGTHENED = re.compile(r"(\w)\1{2,}")  # "ouiii"
_SKIN_TONES = dict.fromkeys([*range(0x1F3FB, 0x1F400), 0xFE0F])
_SIGNS = {"👍": True, "👌": True, "✅": True, "✔": True, "👎": False, "❌": False, "✖": False}


def _digits(code: str) -> str:
    return code.replace(" ", "").translate(_LOOKALIKES)


def _key(text: str) -> str:
    """Plain form, the same word typed twice counted once ("STOP STOP")."""
    words = plain(text).split()
    return words[0] if len(set(words)) == 1 and words[0] != "a" else " ".join(words)


def _spellings(table: dict[str, str]) -> dict[str, str]:
    return {plain(form): meaning for meaning, forms in table.items() for form in forms.split(",")}


_KEYWORDS = cast(
    dict[str, Keyword],
    _spellings(
        {
            "stop": "stop,stopp,stopper,stop sms,stopall,stop all,unsubscribe,optout,opt out,revoke,arret,arrêt,arrete,"
            "arrêter,arrêtez,désabonner,desinscrire,tsaya,ku tsaya,daina,ku daina,a daina,dainawa",
            "start": "start,unstop,reprendre,reprends,reprenez,reprise,recommencer,fara,ku fara,a fara,sake fara",
            "help": "help,help me,aide,aidez,aidez-moi,aide-moi,aider,besoin d'aide,j'ai besoin d'aide,i need help,"
            "taimako,taimaka,ku taimake ni,taimake ni,ina bukatar taimako,ina buƙatar taimako",
            "menu": "menu,menou,le menu,jeri,jerin zabi,jerin zaɓi",
            "callback": "rappel,rappeler,rappelez,rappelez-moi,rappelle,rappelle-moi,appelez-moi,appelle-moi,"
            "kira,ku kira ni,ku kira,kira ni,call,call me,call me back,call back,callback",
        }
    ),
)
_LANGUAGES = _spellings(
    {
        "ha": "tsaya,ku tsaya,daina,ku daina,a daina,dainawa,fara,ku fara,a fara,sake fara,taimako,taimaka,"
        "ku taimake ni,taimake ni,ina bukatar taimako,ina buƙatar taimako,jeri,jerin zabi,jerin zaɓi,kira,ku kira ni,"
        "ku kira,kira ni",
        "en": "help me,i need help,call me,call me back,call back",
    }
)
_YES_NO = {
    spelling: meaning == "yes"
    for spelling, meaning in _spellings(
        {
            "yes": "oui,wi,ui,oi,ouai,ouais,ok,okay,okey,d'accord,dacor,d accord,i,o,ee,eh,e,na'am,n'am,to,toh,نعم,"
            "yes,yep,yeah,yea,y,oho,na yarda,eh na yarda,je suis d'accord,i agree,oui oui",
            "no": "non,no,nn,n,nan,nope,a'a,aa,a a,ha'a,لا,pas d'accord,je refuse,ban yarda,ban yarda ba,i do not agree",
        }
    ).items()
}
_ANSWERS = cast(
    dict[str, Answer],
    {
        spelling.replace(" ", ""): meaning
        for spelling, meaning in _spellings(
            {
                "ok": "ok,okay,oui,yes,eh,d'accord",
                "no": "no,non,a'a,a a",
                "later": "later,plus tard,tard,anjima,sai anjima",
                "came": "came,venu,venue,zo,ya zo,ta zo",
                "absent": "absent,absente,bai zo,ba ta zo",
            }
        ).items()
    },
)
_WORD = (
    r"(okay|ok|oui|yes|eh|d ?accord|non|no|a ?a|later|(?:plus )?tard|plustard|(?:sai )?anjima"
    r"|came|venue?|(?:[yt]a ?)?zo|absente?|bai ?zo|ba ?ta ?zo)"
)
_CODE = r"((?=[ol ]*[0-9])[0-9ol](?: ?[0-9ol]){3})"
_STAFF = re.compile(f"{_WORD} ?{_CODE}|{_CODE} ?{_WORD}")
_DONE = re.compile(f"(?:done|fait|(?:an )?gama) ?{_CODE}(?: ?([1-9]))?")
_NEARLY = re.compile(f"{_WORD}(?: ?[0-9]){{3,8}}|(?:done|fait|gama)(?: ?[0-9]){{1,9}}|[a-z]{{2,12}} [0-9]{{4}}")
_LOOKALIKES = str.maketrans("ol", "01")

"""The sentence that is read out before a person says yes or no, in three languages; French and Hausa await native
review. A changed sentence gets a new `VERSION`: a consent names the one that was heard.

It says who receives, what for, what is shared, and that a no costs nothing.
"""

VERSION = "2026-11"
LANGUAGES = ("fr", "ha", "en")

_SENTENCE = {
    "fr": "Pouvons-nous parler de vous à {receiver}, {purpose} ? Nous donnons votre nom, votre numéro et ce qu’il faut"
    " pour vous aider, rien d’autre. Vous pouvez dire non : notre aide reste la même. Vous pouvez changer d’avis.",
    "ha": "Za mu iya magana game da ku da {receiver}, {purpose}? Za mu ba da sunanku, lambarku da abin da ake bukata"
    " don taimaka muku, ba wani abu ba. Kuna iya cewa a'a: taimakonmu ba zai ragu ba. Kuna iya canza ra'ayi.",
    "en": "May we speak about you with {receiver}, {purpose}? We give your name, your number and what is needed to"
    " help you, nothing else. You may say no: our help stays the same. You may change your mind.",
}
_RECEIVERS = {
    "health": {"fr": "un centre de santé", "ha": "asibiti", "en": "a health centre"},
    "psychosocial": {
        "fr": "une personne qui écoute et soutient",
        "ha": "mai ba da shawara da goyon baya",
        "en": "somebody who listens and supports",
    },
    "specialist": {"fr": "un service spécialisé", "ha": "kwararru", "en": "a specialist service"},
    "child_services": {
        "fr": "un service de protection des enfants",
        "ha": "masu kare yara",
        "en": "a child protection service",
    },
    "rescue": {"fr": "une équipe de secours", "ha": "masu ceto", "en": "a rescue team"},
    "legal": {"fr": "un service d’aide juridique", "ha": "masu taimako kan doka", "en": "a legal aid service"},
    "partner": {
        "fr": "l’organisation qui suit votre projet",
        "ha": "kungiyar da ke bin aikinku",
        "en": "the organisation that follows your project",
    },
}
_PURPOSES = {
    "care": {"fr": "pour des soins", "ha": "don kula da lafiya", "en": "for care"},
    "safety": {"fr": "pour votre sécurité", "ha": "don tsaronku", "en": "for your safety"},
    "papers": {"fr": "pour vos papiers", "ha": "don takardunku", "en": "for your papers"},
    "assistance": {
        "fr": "pour votre matériel ou votre projet",
        "ha": "don kayanku ko aikinku",
        "en": "for your kit or project",
    },
}


def wording(receiver: str, purpose: str, language: str) -> str:
    """The sentence in a language; French, to be translated aloud, for one that has none yet."""
    language = language if language in LANGUAGES else "fr"
    return _SENTENCE[language].format(receiver=_RECEIVERS[receiver][language], purpose=_PURPOSES[purpose][language])

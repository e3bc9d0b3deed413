"""Danger words: what must be heard, what need not be, and how often we are wrong on the safe side."""

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.triage import Danger, Roots, judge

FILE = Path(__file__).parents[1] / "flows" / "danger_words.yaml"
DATA = yaml.safe_load(FILE.read_text(encoding="utf-8"))
ROOTS = Roots.of(DATA)

CRITICAL = Danger("critical", child=False, queue="protection")
HIGH = Danger("high", child=False, queue="protection")
CHILD = Danger("critical", child=True, queue="child")
CHILD_HIGH = Danger("high", child=True, queue="child")

RAISED = {
    # French
    "je veux mourir": CRITICAL,
    "Je ne veux plus vivre": CRITICAL,
    "jai envi de mourire": CRITICAL,
    "je veux me suisider": CRITICAL,
    "Il va me tuer ce soir": CRITICAL,
    "on ma menacé de mort": CRITICAL,
    "ils ont des armes devant la maison": CRITICAL,
    "mon mari me frappe": CRITICAL,
    "Mon mari m'a frapé": CRITICAL,
    "j'ai été violée": CRITICAL,
    "on m'a v1olé": CRITICAL,
    "V I O L": CRITICAL,
    "il demande de coucher avec lui pour avoir l'aide": CRITICAL,
    "ma soeur est kidnapée": CRITICAL,
    "mon patron a pris mon passeport": CRITICAL,
    "on me force à travailler sans salaire": CRITICAL,
    "je suis en prison à Agadez": CRITICAL,
    "elle saigne beaucoup": CRITICAL,
    "ma femme est en train d'accoucher": CRITICAL,
    "il est inconscient": CRITICAL,
    "nous sommes dans le désert sans eau": CRITICAL,
    "on a tres soif, personne ne vient": CRITICAL,
    "Au secours": CRITICAL,
    "j’ai peur, on me menace": HIGH,
    "je suis blessé au pied": HIGH,
    "nous sommes expulsés d'Algérie": HIGH,
    "j'ai 15 ans et mon oncle me bat": CHILD,
    "on frappe les enfants ici": CHILD,
    "il y a un enfant seul à la gare": CHILD,
    "mon bébé est malade": CHILD_HIGH,
    "c'est pour un enfant": CHILD_HIGH,
    "il me touche quand je dors": CRITICAL,
    "on m'a pris mes papiers et je travaille sans etre payé": CRITICAL,
    "ma fille de 13 ans va etre mariée": CHILD,
    "je pense a la mort": CRITICAL,
    # Hausa
    "Ina so in mutu": CRITICAL,
    "zan kashe kaina": CRITICAL,
    "Yana so ya kashe ni": CRITICAL,
    "an yi min fyaɗe": CRITICAL,
    "an yi mata fyade": CRITICAL,
    "mijina yana duka na kullum": CRITICAL,
    "suna da bindigogi": CRITICAL,
    "an sace ƴaƴana": CRITICAL,
    "ana bautar da mu": CRITICAL,
    "an kama ni a Aljeriya": CRITICAL,
    "jini na zuba": CRITICAL,
    "tana naƙuda": CRITICAL,
    "muna cikin hamada ba ruwa": CRITICAL,
    "ƙishirwa ta dame mu": CRITICAL,
    "ana yi mini barazana": HIGH,
    "ina jin tsoro": HIGH,
    "yaro shi kaɗai a tasha": CHILD,
    "an buge ni, ina da shekara 14": CHILD,
    "yaro ba lafiya": CHILD_HIGH,
    "an kwace mana fasfo": CRITICAL,
    "suna duka mu": CRITICAL,
    # English
    "I want to die": CRITICAL,
    "i wanna kill my self": CRITICAL,
    "I will k1ll mys3lf": CRITICAL,
    "he raped me": CRITICAL,
    "they beat us every night": CRITICAL,
    "they sold me to a man in Libya": CRITICAL,
    "she is bleeding": CRITICAL,
    "people are thirsty in the desert": CRITICAL,
    "they have guns": CRITICAL,
    "i am afraid to go home": HIGH,
    "a child is alone at the station": CHILD,
    "I am 16 and they locked me in": CHILD,
    "he forced me": CRITICAL,
    "my daughter is missing": CHILD,
    # Negations: they raise as well
    "personne ne m'a violé": CRITICAL,
    "je ne veux pas mourir": CRITICAL,
    "ban ga bindiga ba": CRITICAL,
    "nobody threatened me": HIGH,
}

HARMLESS = (
    "Mon telephone est mort",
    "ma batterie est morte",
    "mon mouton est mort",
    "bonjour, où en est mon dossier ?",
    "je veux mon matériel",
    "quand est mon rendez-vous",
    "merci beaucoup, que Dieu vous bénisse",
    "482719368 5093",
    "j'ai trois enfants",
    "je suis une mère de 4 enfants, et mon dossier ?",
    "je cherche du travail",
    "le moulin ne marche plus",
    "je veux changer de langue",
    "c'est trop long, je suis fâché",
    "vous êtes des menteurs",
    "les vaches ont mangé le mil",
    "une chemise violette",
    "je suis dans la file au bureau",
    "le bateau arrive lundi",
    "j'ai 35 ans",
    "Sannu, ina kwana",
    "Ina aka kwana da fayil dina",
    "ina son kayan aikina",
    "yaushe zan zo ofis",
    "na gode sosai",
    "ina da yara biyar",
    "shekarar haihuwa ta 1994",
    "wayata ta mutu",
    "dabba ba lafiya",
    "kudin mota",
    "hello, where is my file",
    "my phone is dead",
    "my cow died",
    "I have four children",
    "call me tomorrow please",
    "the shop is closed",
    "I want to change my number",
    "aide",
    "au revoir",
    "mon kit est incomplet",
    # These raise, and we accept it.
    "je suis mort de rire, vous me tuez",
    "mes chèvres vont mourir de maladie",
    "la chaleur tue les poussins",
    "le village n'a pas d'eau à la pompe, pas d'eau depuis le puits",
    "mon enfant a perdu son carnet",
    "les insectes attaquent le mil",
    "j'ai été déporté en 2019, je veux mon kit",
    "an kama aiki jiya",
    "the chicken blood is for the soup",
    "Le frigo est en danger de panne",
)
FALSE_ALARMS = 10


@pytest.mark.parametrize(("text", "danger"), RAISED.items(), ids=range(len(RAISED)))
def test_what_must_be_heard(text, danger):
    assert judge(text, ROOTS) == danger


def test_false_alarms_are_counted():
    """A new root that disturbs more people must change this number in the open."""
    raised = [text for text in HARMLESS if judge(text, ROOTS)]
    assert len(raised) == FALSE_ALARMS, raised


def test_a_dead_phone_is_no_danger_and_a_wish_to_die_is():
    assert judge("Mon telephone est mort", ROOTS) is None
    assert judge("Mon telephone est mort, je veux mourir", ROOTS) == CRITICAL


@pytest.mark.parametrize("harmless", [text for text in HARMLESS if not judge(text, ROOTS)][:12])
def test_harmless_words_around_never_lower(harmless):
    assert judge(f"{harmless}. {'mot ' * 20} je veux mourir", ROOTS).level == "critical"


@settings(deadline=None)
@given(st.sampled_from([text for text, danger in RAISED.items() if danger == CRITICAL]), st.text(max_size=80))
def test_no_text_behind_lowers_a_level(text, more):
    assert judge(f"{text}. {more}", ROOTS).level == "critical"


@pytest.mark.parametrize(
    "text",
    [
        "JE VEUX MOURIR",
        "je veux mouuuurir",
        "je veux m0urir",
        "je veux mourir!!!",
        "je\nveux\nmourir",
        "je veux m o u r i r",
        "j e v e u x m o u r i r",
        "v i o l a",
        "Je v€ux mourir",
        "*je veux mourir*",
    ],
)
def test_ways_of_typing_one_sentence(text):
    assert judge(text, ROOTS) == CRITICAL


@pytest.mark.parametrize("text", ["on m'a battu", "on m’a battu", "on ma batu", "on m a battu", "ON M'A BATTUE"])
def test_apostrophes_and_doubled_letters_do_not_matter(text):
    assert judge(text, ROOTS) == CRITICAL


@pytest.mark.parametrize("text", ["", "1", "9", "00", "482719368", "  ", "oui", "?!", "٩", "👍"])
def test_answers_to_menus_pass(text):
    assert judge(text, ROOTS) is None


@settings(deadline=None)
@given(st.text(max_size=300))
def test_no_text_breaks_it(text):
    danger = judge(text, ROOTS)
    assert danger is None or (danger.queue == "child") == danger.child


def test_a_child_word_alone_is_no_danger():
    assert judge("mes enfants vont à l'école", ROOTS) is None
    assert judge("yara na a makaranta", ROOTS) is None


def test_a_word_of_need_counts_near_a_child_word_only():
    assert judge("un enfant est malade", ROOTS) == CHILD_HIGH
    assert judge("je suis malade", ROOTS) is None
    assert judge("j'ai un enfant et le mois passé le chef du village a vu que ma vache est malade", ROOTS) is None


@pytest.mark.parametrize(("age", "child"), [(9, True), (17, True), (18, False), (40, False), (0, False)])
def test_years_under_eighteen_make_a_child(age, child):
    assert judge(f"j'ai {age} ans et on me bat", ROOTS).child is child


def test_there_are_enough_roots_in_each_language():
    def in_language(part: Mapping, language: str) -> int:
        lists = part.get(language, []) if isinstance(part, Mapping) else []
        nested = sum(in_language(value, language) for value in part.values()) if isinstance(part, Mapping) else 0
        return len(lists) + nested

    for language in ("fr", "ha", "en"):
        assert in_language(DATA["danger"], language) >= 60
    assert ROOTS.count >= 180


@pytest.mark.parametrize(
    ("path", "value", "key"),
    [
        (("danger",), {}, "danger"),
        (("danger", "threat", "level"), "low", "danger.threat.level"),
        (("danger", "threat", "fr"), "menace", "danger.threat.fr"),
        (("danger", "threat", "fr"), [True], "danger.threat.fr"),
        (("danger", "threat", "fr"), ["ai"], "danger.threat.fr"),
        (("danger", "threat", "fr"), ["me b*"], "danger.threat.fr"),
        (("danger", "threat", "fr"), [".. mort"], "danger.threat.fr"),
        (("danger", "threat", "fr"), ["mort .."], "danger.threat.fr"),
        (("danger", "threat", "fr"), ["!!"], "danger.threat.fr"),
        (("danger", "threat", "french"), ["menace"], "danger.threat.french"),
        (("danger", "threat", "child"), "yes", "danger.threat.child"),
        (("child", "needs", "normal"), {"fr": ["seul"]}, "child.needs.normal"),
        (("child", "ages"), {}, "child"),
        (("other",), {}, "the file"),
    ],
)
def test_a_wrong_file_is_refused_by_key(path, value, key):
    data = deepcopy(DATA)
    place = data
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(ValueError, match=f"^{key}: "):
        Roots.of(data)


@pytest.mark.parametrize("data", [None, [], "danger", {}])
def test_a_file_that_is_no_table_is_refused(data):
    with pytest.raises(ValueError, match=r"^the file"):
        Roots.of(data)


def test_every_root_is_found_in_a_sentence_of_itself():
    lost = []
    for name, group in DATA["danger"].items():
        for language in ("fr", "ha", "en"):
            for root in group[language]:
                sentence = f"bon {root.replace(' ..', ' x').replace('*', '')} bon"
                danger = judge(sentence, ROOTS)
                if danger is None or (group["level"] == "critical" and danger.level != "critical"):
                    lost.append((name, language, root))
    assert lost == []

"""Each way to break the real flows gives its own fault, with file and line."""

import shutil
from dataclasses import dataclass

import pytest

from bot.cases import stages
from bot.config import ROOT
from bot.content.checking import check, tables
from bot.content.screens import Constants

CONSTANTS = Constants("*321#", "17")
FR, HA = "locales/fr/LC_MESSAGES/conversations.po", "locales/ha/LC_MESSAGES/conversations.po"


@dataclass(frozen=True)
class Break:
    """Replace `old` by `new` in a file; the fault stands on the line of `marker` in file `at`."""

    name: str
    file: str
    old: str
    new: str
    marker: str
    what: str
    at: str = ""
    nth: int = 0  # which occurrence of the marker

    def __str__(self) -> str:
        return self.name


LONG = "This sentence is written to be far longer than what one screen of a small phone can hold"
HELP, FILE, CALL, MENU = "flows/help.yaml", "flows/file.yaml", "flows/call.yaml", "flows/menu.yaml"
HUSH, CALENDAR, PROCESS = "flows/hush.yaml", "flows/calendar.yaml", "flows/process.yaml"
NEEDS, STAGES, ENTRIES = "flows/needs.yaml", "flows/stages.yaml", "flows/entries.yaml"
APPOINTMENT_FORK = "      - {when: {appointment: coming, channel: whatsapp}, go: appointment_whatsapp}\n"
WITHOUT_CODE = """    ask: "{day}, {place}. Transport is paid."
    choices:
      - {key: 1, say: I come, do: [{act: {what: answer_appointment, answer: coming}}], go: see_you}
      - {key: 2, say: Another day, go: other_days}
      - {key: 3, say: I cannot, do: [{act: {what: answer_appointment, answer: cannot}}], go: cannot}
    foot: [menu_private]
    verified: ask_code
"""

BREAKS = [
    Break("hours that are none", CALENDAR, '"13:00-15:00"', '"13 to 15"', "friday:", 'friday: write two hours, as "20:00-08:00"'),
    Break("days out of order", CALENDAR, "last: 2027-03-09", "last: 2027-01-09", "first: 2027-02-08",
          "ramadan.dates.1: the last day lies before the first"),
    Break("a Ramadan twice", CALENDAR, "first: 2027-02-08", "first: 2026-03-01", "first: 2026-03-01",
          "this Ramadan begins before the one above it ends."),
    Break("unknown region", CALENDAR, "{region: Diffa", "{region: Difa", "region: Difa", "rains.1.region: unknown region 'Difa'; known: Agadez, Diffa, Dosso, Maradi, Niamey, Tahoua, Tillabéri, Zinder"),
    Break("a stage nobody moves to", PROCESS, "next: [ELIGIBILITY], by: [assistant, coordinator]", "next: [ELIGIBILITY], by: []",
          "REGISTERED:", "main.REGISTERED.by: Tuple should have at least 1 item after validation, not 0"),
    Break("a stage that nothing leads to", PROCESS, "next: [TRAINING_WAIT, KIT_PREPARATION, COUNSELLING]",
          "next: [KIT_PREPARATION]", "TRAINING_WAIT:", "nothing leads from REGISTERED to 'TRAINING_WAIT'."),
    Break("a stage that neither goes on nor ends", PROCESS, "MONITORING: {next: [FINALISED], by", "MONITORING: {by",
          "  MONITORING:", "'MONITORING' must either name what follows or end."),
    Break("an exception without a way back", PROCESS, "illness, travel, budget], review_days: 30, resumes: true}",
          "illness, travel, budget], review_days: 30}", "ON_HOLD:", "'ON_HOLD' must either lead back or end."),
    Break("an exception as what follows", PROCESS, "next: [COUNSELLING], by", "next: [COUNSELLING, NOT_ELIGIBLE], by",
          "  ELIGIBILITY:", "'ELIGIBILITY' names 'NOT_ELIGIBLE', which is no main stage."),
    Break("a stage without its words", PROCESS, "  WAITING_DOCUMENT:", "  WAITING_PAPER:", "WAITING_PAPER:",
          "'WAITING_PAPER' is not in stages.yaml."),
    Break("unknown target", HELP, "say: Health, go: health}", "say: Health, go: healht}", "healht",
          "'help.kind' leads to unknown 'help.healht'."),
    Break("unknown target of an answer", FILE, "go: ask_code, wrong: ask_case", "go: ask_cod, wrong: ask_case", "ask_cod,",
          "'file.ask_case' leads to unknown 'file.ask_cod'."),
    Break("continue elsewhere", MENU, "say: Call me back, go: callback.start", "say: Call me back, go: continue",
          "go: continue", "'continue' only works in the entries 'resume' and 'dropped'."),
    Break("unreachable", HELP, "states:\n", 'states:\n  lonely:\n    say: "Health"\n', "lonely:",
          "nothing leads to 'help.lonely'."),
    Break("dead end: no way on", HELP, "  food:\n    do: [{open_referral: {code: BAS}}]\n    go: told\n",
          "  food:\n    do: [{open_referral: {code: BAS}}]\n", "  food:", "'help.food' is a dead end."),
    Break("dead end: no branch fits", HELP, "      - {go: urgent}\n", "", 'when: {consent: ""}',
          "'help.notice_or_urgent' is a dead end where no branch fits."),
    Break("dead end: nothing to answer", HELP, "    choices:\n      - {key: 1, say: The body, go: body}\n"
          '      - {key: 2, say: "Worry, no sleep", go: mind}\n', "", "ask: What is it?",
          "'help.health' asks, but nothing can be answered."),
    Break("asks and says", MENU, "    ask: Welcome. It is free.", "    ask: Welcome. It is free.\n    say: Hello",
          "say: Hello", "'menu.main' both asks and says."),
    Break("says and goes on", HELP, "  thanks:\n", "  thanks:\n    go: kind\n", 'say: "Thank you. A person will call you{when}."',
          "'help.thanks' says and ends, so its other ways are never taken."),
    Break("loop", HELP, '      - {when: {consent: ""}, go: notice}\n', '      - {when: {consent: ""}, go: told}\n', "  told:",
          "it goes round without a question: help.told > help.notice_or_urgent > help.told."),
    Break("hand over without back_to", HELP, "    hand_over: call.urgent\n    back_to: when\n", "    hand_over: call.urgent\n",
          "hand_over: call.urgent", "'help.urgent' hands over without `back_to`."),
    Break("back_to without hand over", HELP, "  told_when:\n    hand_over: call.permission\n", "  told_when:\n    go: end\n",
          "back_to: end", "'help.told_when' has `back_to` without `hand_over`.", nth=1),
    Break("handed over for ever", CALL, "go: return", "go: help.thanks", "hand_over: call.permission",
          "'help.outside_when' hands over to 'call.permission', which never returns.", at=HELP),
    Break("return to nobody", HELP, 'say: "Food, water, shelter", go: food}', 'say: "Food, water, shelter", go: return}',
          "go: return}", "'help.kind' returns, but is reached without `hand_over`."),
    Break("outcome missing", FILE, "no_match: no_match, away: away}\n\n  choose:", "no_match: no_match}\n\n  choose:",
          "look_up: file", "the outcome 'away' of the lookup 'file' leads nowhere."),
    Break("outcome unknown", FILE, "{ok: opened, choose_code: choose,", "{ok: opened, okay: opened, choose_code: choose,", "okay",
          "the lookup has no outcome 'okay'."),
    Break("a need goes on elsewhere", HELP, "    ask: What do you need?", "    ask: What do you need?\n    elsewhere: [whatsapp]",
          "elsewhere: [whatsapp]", "'help.kind' belongs to a need: a dropped line never goes on there."),
    Break("after a need elsewhere", CALL, "    ask: Is it urgent, now?", "    ask: Is it urgent, now?\n    elsewhere: [sms]",
          "elsewhere: [sms]", "'call.urgent' belongs to a need: a dropped line never goes on there."),
    Break("a code elsewhere", FILE, "  ask_code:\n", "  ask_code:\n    elsewhere: [whatsapp]\n", "elsewhere: [whatsapp]",
          "'file.ask_code' asks for a secret: a dropped line never goes on there."),
    Break("a file elsewhere", FILE, "  finalised:\n", "  finalised:\n    elsewhere: [sms]\n", "elsewhere: [sms]",
          "'file.finalised' is shown after the code only: a dropped line never goes on there."),
    Break("a private question elsewhere", HUSH, "    ask: When?", "    ask: When?\n    elsewhere: [sms]", "elsewhere: [sms]",
          "'hush.when' is private: a dropped line never goes on there."),
    Break("a fork elsewhere", MENU, "  start:\n", "  start:\n    elsewhere: [sms]\n", "elsewhere: [sms]",
          "'menu.start' asks nothing: a dropped line never goes on there."),
    Break("the menu of needs by SMS", MENU, "    elsewhere: [whatsapp]", "    elsewhere: [sms, whatsapp]", "  kind:",
          "the menu of needs 'help.kind' can be reached by SMS (safety, channel table).", at=HELP),
    Break("entry missing", ENTRIES, "hush: hush.start", "hush_: hush.start", "menu: menu.start", "the entry 'hush' is missing."),
    Break("entry unknown", ENTRIES, "hush: hush.start", "hush: hush.start\nhash: hush.start", "hash:",
          "nothing uses the entry 'hash'."),
    Break("entry leads nowhere", ENTRIES, "hush: hush.start", "hush: hush.begin", "hush.begin",
          "'hush' leads to unknown 'hush.begin'."),
    Break("flow in another file", MENU, "flow: menu", "flow: welcome", "flow: welcome",
          "the flow 'welcome' stands in menu.yaml: rename one of them"),
    Break("unknown key", MENU, "    ask: Welcome. It is free.", "    aks: Welcome. It is free.", "aks",
          "states.main.aks: Extra inputs are not permitted"),
    Break("twice", MENU, "  stopped:\n", "  main:\n    say: Hello\n  stopped:\n", "main:", "'main' stands twice", nth=1),
    Break("unknown verb", HELP, "{open_referral: {code: BAS}}", "{open_referal: {code: BAS}}", "open_referal", ""),
    Break("unknown argument", CALL, 'do: [{urgent: {"yes": true}}]', "do: [{urgent: {now: true}}]", "{now: true}",
          "`urgent`: missing a required argument: 'yes'."),
    Break("brace left open", MENU, "ask: Welcome. It is free.", 'ask: "Welcome {name"', "Welcome {name", ""),
    Break("unknown lookup", FILE, "look_up: file", "look_up: files", "look_up: files", ""),
    Break("unknown type of answer", FILE, "{type: case,", "{type: cases,", "{type: cases", ""),

    Break("translation missing", HELP, "ask: What do you need?", "ask: What is needed?", "What is needed?",
          "no French for 'What is needed?'."),
    Break("translation of a choice missing", HELP, "say: Threats,", "say: Menaces now,", "Menaces now",
          "no Hausa for 'Menaces now'."),
    Break("translation empty", FR, 'msgstr "Besoin de quoi ?"', 'msgstr ""', 'msgid "What do you need?"',
          "no French for 'What do you need?'."),
    Break("translation stale", HELP, "ask: What do you need?", "ask: What is needed?", 'msgid "What do you need?"',
          "nothing in flows/ says this any more: 'What do you need?'.", at=HA),
    Break("placeholder dropped", FR, 'Numéro: {ticket}."', 'Numéro."', 'msgid "Thank you. We will not call',
          "the French misses {ticket}."),
    Break("placeholder added", HA, 'msgstr "Kuna bukatar me?"', 'msgstr "Kuna bukatar me? {ticket}"', 'msgid "What do you need?"',
          "the Hausa has, beside the English, {ticket}."),
    Break("placeholder that nobody fills", HELP, "ask: What do you need?", 'ask: "What do you need, {number}?"', "{number}",
          "nobody fills {number}."),
    Break("letter outside GSM-7", FR, 'msgstr "Besoin de quoi ?"', 'msgstr "Besoin de quoi ☎ ?"', 'msgid "What do you need?"',
          "no plain spelling for ☎: the message would hold 70 letters only."),
    Break("letter outside GSM-7 in English", HELP, "ask: What do you need?", 'ask: "What do you need ☎?"', "☎",
          "no plain spelling for ☎: the message would hold 70 letters only."),
    Break("screen too long", FR, 'msgstr "Besoin de quoi ?"', 'msgstr "Dites-nous: besoin de quoi ce jour ?"',
          "ask: What do you need?", "'help.kind' takes 163 septets of 160 in French by USSD.", at=HELP),
    Break("stage too long", HA, 'msgstr "Muna bin aikinku"', f'msgstr "{LONG}"', 'ask: "{now}, since {since}. Next', None, at=FILE),
    Break("place too long", HA, 'msgstr "a gidanku, {name}"', f'msgstr "{LONG}, {{name}}"', 'ask: "{day}, {place}', None, at=FILE),
    Break("SMS too long", FR, 'msgstr "Merci. Effacez ce message."', f'msgstr "{LONG}. {LONG}."', "say: Thank you. Delete",
          "'hush.thanks' takes 2 parts in French by SMS (179 septets).", at="flows/hush.yaml"),

    Break("menu number changed", MENU, "{key: 4, say: My community, go: community.start}\n      - {key: 5, say: Language",
          "{key: 6, say: Call me back, go: callback.start}\n      - {key: 5, say: Language", "key: 6",
          "'6' of 'menu.main' is new."),
    Break("menu number leads elsewhere", MENU, "{key: 2, say: I need help, go: help.kind}",
          "{key: 2, say: I need help, go: private.start}", "say: I need help", "'2' of 'menu.main' changed."),
    Break("menu number of SMS", MENU, "- {key: 3, go: callback.start}", "- {key: 3, go: file.by_phone_only}",
          "{key: 3, go: file.by_phone_only}", "'3' of 'menu.sms' changed."),
    Break("too many choices", HELP, "      - {key: 6, say: Trouble in town, go: tension}\n",
          "      - {key: 6, say: Trouble in town, go: tension}\n      - {key: 7, say: Debt, go: debt}\n", "key: 7",
          "'help.safety' shows 7 choices; a menu that explains has at most 6 (safety 24)."),
    Break("0 where a number is typed", FILE, "foot: [menu_number, private_number]", "foot: [menu, private_number]",
          "foot: [menu, private_number]", "'menu' in a state that takes a number."),

    Break("stage missing", STAGES, "DECEASED: {screen: person}\n", "", "REGISTERED:", "the stage 'DECEASED' is missing."),
    Break("stage unknown", STAGES, "DECEASED: {screen: person}", "DECEASED: {screen: person}\nDEAD: {screen: person}", "DEAD:",
          "unknown stage 'DEAD'."),
    Break("stage without screen", STAGES, "ON_HOLD: {screen: on_hold}", "ON_HOLD: {screen: paused}", "paused",
          "no screen 'paused'."),
    Break("stage without words", STAGES, "TRAINING:\n  now: Your training is under way\n", "TRAINING:\n", "TRAINING:",
          "the stage 'TRAINING' has no now."),
    Break("code missing", NEEDS, "  PRV: {queue: complaints, level: normal, urgent: high}\n", "", "codes:",
          "the code 'PRV' is missing."),
    Break("code unknown", NEEDS, "  PRV: {", "  ABC: {queue: complaints, level: normal, urgent: high}\n  PRV: {", "ABC",
          "unknown code 'ABC'."),
    Break("code unknown in a flow", HELP, "{open_referral: {code: BAS}}", "{open_referral: {code: BSA}}", "BSA",
          "unknown code 'BSA'."),
    Break("queue unknown", NEEDS, "PRV: {queue: complaints", "PRV: {queue: complaint", "PRV", ""),
    Break("queue unknown in a flow", "flows/private.yaml", "{queue: protection, level: critical", "{queue: nobody, level: critical",
          "queue: nobody", "unknown queue 'nobody'."),
    Break("level that falls", NEEDS, "BAS: {queue: assistance, level: high, urgent: critical", "BAS: {queue: assistance, level: high,"
          " urgent: normal", "BAS:", "'BAS' would become less urgent."),
    Break("menu leads elsewhere", NEEDS, '"3 2": TRA', '"3 2": KIT', '"3 2": KIT', "the keys 3 2 after 'help.kind' lead to TRA, not to KIT."),
    Break("menu names nothing", NEEDS, '"2": BAS', '"6": BAS', '"6": BAS', "the keys 6 after 'help.kind' lead to no code, not to BAS."),
    Break("menu forgets", NEEDS, '  "5 6": TEN\n', "", "say: Trouble in town",
          "this choice opens TEN, which `menu` in needs.yaml does not name.", at=HELP),
    Break("unspoken code in the menu", NEEDS, '"5 6": TEN', '"5 6": GBV', '"5 6": GBV', "'GBV' must not have menu words (safety 22)."),
    Break("unspoken code in a flow", HELP, "{open_referral: {code: TEN}}", "{open_referral: {code: SEA}}", "code: SEA",
          "'SEA' must not be opened by a menu (safety 22)."),

    Break("stage words by SMS", FILE, "      - {when: {channel: sms}, go: sms_no_news}\n", "", 'ask: "{now}, since {since}. Next',
          "'file.status' would carry {now} by SMS (safety, channel table)."),
    Break("date and place by SMS", FILE, '"No change since {since}. Dial', '"No change since {day}, {place}. Dial',
          "No change since {day}", "'file.sms_no_news' would carry {place} by SMS (safety, channel table)."),
    Break("place by WhatsApp", FILE, APPOINTMENT_FORK, "", 'ask: "{day}, {place}',
          "'file.appointment_coming' would carry {place} by WhatsApp (safety, channel table)."),
    Break("a file without its code", FILE, WITHOUT_CODE, WITHOUT_CODE.replace("    verified: ask_code\n", ""),
          'ask: "{day}, {place}. Transport', "'file.appointment_coming' tells {day} of a file to whoever comes there (safety 11)."),
    Break("place beside the stage", FILE, 'ask: "{day}, {place}."', 'ask: "{now}. {day}, {place}."', 'ask: "{now}. {day}',
          "'file.appointment_here' tells a place together with the stage (safety, channel table)."),
    Break("menu of needs by SMS", MENU, "- {key: 2, go: file.by_phone_only}", "- {key: 2, go: help.kind}", "  kind:",
          "the menu of needs 'help.kind' can be reached by SMS (safety, channel table).", at=HELP),
    Break("case number asked by SMS", MENU, "- {key: 1, go: file.by_phone_only}", "- {key: 1, go: file.ask_case}", "{type: case,",
          "'file.ask_case' asks for a number or code of a file by SMS (safety, channel table).", at=FILE),
    Break("kit word by SMS", FR, 'msgstr "Merci. Effacez ce message."', 'msgstr "Merci pour le kit."', "say: Thank you. Delete",
          "'hush.thanks' says 'kit' (kit) by SMS, in 'fr' (safety, channel table).", at="flows/hush.yaml"),
    Break("kit word by WhatsApp", STAGES, "  whatsapp: {now: What you need is ready}\n", "", "now: Your equipment is ready",
          "the stage 'KIT_READY' says 'materiel' by WhatsApp, in 'fr' (safety, channel table)."),
    Break("never-send word by SMS", FR, 'msgstr "Merci. Effacez ce message."', 'msgstr "Merci. Le médecin appelle."',
          "say: Thank you. Delete", "'hush.thanks' says 'medecin' (health) by SMS, in 'fr' (safety, channel table).",
          at="flows/hush.yaml"),
]  # fmt: skip


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """The real files, copied once."""
    folder = tmp_path_factory.mktemp("real")
    for name in ("flows", "locales"):
        shutil.copytree(ROOT / name, folder / name)
    return folder


def test_the_real_flows_are_in_order():
    assert [str(fault) for fault in check(ROOT, CONSTANTS)] == []


@pytest.mark.parametrize("broken", BREAKS, ids=str)
def test_each_break_is_told_with_its_line(broken, originals):
    path = originals / broken.file
    whole = path.read_text(encoding="utf-8")
    assert broken.old in whole, "the flow changed: adapt this break"
    try:
        path.write_text(whole.replace(broken.old, broken.new), encoding="utf-8")
        faults = check(originals, CONSTANTS)
        file = broken.at or broken.file
        lines = (originals / file).read_text(encoding="utf-8").splitlines()
        line = [number for number, text in enumerate(lines, 1) if broken.marker in text][broken.nth]
    finally:
        path.write_text(whole, encoding="utf-8")
    here = [fault for fault in faults if fault.place == f"{file}:{line}"]
    assert here, [str(fault) for fault in faults]
    assert all(fault.remedy for fault in faults)
    if broken.what:
        assert broken.what in [fault.what for fault in here]


def test_an_emergency_number_of_two_digits_or_none_both_fit():
    assert check(ROOT, Constants("*321#", "")) == []


def test_a_missing_catalogue_is_one_fault(originals):
    folder = originals / "locales" / "ha"
    away = originals / "away"
    folder.rename(away)
    try:
        assert [fault.what for fault in check(originals, CONSTANTS)] == [
            "no catalogue for 'ha'; make it with `maraba texts`"
        ]
    finally:
        away.rename(folder)


def test_the_stages_are_those_of_the_cases():
    assert tables.STAGES == stages.STAGES

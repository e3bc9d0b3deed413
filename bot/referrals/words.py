"""What staff read by SMS, in French, Hausa and English: 160 septets at most, plain letters, no category (safety 15).

French and Hausa await native review. Nothing here names a need, a person or a place.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.referrals.clocks import STANDARD, Clocks

LANGUAGES = ("fr", "ha", "en")
DIGEST_TICKETS = 4  # as many as fit; the desk lists all

_LEVELS = {
    "fr": {"critical": "CRITIQUE", "high": "HAUT", "normal": "NORMAL"},
    "ha": {"critical": "MAI TSANANI", "high": "BABBA", "normal": "NA KULLUM"},
    "en": {"critical": "CRITICAL", "high": "HIGH", "normal": "NORMAL"},
}
_DAYS = {
    "fr": ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
    "ha": ("Litinin", "Talata", "Laraba", "Alhamis", "Juma'a", "Asabar", "Lahadi"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
_SINCE = {
    "fr": ("{n} min", "{n} h", "{n} j"),
    "ha": ("minti {n}", "awa {n}", "kwana {n}"),
    "en": ("{n} min", "{n} h", "{n} days"),
}
_FROM = {"fr": "des", "ha": "daga", "en": "from"}
TEXTS: dict[str, dict[str, str]] = {
    "first": {
        "fr": "Maraba: {level} {ticket}, file {letter}. Repondez OK {code} avant {by}. Sinon NON {code}.",
        "ha": "Maraba: {level} {ticket}, jeri {letter}. Amsa OK {code} kafin {by}. Ko A'A {code}.",
        "en": "Maraba: {level} {ticket}, queue {letter}. Answer OK {code} before {by}. Or NO {code}.",
    },
    "next": {
        "fr": "Maraba: {level} {ticket}, file {letter}, sans reponse depuis {since}. Repondez OK {code} avant {by}.",
        "ha": "Maraba: {level} {ticket}, jeri {letter}, ba amsa {since}. Amsa OK {code} kafin {by}.",
        "en": "Maraba: {level} {ticket}, queue {letter}, no answer for {since}. Answer OK {code} before {by}.",
    },
    "high": {
        "fr": "Maraba: {level} {ticket}, file {letter}. Repondez OK {code}. A traiter avant {by}.",
        "ha": "Maraba: {level} {ticket}, jeri {letter}. Amsa OK {code}. A gama kafin {by}.",
        "en": "Maraba: {level} {ticket}, queue {letter}. Answer OK {code}. Due {by}.",
    },
    "digest": {
        "fr": "Maraba: {level}, {count} a traiter: {tickets}. Repondez OK {code} pour tout prendre, ou NON {code}.",
        "ha": "Maraba: {level}, {count} na jira: {tickets}. Amsa OK {code} don karbar duka, ko A'A {code}.",
        "en": "Maraba: {level}, {count} waiting: {tickets}. Answer OK {code} to take all, or NO {code}.",
    },
    "at_desk": {  # while codes by SMS rest for this person
        "fr": "Maraba: {level} {ticket}, file {letter}. Ouvrez le bureau avant {by}. Les codes par SMS sont en pause.",
        "ha": "Maraba: {level} {ticket}, jeri {letter}. Ku bude shafi kafin {by}. An dakatar da lambobin SMS.",
        "en": "Maraba: {level} {ticket}, queue {letter}. Open the desk before {by}. Codes by SMS are paused.",
    },
    "digest_at_desk": {
        "fr": "Maraba: {level}, {count} a traiter: {tickets}. Ouvrez le bureau. Les codes par SMS sont en pause.",
        "ha": "Maraba: {level}, {count} na jira: {tickets}. Ku bude shafi. An dakatar da lambobin SMS.",
        "en": "Maraba: {level}, {count} waiting: {tickets}. Open the desk. Codes by SMS are paused.",
    },
    "hotline": {
        "fr": "Maraba: {level} {ticket}, file {letter}, sans reponse depuis {since}. Merci d'appeler l'astreinte.",
        "ha": "Maraba: {level} {ticket}, jeri {letter}, ba amsa {since}. Ku kira mai aiki yanzu. Mun gode.",
        "en": "Maraba: {level} {ticket}, queue {letter}, no answer for {since}. Please call the person on duty.",
    },
    "accepted": {
        "fr": "{ticket} est a vous. Ouvrez le bureau avant d'appeler. "
        "Premier appel avant {by}, sinon le suivant est alerte.",
        "ha": "{ticket} naku ne. Ku bude shafi kafin kira. Kira na farko kafin {by}, in ba haka ba a sanar da na gaba.",
        "en": "{ticket} is yours. Open the desk before you call. First call before {by}, or the next person is told.",
    },
    "accepted_wait": {  # no call is allowed yet (safety 1, 3)
        "fr": "{ticket} est a vous. N'appelez pas, n'ecrivez pas. Ouvrez le bureau.",
        "ha": "{ticket} naku ne. Kada ku kira, kada ku rubuta. Ku bude shafi.",
        "en": "{ticket} is yours. Do not call, do not write. Open the desk.",
    },
    "accepted_unseen": {  # nor may the ladder end by SMS alone (safety 16, 17)
        "fr": "{ticket} est a vous. N'appelez pas, n'ecrivez pas. Ouvrez le bureau avant {by}, "
        "sinon le suivant est alerte.",
        "ha": "{ticket} naku ne. Kada ku kira, kada ku rubuta. Ku bude shafi kafin {by}, in ba haka ba a sanar da na gaba.",
        "en": "{ticket} is yours. Do not call, do not write. Open the desk before {by}, or the next person is told.",
    },
    "accepted_all": {
        "fr": "{count} numeros sont a vous: {tickets}. Ouvrez le bureau avant d'appeler.",
        "ha": "Lambobi {count} naku ne: {tickets}. Ku bude shafi kafin kira.",
        "en": "{count} numbers are yours: {tickets}. Open the desk before you call.",
    },
    "taken": {
        "fr": "{ticket} est deja pris. Merci.",
        "ha": "An riga an dauki {ticket}. Mun gode.",
        "en": "{ticket} is already taken. Thank you.",
    },
    "taken_over": {
        "fr": "{ticket}: un collegue l'a repris. Vous n'avez plus rien a y faire. Merci.",
        "ha": "{ticket}: wani abokin aiki ya karba. Ba sauran aikinku a nan. Mun gode.",
        "en": "{ticket}: a colleague has taken it over. Nothing is left for you to do there. Thank you.",
    },
    "risen": {
        "fr": "{ticket}, que vous suivez: le niveau est maintenant {level}. Ouvrez le bureau.",
        "ha": "{ticket}, da kuke bi: matsayi yanzu {level}. Ku bude shafi.",
        "en": "{ticket}, which you have: the level is now {level}. Open the desk.",
    },
    "terms_open": {
        "fr": "{ticket}, que vous suivez: on peut appeler, avant {by}. Ouvrez le bureau avant d'appeler.",
        "ha": "{ticket}, da kuke bi: ana iya kira, kafin {by}. Ku bude shafi kafin kira.",
        "en": "{ticket}, which you have: a call is possible, before {by}. Open the desk before you call.",
    },
    "wrote_back": {
        "fr": "{ticket}, que vous suivez: il y a une reponse. Ouvrez le bureau.",
        "ha": "{ticket}, da kuke bi: akwai amsa. Ku bude shafi.",
        "en": "{ticket}, which you have: there is an answer. Open the desk.",
    },
    "refused": {
        "fr": "Merci, c'est note. Le suivant est alerte.",
        "ha": "Mun gode, mun gani. Za a sanar da na gaba.",
        "en": "Thank you, noted. The next person is told.",
    },
    "later": {
        "fr": "C'est note. OK {code} reste possible avant {by}; ensuite le suivant est alerte.",
        "ha": "Mun gani. OK {code} na aiki kafin {by}; bayan haka a sanar da na gaba.",
        "en": "Noted. OK {code} still works before {by}; then the next person is told.",
    },
    "call_now": {
        "fr": "{ticket}: la personne dit que vous pouvez appeler maintenant. Ouvrez le bureau avant d'appeler.",
        "ha": "{ticket}: an ce za ku iya kira yanzu. Ku bude shafi kafin kira.",
        "en": "{ticket}: the person says that you may call now. Open the desk before you call.",
    },
    "lapsed": {
        "fr": "{ticket}: pas d'appel note a temps. Le suivant est alerte.",
        "ha": "{ticket}: ba a rubuta kira kan lokaci ba. Za a sanar da na gaba.",
        "en": "{ticket}: no call was logged in time. The next person is told.",
    },
    "not_confirmed": {
        "fr": "{ticket}: vous n'avez pas ouvert le bureau apres votre SMS. Le suivant est alerte.",
        "ha": "{ticket}: ba ku bude shafi ba bayan SMS naku. Za a sanar da na gaba.",
        "en": "{ticket}: the desk was not opened after your SMS. The next person is told.",
    },
    "codes_rest": {
        "fr": "Trop de codes faux depuis votre numero. Les codes par SMS sont en pause jusqu'a {by}. Ouvrez le bureau. "
        "Ce n'est pas vous? Dites-le.",
        "ha": "Lambobi marasa kyau sun yi yawa daga wayarku. An dakatar da su har {by}. Ku bude shafi. "
        "Idan ba ku ba ne, ku fada.",
        "en": "Too many wrong codes from your number. Codes by SMS are paused until {by}. Open the desk. "
        "If it was not you, say so.",
    },
    "attendance": {  # who came, marked by a code of the day list: the code and nothing else
        "fr": "{code}: note.",
        "ha": "{code}: an rubuta.",
        "en": "{code}: noted.",
    },
    "wrong_code": {  # wrong words, wrong, late and foreign codes read the same
        "fr": "Ce message ne va pas. Repondez OK, NON, TARD ou FAIT avec les 4 chiffres de la derniere alerte, "
        "ou ouvrez le bureau.",
        "ha": "Wannan sako bai dace ba. Amsa OK, A'A, ANJIMA ko GAMA da lambobi 4 na sakon karshe, ko ku bude shafi.",
        "en": "This does not fit. Answer OK, NO, LATER or DONE and the 4 digits of the last alert, or open the desk.",
    },
    "done": {
        "fr": "{ticket}: appel note. La suite est dans le bureau.",
        "ha": "{ticket}: mun rubuta kiran. Sauran na shafi.",
        "en": "{ticket}: call noted. The rest is in the desk.",
    },
    "done_unseen": {  # the ladder of a critical one never ends by SMS alone (safety 16, 17)
        "fr": "{ticket}: appel note. Ouvrez le bureau avant {by}, sinon le suivant est alerte.",
        "ha": "{ticket}: mun rubuta kiran. Ku bude shafi kafin {by}, in ba haka ba a sanar da na gaba.",
        "en": "{ticket}: call noted. Open the desk before {by}, or the next person is told.",
    },
    "done_how": {  # numbered as on the desk
        "fr": "FAIT, les 4 chiffres de l'alerte, puis 1 parle, 2 pas de reponse, 3 autre personne, 4 mauvais moment, "
        "5 eteint. Exemple: FAIT 1234 2.",
        "ha": "GAMA, lambobi 4, sannan 1 mun yi magana, 2 ba amsa, 3 wani dabam, 4 ba lokaci, 5 a kashe. "
        "Misali: GAMA 1234 2.",
        "en": "DONE, the 4 digits of the alert, then 1 spoke, 2 no answer, 3 another person, 4 bad moment, "
        "5 switched off. Example: DONE 1234 2.",
    },
    "done_many": {
        "fr": "Ce code vaut pour plusieurs numeros. Notez les appels dans le bureau.",
        "ha": "Wannan lamba ta lambobi da yawa ce. Ku rubuta kiran a shafi.",
        "en": "This code stands for several numbers. Note the calls in the desk.",
    },
    "gap": {  # to who plans the rota
        "fr": "Maraba, tour de garde: personne pour la file {letter}, {span}. Completez le tour dans le bureau.",
        "ha": "Maraba, jerin aiki: babu kowa a jeri {letter}, {span}. Ku cika jerin a shafi.",
        "en": "Maraba, rota: nobody for queue {letter}, {span}. Fill it in on the desk.",
    },
    "role_changed": {  # to the coordinator: of a role that was an administrator's, or becomes one's
        "fr": "Maraba: {by_login} a change le role de {login} (administration). Si ce n'est pas prevu, demandez pourquoi.",
        "ha": "Maraba: {by_login} ya sauya matsayin {login} (gudanarwa). Idan ba a shirya ba, ku tambaya dalili.",
        "en": "Maraba: {by_login} changed the role of {login} (administration). If this was not planned, ask why.",
    },
    "by_email": {  # the end of an alert by e-mail
        "fr": "Repondez par SMS depuis votre telephone, ou ouvrez le bureau. Ne repondez pas a cet e-mail.",
        "ha": "Ku amsa da SMS daga wayarku, ko ku bude shafi. Kada ku amsa wannan imel.",
        "en": "Answer by SMS from your phone, or open the desk. Do not answer this e-mail.",
    },
    "email_code": {
        "fr": "Maraba: votre code est {code}. Tapez-le sous Mon compte dans les 15 minutes.",
        "ha": "Maraba: lambarku {code}. Ku rubuta ta a shafi kafin minti 15.",
        "en": "Maraba: your code is {code}. Type it under My account within 15 minutes.",
    },
    "late_files": {
        "fr": "Maraba: nouveaux dossiers en retard: {count}. Ouvrez le bureau, page Suivi.",
        "ha": "Maraba: karin fayiloli {count} sun fi yadda aka saba. Ku bude shafi.",
        "en": "Maraba: files newly late: {count}. Open the desk, page Outreach.",
    },
    "nothing_open": {
        "fr": "Rien ne vous attend en ce moment. Tout est dans le bureau.",
        "ha": "Babu abin da ke jiranku yanzu. Komai na shafi.",
        "en": "Nothing is waiting for you right now. Everything is in the desk.",
    },
}


def say(name: str, language: str, **values: object) -> str:
    """A text for staff. `level` is given as critical, high or normal; unknown languages read French."""
    language = language if language in LANGUAGES else "fr"
    if "level" in values:
        values["level"] = _LEVELS[language][str(values["level"])]
    return TEXTS[name][language].format(**values)


def shown(ticket: str) -> str:
    """`482-1737`, as people and staff read it."""
    return f"{ticket[:3]}-{ticket[3:]}"


def listed(tickets: Sequence[str]) -> str:
    """The first few numbers of a digest, as shown, and how many more."""
    named = ", ".join(tickets[:DIGEST_TICKETS])
    return named + (f" +{len(tickets) - DIGEST_TICKETS}" if len(tickets) > DIGEST_TICKETS else "")


def when(at: datetime, language: str, *, now: datetime, clocks: Clocks = STANDARD) -> str:
    """A moment as one says it: the hour today, else weekday and hour, past six days the date."""
    local, today = clocks.local(at), clocks.local(now).date()
    if local.date() == today:
        return f"{local:%H:%M}"
    if local.date() - today < timedelta(days=7):
        days = _DAYS[language if language in LANGUAGES else "fr"]
        return f"{days[local.weekday()]} {local:%H:%M}"
    return f"{local:%d/%m %H:%M}"


def span(start: datetime, end: datetime | None, language: str, *, clocks: Clocks = STANDARD) -> str:
    """A stretch of the rota: `samedi 28/11 20:00-06:00`, with the second day where it is not the night between.

    `end` None: `des samedi 28/11 20:00`.
    """
    language = language if language in LANGUAGES else "fr"
    begin = clocks.local(start)
    day = _DAYS[language][begin.weekday()]
    if end is None:
        return f"{_FROM[language]} {day} {begin:%d/%m %H:%M}"
    finish = clocks.local(end)
    until = f"{finish:%H:%M}" if finish - begin <= timedelta(days=1) else f"{finish:%d/%m %H:%M}"
    return f"{day} {begin:%d/%m %H:%M}-{until}"


def since(elapsed: timedelta, language: str) -> str:
    """How long nobody answered: minutes up to two hours, then hours, then days."""
    minutes = max(1, round(elapsed.total_seconds() / 60))
    size, n = (0, minutes) if minutes < 120 else (1, minutes // 60) if minutes < 2880 else (2, minutes // 1440)
    return _SINCE[language if language in LANGUAGES else "fr"][size].format(n=n)

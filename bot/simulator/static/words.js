// The simulator's own words: English, then French. What the phones show is never translated here.
const WORDS = {
  skip: ["Skip to the phones", "Aller aux téléphones"],
  simulator: ["simulator", "simulateur"],
  only_dev: [" · development only", " · développement seulement"],
  english_under: ["English under screens", "Anglais sous les écrans"],
  open_desk: ["Open the desk", "Ouvrir le bureau"],
  review: ["French and Hausa await review by native speakers.", "Le français et le haoussa attendent une relecture par des locuteurs natifs."],
  invented: ["All people and numbers are invented.", "Personnes et numéros sont inventés."],
  title: ["Simulator: three phones and the line they call", "Simulateur : trois téléphones et la ligne qu’ils appellent"],
  try_this: ["Try this", "À essayer"], all_stories: ["All stories", "Toutes les histoires"], one_story: ["One story", "Une histoire"],
  cast: ["Invented people", "Personnes inventées"], phones: ["Phones", "Téléphones"],
  the_line: ["The line", "La ligne"], drop: ["Drop the line", "Couper la ligne"], redial: ["Dial again", "Rappeler"],
  next_message: ["The next message", "Le prochain message"], twice: ["Deliver twice", "Livrer deux fois"], late: ["Two hours late", "Deux heures après"],
  the_world: ["The world", "Le monde"], down: ["Gateway down", "Passerelle en panne"], fast: ["Clock × 60", "Horloge × 60"],
  time: ["simulated time", "heure simulée"], time_away: ["database away, clock stands", "base absente, horloge arrêtée"],
  keypad: ["keypad", "à touches"], on_duty: ["on duty", "de garde"], on_duty_for: ["on duty, queue {0}", "de garde, file {0}"], not_on_duty: ["staff", "équipe"],
  keypad_phone: ["Keypad phone", "Téléphone à touches"], whatsapp_phone: ["WhatsApp phone", "Téléphone WhatsApp"], staff_phone: ["Phone of staff", "Téléphone de l’équipe"],
  answer: ["Answer", "Réponse"], send: ["Send", "Envoyer"], behind: ["Behind the phones", "Derrière les téléphones"],
  what_sent: ["What was sent", "Ce qui est parti"], who_sees: ["Who can see what", "Qui peut voir quoi"],
  prices: ["prices are invented", "prix inventés"], encoding: ["Encoding", "Codage"], units: ["Septets", "Septets"], price: ["Price", "Prix"],
  play: ["Play it", "Jouer"], yourself: ["Do it yourself", "Le faire soi-même"], next: ["Next step", "Étape suivante"], pause: ["Pause", "Pause"], go_on: ["Go on", "Continuer"], stop: ["Stop", "Arrêter"], close: ["Close", "Fermer"],
  of: ["{0} of {1}", "{0} sur {1}"], done: ["Done. Look at what was sent, or who can see what.", "Fini. Voyez ce qui est parti, ou qui peut voir quoi."],
  stuck: ["The phone does not show what this story waits for. Go on by hand, or stop.", "Le téléphone ne montre pas ce que l’histoire attend. Continuez à la main, ou arrêtez."],
  you: ["Now you: {0}", "À vous : {0}"], do_dial: ["dial {0} with the key Envoyer", "composez {0} avec la touche Envoyer"], do_redial: ["press Dial again", "touche Rappeler"], do_type: ["type {0}, then Envoyer", "tapez {0}, puis Envoyer"], do_write: ["write {0}", "écrivez {0}"], do_fast: ["switch on Clock × 60", "activez Horloge × 60"], do_wait: ["wait for the message", "attendez le message"], do_look: ["look, then Next step", "regardez, puis Étape suivante"],
  closed_now: ["Line closed.", "Ligne fermée."], dropped_now: ["Line dropped.", "Ligne coupée."], closed: ["line closed", "ligne fermée"], open: ["line open {0}", "ligne ouverte {0}"], dropped: ["line dropped", "ligne coupée"],
  beeped: ["You let the line ring. It did not pick up, so it cost nothing. It means: call me back.", "Vous avez fait sonner la ligne. Elle n’a pas décroché : rien à payer. Cela veut dire : rappelez-moi."],
  to_dial: ["Press Envoyer to dial {0}.", "Touche Envoyer pour composer {0}."], no_answer: ["The line answered {0}.", "La ligne a répondu {0}."], nobody: ["Nobody answered: is the service running?", "Personne n’a répondu : le service tourne-t-il ?"],
  no_sms: ["No SMS on this phone. USSD leaves nothing behind.", "Aucun SMS sur ce téléphone. L’USSD ne laisse rien."], no_chat: ["Nothing yet. Write “Bonjour”.", "Rien encore. Écrivez « Bonjour »."], no_alert: ["No alert yet. They arrive here.", "Aucune alerte. Elles arrivent ici."],
  septets_of: ["of {0} septets", "sur {0} septets"], screen1: ["{0} · 1 screen", "{0} · 1 écran"], sms_n: ["{0} septets, {1} SMS", "{0} septets, {1} SMS"], sms_u: ["{0} units, {1} SMS", "{0} unités, {1} SMS"],
  new_alert: ["{0} new alert", "{0} alerte nouvelle"], new_alerts: ["{0} new alerts", "{0} alertes nouvelles"], new_msg: ["{0} new", "{0} nouveau"],
  absent: ["Not in this SMS:", "Pas dans ce SMS :"], absent_what: ["a name, a number to call, the kind of need, a place.", "un nom, un numéro à appeler, la nature du besoin, un lieu."], present: ["In this SMS, and it must not be:", "Dans ce SMS, et c’est une faute :"],
  file: ["file {0}", "dossier {0}"], born: ["born {0}", "né en {0}"], code: ["code {0}", "code {0}"], will_choose: ["chooses a code, for example {0}", "choisit un code, par exemple {0}"], queues: ["queues {0}", "files {0}"],
  twice_on: ["Deliver twice is on: the next message comes two times, with one answer and one effect.", "Livrer deux fois : le prochain message arrive deux fois, avec une réponse et un effet."],
  late_on: ["Two hours late is on: the next SMS carries the date of two hours ago, and is an answer only if its question stood then.", "Deux heures après : le prochain SMS porte la date d’il y a deux heures ; il ne répond que si sa question était déjà posée."],
  down_on: ["Gateway down is on: what leaves is refused with 500 and waits.", "Passerelle en panne : ce qui part est refusé (500) et attend."],
  fast_on: ["Clock × 60 is on: the ladder’s due times move a minute nearer each second.", "Horloge × 60 : les délais de l’échelle avancent d’une minute par seconde."],
  late_ussd: ["A dialled line cannot be late; only an SMS carries its date.", "Une ligne ouverte ne peut être en retard ; seul un SMS porte sa date."],
  did_dial: ["{0}, dialled", "{0}, composé"], did_beep: ["let it ring, not picked up", "a fait sonner, sans réponse"], voice: ["call", "appel"], did_drop: ["line dropped", "ligne coupée"], to: ["to {0}", "à {0}"],
  hook: ["Hook request, {0} checked", "Requête, contrôle : {0}"], refused: ["Hook request refused: {0}", "Requête refusée : {0}"], steps: ["Load, step, commit", "Lire, avancer, écrire"],
  calls: ["two store calls · load {0}, step {1}, commit {2} ms", "deux appels au magasin · lire {0}, avancer {1}, écrire {2} ms"], no_trace: ["the service gave no times for this turn", "le service n’a pas donné de temps pour ce tour"],
  journal: ["Journal: 1 turn, {0} effect", "Journal : 1 tour, {0} effet"], journals: ["Journal: 1 turn, {0} effects", "Journal : 1 tour, {0} effets"], coming: ["Journal: not recorded yet", "Journal : pas encore enregistré"], away: ["PostgreSQL is away: the turn waits in the journal", "PostgreSQL absent : le tour attend dans le journal"], recorded: ["recorded", "enregistré"],
  secret: ["what was typed is not kept", "ce qui a été tapé n’est pas gardé"], nothing_typed: ["nothing typed", "rien tapé"], typed: ["typed, kept encrypted: {0}", "tapé, gardé chiffré : {0}"], said: ["said: {0}", "dit : {0}"],
  times_same: ["Delivered twice: the same answer, one turn in the journal.", "Livré deux fois : même réponse, un seul tour au journal."], times_other: ["Delivered twice: the answers differ.", "Livré deux fois : les réponses diffèrent."],
  pick: ["Use a phone, or play a story: its way shows here.", "Utilisez un téléphone, ou jouez une histoire : son chemin s’affiche ici."],
  nothing_sent: ["nothing: no message left because of this", "rien : aucun message n’est parti à cause de cela"], no_bill: ["No message has left yet.", "Aucun message n’est encore parti."],
  turns_1: ["{0} turn", "{0} tour"], turns_n: ["{0} turns", "{0} tours"], failed: ["Not done: {0}", "Pas fait : {0}"], lost: ["The service does not answer; trying again.", "Le service ne répond pas ; nouvel essai."],
};
let language = "en";

/** A word or sentence, with its blanks {0}, {1} filled. */
export function word(key, ...values) {
  const text = WORDS[key]?.[language === "fr" ? 1 : 0] ?? key;
  return values.reduce((filled, value, n) => filled.replace(`{${n}}`, value), text);
}

/** The language that a pair of the story file is read in. */
export const pick = (pair) => pair?.[language] ?? pair?.en ?? "";
export const locale = () => language;

/** Turn the whole page to a language. */
export function speak(to) {
  language = to;
  document.documentElement.lang = to;
  for (const node of document.querySelectorAll("[data-word]")) node.textContent = word(node.dataset.word);
  for (const node of document.querySelectorAll("[data-language]")) node.setAttribute("aria-pressed", String(node.dataset.language === to));
}

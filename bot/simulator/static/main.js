// Starts the page: words, phones, stories, drawer; asks for news every second while it is seen.
import { call, clockTime, el, nameOf, onChange, person, state, take, thread, touch } from "./state.js";
import * as drawer from "./drawer.js";
import * as phones from "./phones.js";
import * as stories from "./stories.js";
import { locale, speak, word } from "./words.js";

const $ = (selector) => document.querySelector(selector);
let failures = 0;
let skew = 0; // server's clock is this machine's own

/** English of what a phone shows, once the turn is recorded; "" until then. */
function english(event) {
  const turn = event.kind === "turn" ? event : state.events.filter((one) => one.kind === "turn" && one.phone === event.phone && one.channel === event.channel && one.id < event.id).at(-1);
  if (!turn) return "";
  const detail = state.details[turn.id];
  if (!detail?.journal) { if (Date.now() - turn.at < 60000 || !detail) drawer.load(turn); return ""; }
  if (event.kind === "turn") return detail.english.join("\n");
  const answers = state.events.filter((one) => one.kind === "message" && one.phone === event.phone && one.channel === event.channel && one.id > turn.id);
  return detail.english[answers.indexOf(event)] ?? "";
}

function draw() {
  phones.draw();
  stories.draw();
  drawer.draw();
  for (const name of ["twice", "late"]) $(`#${name}`).setAttribute("aria-pressed", String(state[name]));
  for (const name of ["down", "fast"]) $(`#${name}`).setAttribute("aria-pressed", String(Boolean(state.switches[name])));
  $("#english").setAttribute("aria-checked", String(state.english));
  drawCast();
}

function drawCast() {
  const key = `${document.documentElement.lang}|${Object.values(state.slots)}`;
  if ($("#cast").dataset.key === key) return;
  $("#cast").dataset.key = key;
  $("#cast").replaceChildren(...Object.values(state.slots).map(person).filter(Boolean).flatMap((one) => {
    const what = one.staff ? [one.about, one.duty.length ? word("on_duty_for", one.duty[0]) : ""] : [one.case && word("file", one.case.replace(/(\d{3})(?=\d)/g, "$1 ")), one.born && word("born", one.born), one.code && word(one.chosen ? "code" : "will_choose", one.code)];
    return [el("dt", {}, one.first), el("dd", {}, what.filter(Boolean).join(", "))];
  }));
}

function tick() {
  const now = Date.now() + skew + (state.clock.offset ?? 0) * 1000;
  const day = new Date(now).toLocaleDateString(locale(), { timeZone: "Africa/Niamey", weekday: "short" });
  const text = `${day} ${clockTime(now, true)}`;
  if ($("#clock").textContent !== text) $("#clock").textContent = text;
  document.querySelector(".clock").classList.toggle("away", Boolean(state.clock.away));
  phones.drawLine();
}

async function poll() {
  if (!document.hidden) {
    try {
      const answer = await call(`news?after=${encodeURIComponent(state.cursor)}`);
      const before = JSON.stringify([state.clock.away, state.switches]);
      const fresh = take(answer);
      failures = 0;
      for (const event of fresh) arrived(event);
      if (fresh.length || before !== JSON.stringify([state.clock.away, state.switches])) touch();
      else drawer.draw();
    } catch { failures += 1; if (failures === 3) phones.sentence(word("lost")); }
  }
  setTimeout(poll, failures ? Math.min(1000 * failures, 8000) : 700);
}

/** A message that came while the page is open: lit until its phone is looked at. */
function arrived(event) {
  if (event.kind !== "message") return;
  event.fresh = true;
  const slot = Object.keys(state.slots).find((name) => state.slots[name] === event.phone);
  const looked = slot && (state.tab === slot || matchMedia("(min-width: 900px)").matches) && (slot !== "keypad" || state.mode === "sms");
  if (looked) event.fresh = false;
  else if (person(event.phone)?.staff) $("#urgent").textContent = `${nameOf(event.phone)}: ${word("new_alert", 1)}`;
}

function seen() {
  const wide = matchMedia("(min-width: 900px)").matches;
  for (const slot of ["keypad", "whatsapp", "staff"]) {
    if (!wide && state.tab !== slot || slot === "keypad" && state.mode !== "sms") continue;
    for (const event of thread(state.slots[slot], slot === "whatsapp" ? "whatsapp" : "sms")) event.fresh = false;
  }
}

function wire() {
  phones.wire(english);
  drawer.wire();
  $("#drop").addEventListener("click", phones.drop);
  $("#redial").addEventListener("click", phones.dial);
  for (const name of ["twice", "late"]) $(`#${name}`).addEventListener("click", () => { state[name] = !state[name]; if (state[name]) phones.sentence(word(`${name}_on`)); touch(); });
  for (const name of ["down", "fast"]) $(`#${name}`).addEventListener("click", async () => {
    try { take(await call("switch", { name, on: !state.switches[name] })); if (state.switches[name]) phones.sentence(word(`${name}_on`)); touch(); } catch (error) { phones.sentence(word("failed", error.message)); }
  });
  $("#english").addEventListener("click", () => { state.english = !state.english; sessionStorage.setItem("english", state.english ? "1" : ""); touch(); });
  for (const node of document.querySelectorAll("[data-language]")) node.addEventListener("click", () => { speak(node.dataset.language); sessionStorage.setItem("language", node.dataset.language); touch(); });
  $("#all-stories").addEventListener("click", () => {
    const all = $("#stories").classList.toggle("all");
    $("#all-stories").setAttribute("aria-expanded", String(all));
    $("#all-stories").textContent = word(all ? "one_story" : "all_stories");
  });
}

async function begin() {
  speak(sessionStorage.getItem("language") ?? "en");
  state.english = Boolean(sessionStorage.getItem("english"));
  const first = await call("start");
  for (const name of ["people", "stories", "lines", "short_code", "sender", "whatsapp"]) state[name] = first[name];
  const returnees = state.people.filter((one) => !one.staff), staff = state.people.filter((one) => one.staff);
  const kept = JSON.parse(sessionStorage.getItem("slots") ?? "{}");
  const keep = (slot, usual) => (person(kept[slot]) ? kept[slot] : usual?.phone ?? "");
  state.slots = { keypad: keep("keypad", returnees[0]), whatsapp: keep("whatsapp", returnees[1] ?? returnees[0]), staff: keep("staff", staff[0]) };
  $("#line-number").textContent = first.whatsapp.replace(/^\+(\d)(\d{3})(\d{3})(\d{4})$/, "+$1 $2 $3 $4");
  $("#sender").textContent = first.sender;
  take(first);
  wire();
  onChange(seen);
  onChange(draw);
  touch();
  tick();
  setInterval(tick, 500);
  document.body.dataset.ready = "yes";
  poll();
}

begin().catch((error) => phones.sentence(word("failed", error.message)));

// Plays the stories, or waits while you do them yourself. The screens are matched loosely: a story follows the flow.
import { call, choices, clockTime, el, nameOf, person, screenOf, state, take, thread, touch } from "./state.js";
import { choose, dial, sentence, showTab, write } from "./phones.js";
import { pick, word } from "./words.js";

const $ = (selector) => document.querySelector(selector);
const MOST_KEYS = 14;
const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").replace(/[ƙɗɓƁƊƘ]/g, (letter) => ({ ƙ: "k", ɗ: "d", ɓ: "b", Ɓ: "B", Ɗ: "D", Ƙ: "K" })[letter]);
const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
let play = null; // {story, step, byHand, paused, stopped, trouble, wake, hint}

class Stopped extends Error {}

export const start = () => state.stories;

export function draw() {
  const list = $("#stories");
  const key = `${document.documentElement.lang}|${state.slots.keypad}|${state.slots.staff}|${play ? [play.story.id, play.step, play.paused, play.trouble, play.byHand, play.hint, play.done].join("|") : ""}|${state.stories.length}`;
  if (list.dataset.key === key) return;
  list.dataset.key = key;
  const focused = document.activeElement?.dataset?.act, inside = list.contains(document.activeElement) ? document.activeElement.closest(".story")?.dataset.story : "";
  const first = play?.story.id ?? sessionStorage.getItem("story") ?? state.stories[0]?.id;
  list.replaceChildren(...state.stories.map((story) => card(story, story.id === first)));
  if (inside) (list.querySelector(`[data-story="${inside}"] [data-act="${focused}"]`) ?? list.querySelector(`[data-story="${inside}"] button`))?.focus();
}

function card(story, first) {
  const on = play?.story.id === story.id, node = el("li.story", { "data-story": story.id });
  node.classList.toggle("on", on);
  node.classList.toggle("first", first);
  node.append(el("h3", {}, filled(pick(story.title))), el("p.about", {}, filled(pick(story.about))));
  if (!on) {
    node.append(el("div.acts", {}, el("button.button", { type: "button", "data-act": "play", onclick: () => run(story, false) }, el("span.play", { "aria-hidden": "true" }), word("play")),
      el("button.link", { type: "button", "data-act": "hand", onclick: () => run(story, true) }, word("yourself"))));
    return node;
  }
  const total = story.steps.length, step = Math.min(play.step, total - 1);
  const say = play.done ? word("done") : `${word("of", step + 1, total)}: ${filled(pick(story.steps[step].say))}`;
  node.append(el("progress.stitch.calm", { max: total, value: play.done ? total : step + 0.5, "aria-label": filled(pick(story.title)) }), el("p.step", {}, say));
  if (play.hint) node.append(el("p.step", {}, el("b", {}, play.hint)));
  if (play.trouble) node.append(el("p.step.wrong", { role: "alert" }, word("stuck")));
  node.append(el("div.acts", {}, ...(play.done ? [] : [
    el("button.button.first", { type: "button", "data-act": "next", onclick: next }, word("next")),
    play.byHand ? null : el("button.link", { type: "button", "data-act": "pause", onclick: () => { play.paused = !play.paused; if (!play.paused) play.wake?.(); touch(); } }, word(play.paused ? "go_on" : "pause"))]),
    el("button.link", { type: "button", "data-act": "stop", onclick: stop }, word(play.done ? "close" : "stop"))));
  return node;
}

const filled = (text) => text.replace("{keypad}", nameOf(state.slots.keypad)).replace("{staff}", nameOf(state.slots.staff)).replace("*321#", state.short_code);

function next() {
  if (play.trouble) { play.trouble = false; play.skip = true; }
  if (play.byHand) play.skip = true;
  play.once = true;
  play.wake?.();
}

function stop() {
  if (play) { play.stopped = true; play.wake?.(); }
  play = null;
  mark(null);
  touch();
}

async function run(story, byHand) {
  stop();
  sessionStorage.setItem("story", story.id);
  delete document.body.dataset.story;
  const mine = play = { story, step: 0, byHand, paused: false, stopped: false, trouble: false, hint: "" };
  $("#stories").classList.remove("all");
  $("#all-stories").setAttribute("aria-expanded", "false");
  try {
    for (; mine.step < story.steps.length; mine.step += 1) {
      mine.skip = mine.once = false;
      touch();
      await beat(mine, mine.byHand ? 0.1 : 1.1);
      await perform(mine, story.steps[mine.step]);
    }
    mine.done = true;
    mine.hint = "";
    document.body.dataset.story = `${story.id} done`;
  } catch (error) {
    if (!(error instanceof Stopped)) { sentence(word("failed", error.message)); stop(); }
  }
  touch();
}

/** A pause that can be paused, ended by "next step", or stopped. */
async function beat(mine, seconds) {
  const until = Date.now() + (calm() ? Math.min(seconds, 0.3) : seconds) * 1000;
  while (mine.paused || mine.trouble || Date.now() < until) {
    if (mine.stopped) throw new Stopped();
    if (mine.once && !mine.trouble) { mine.once = false; break; }
    await new Promise((done) => { mine.wake = done; setTimeout(done, 100); });
  }
  if (mine.stopped) throw new Stopped();
}

/** Wait until `found` gives something, or the seconds are over. */
async function until(mine, seconds, found) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const value = found();
    if (value || mine.skip) return value;
    if (!mine.byHand && Date.now() > end) return null;
    if (mine.stopped) throw new Stopped();
    await new Promise((done) => { mine.wake = done; setTimeout(done, 120); });
  }
}

async function stuck(mine) {
  mine.trouble = true;
  touch();
  await beat(mine, 0);
}

async function perform(mine, step) {
  const slot = step.phone ?? mine.story.slot;
  for (const [which, who] of Object.entries(step.be ?? {})) be(which, who);
  if (slot === "keypad") state.mode = "ussd";
  showTab(slot);
  const began = newest();
  if (step.clock !== undefined) await clock(mine, step.clock);
  if (step.dial) {
    const open = state.lines[state.slots.keypad]?.open;
    await hand(mine, slot, word(open ? "do_redial" : "do_dial", state.short_code), open ? "#redial" : "#send", () => dial(), (event) => event.did === "dial");
  }
  for (const text of step.open ?? []) await say(mine, slot, text);
  if (step.answer) await answers(mine, step, slot);
  if (step.write) await say(mine, slot, fill(step.write, slot, mine));
  if (step.wait) await message(mine, step, slot, step.write ? newestBefore(mine, began) : mine.since ?? "");
  if (step.await_other) await other(mine, step);
  if (step.turn_to) { const last = state.events.filter((event) => event.kind === "message" && person(event.phone)?.staff).at(-1); if (last) choose("staff", last.phone); showTab("staff"); }
  if (step.look) { mine.hint = mine.byHand ? word("do_look") : ""; touch(); if (mine.byHand) await until(mine, 600, () => false); else await beat(mine, step.look); }
  mine.hint = "";
  mark(null);
}

const newest = () => state.events.at(-1)?.id ?? "";
const newestBefore = (mine, began) => began;
const after = (id) => (event) => !id || state.events.indexOf(event) > state.events.findIndex((one) => one.id === id);

function be(slot, who) {
  const phone = who === "first" ? state.people.find((one) => one.staff)?.phone : who;
  if (phone && person(phone) && state.slots[slot] !== phone) choose(slot, phone);
}

async function clock(mine, on) {
  mine.since ??= newest();
  if (mine.byHand && on) {
    mine.hint = word("do_fast");
    mark("#fast");
    touch();
    await until(mine, 600, () => state.switches.fast);
  } else { take(await call("switch", { name: "fast", on })); touch(); }
}

/** One doing of a hand: by itself, or wait for yours. */
async function hand(mine, slot, hint, target, act, fits) {
  if (slot === "keypad" && !mine.since) mine.since = newest();
  if (!mine.byHand) { press(target); const event = await act(); if (!event) await stuck(mine); return event; }
  mine.hint = word("you", hint);
  mark(target);
  touch();
  const from = newest(), phone = state.slots[slot];
  return until(mine, 600, () => state.events.filter(after(from)).find((event) => event.kind === "turn" && event.phone === phone && fits(event)));
}

const say = (mine, slot, text) => hand(mine, slot, word(slot === "keypad" ? "do_type" : "do_write", text), slot === "keypad" && text.length === 1 ? `[data-key="${text}"]` : tapFor(slot, text), async () => {
  const input = slot === "keypad" ? $("#entry") : $(`#write-${slot}`);
  for (let n = 1; n <= text.length; n += 1) {
    input.value = text.slice(0, n);
    if (slot === "keypad") press(`[data-key="${text[n - 1]}"]`);
    if (!calm()) await beat(mine, text.length > 4 ? 0.06 : 0.16);
  }
  input.value = "";
  return write(slot, text);
}, (event) => event.did !== "dial" && event.did !== "drop");
const tapFor = (slot, text) => (slot === "whatsapp" ? `[data-tap="${text}"]` : slot === "keypad" ? "#send" : "#write-staff");

/** Answer screen after screen by the rules of the step. */
async function answers(mine, step, slot) {
  const goal = new RegExp(step.until, "i");
  let before = null;
  for (let n = 0; n < MOST_KEYS; n += 1) {
    const screen = await until(mine, 15, () => { const now = screenOf(slot); return now && now !== before && waited(slot) ? now : ""; }) ?? screenOf(slot);
    if (mine.skip || goal.test(plain(screen))) return;
    const text = ruled(step.answer, screen, slot, mine);
    if (text === "stop") return;
    if (!text || !screen) return stuck(mine);
    await beat(mine, n && !mine.byHand ? 0.9 : 0.2);
    before = slot === "keypad" ? null : screen;
    const from = state.events.length;
    await say(mine, slot, text);
    if (slot !== "keypad") await until(mine, 15, () => state.events.slice(from).some((event) => event.kind === "message" && event.phone === state.slots[slot]));
    if (slot !== "keypad") before = null;
    if (mine.trouble) return;
  }
  return stuck(mine);
}

const waited = (slot) => slot === "keypad" || thread(state.slots[slot], slot === "whatsapp" ? "whatsapp" : "sms").at(-1)?.kind === "message";

function ruled(rules, screen, slot, mine) {
  for (const [shown, typed] of rules) {
    if (typed.startsWith("choose:")) {
      const label = new RegExp(typed.slice(7), "i"), found = choices(screen).find((one) => label.test(plain(one.label)));
      if (found) return found.key;
    } else if (new RegExp(shown, "i").test(plain(screen))) return fill(typed, slot, mine);
  }
  return "";
}

function fill(text, slot, mine) {
  const one = person(state.slots[slot]) ?? {}, tried = mine.tried ?? "";
  if (text === "{proof}") {
    const proof = (one.chosen ? one.code : String(one.born ?? "")) === tried ? (one.chosen ? String(one.born ?? "") : one.code) : one.chosen ? one.code : String(one.born ?? "");
    mine.tried = proof;
    return proof;
  }
  if (text === "{code}") one.chosen = true;
  return text.replace("{case}", one.case ?? "").replace("{last3}", (one.case ?? "").slice(-3)).replace("{born}", one.born ?? "").replace("{code}", one.code ?? "").replace("{found}", mine.found ?? "");
}

async function message(mine, step, slot, from) {
  const words = new RegExp(step.wait);
  mine.hint = mine.byHand ? word("do_wait") : "";
  touch();
  const fresh = (event) => event.kind === "message" && after(from)(event) && words.test(event.text) && person(event.phone)?.staff;
  const event = await until(mine, step.seconds ?? 20, () => state.events.filter(fresh).at(-1));
  if (!event) { if (!mine.skip) await stuck(mine); return; }
  if (state.slots.staff !== event.phone && slot === "staff") choose("staff", event.phone);
  const found = event.text.match(words);
  if (found[1]) mine.found = found[1];
  mine.last = event;
  await beat(mine, mine.byHand ? 0.2 : 2.5);
}

/** Until somebody else of the staff is told. */
async function other(mine, step) {
  const before = mine.last;
  const event = await until(mine, step.seconds, () => state.events.filter(after(before?.id ?? "")).find((one) => one.kind === "message" && person(one.phone)?.staff && one.phone !== before?.phone && /OK \d{4}/.test(one.text)));
  if (!event && !mine.skip) { take(await call("switch", { name: "fast", on: false })); await stuck(mine); }
}

function press(target) {
  const node = $(target);
  if (!node) return;
  node.classList.add("pressed");
  setTimeout(() => node.classList.remove("pressed"), 260);
}

function mark(target) {
  for (const node of document.querySelectorAll(".wanted")) node.classList.remove("wanted");
  if (target) $(target)?.classList.add("wanted");
}

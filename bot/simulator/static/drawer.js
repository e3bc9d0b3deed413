// Behind the phones: each turn's way, what was sent and its price, and who can see what.
import { call, clockTime, el, knot, nameOf, state, touch } from "./state.js";
import { word } from "./words.js";

const $ = (selector) => document.querySelector(selector);
const CHANNELS = { ussd: "USSD", sms: "SMS", whatsapp: "WhatsApp" };
const SECRET = /^\d{4}$/;
let eyesFor = "";

export function wire() {
  $("#drawer-bar").addEventListener("click", () => {
    const open = $("#drawer-bar").getAttribute("aria-expanded") !== "true";
    $("#drawer-bar").setAttribute("aria-expanded", String(open));
  });
  const tabs = [$("#tab-sent"), $("#tab-eyes")];
  const show = (name) => {
    for (const tab of tabs) {
      const mine = tab.id === `tab-${name}`;
      tab.setAttribute("aria-selected", String(mine));
      tab.tabIndex = mine ? 0 : -1;
      document.getElementById(tab.getAttribute("aria-controls")).hidden = !mine;
    }
    if (name === "eyes") { eyesFor = ""; look(); }
  };
  tabs[0].addEventListener("click", () => show("sent"));
  tabs[1].addEventListener("click", () => show("eyes"));
  for (const tab of tabs) tab.addEventListener("keydown", (event) => {
    if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
    const other = tabs.find((one) => one !== tab);
    other.click();
    other.focus();
  });
}

export function draw() {
  const turns = state.events.filter((event) => event.kind === "turn");
  $("#drawer-count").textContent = [word(turns.length === 1 ? "turns_1" : "turns_n", turns.length), ...(turns.length ? [clockTime(turns.at(-1).at, true)] : [])].join(" · ");
  drawTurns();
  drawPath();
  drawBill();
  const remarks = [["twice", "twice_on"], ["late", "late_on"]].filter(([name]) => state[name]).map(([, key]) => word(key));
  remarks.push(...[["down", "down_on"], ["fast", "fast_on"]].filter(([name]) => state.switches[name]).map(([, key]) => word(key)));
  $("#remark").textContent = remarks.join(" ");
  if (!$("#eyes").hidden) look();
}

const firstLine = (text) => text.split("\n")[0];
const what = (event) => {
  if (event.kind === "message") return event.text;
  if (event.did === "drop" || event.did === "beep") return word(`did_${event.did}`);
  const shown = event.screen ? ` → ${firstLine(event.screen)}` : "";
  if (event.did === "dial") return word("did_dial", state.short_code) + shown;
  return (SECRET.test(event.text) && event.channel !== "sms" ? "••••" : event.text) + shown;
};

function drawTurns() {
  const list = $("#turns"), events = [...state.events].reverse().slice(0, 60), key = `${events[0]?.id}|${events.length}|${chosen()?.id}|${document.documentElement.lang}`;
  if (list.dataset.key === key) return;
  list.dataset.key = key;
  list.replaceChildren(...events.map((event) => {
    const who = event.kind === "message" ? word("to", nameOf(event.phone)) : nameOf(event.phone);
    return el("li", {}, el("button", { type: "button", "aria-pressed": String(event.id === chosen()?.id), onclick: () => { state.chosen = event.id; touch(); } },
      el("time", {}, clockTime(event.at, true)), el("span", {}, el("b", {}, who), ` ${CHANNELS[event.channel] ?? word(event.channel)}`), el("span.what", {}, what(event))));
  }));
}

const chosen = () => state.events.find((event) => event.id === state.chosen) ?? state.events.filter((event) => event.kind === "turn").at(-1);

function drawPath() {
  const event = chosen(), node = $("#path");
  if (!event) { node.replaceChildren(el("p.nothing", {}, word("pick"))); return; }
  const detail = state.details[event.id];
  if (event.kind === "turn" && (!detail || !detail.journal && !detail.away && Date.now() - event.at < 20000)) load(event);
  const key = `${event.id}|${JSON.stringify(detail ?? null)}|${document.documentElement.lang}`;
  if (node.dataset.key === key) return;
  node.dataset.key = key;
  node.replaceChildren(event.kind === "message" ? messagePath(event) : turnPath(event, detail));
}

const step = (done, title, side, ...rest) => el(done ? "li" : "li.coming", {}, knot(done), el("p.title", {}, title, el("span", {}, side ?? "")), ...rest);

function turnPath(event, detail) {
  const form = event.form.map(([name, value], n) => `${n ? "&" : ""}${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join("\n");
  const good = event.status === 200, trace = event.trace ?? {}, ms = (us) => (us == null ? "–" : (us / 1000).toFixed(2));
  const items = [step(good, word(good ? "hook" : "refused", good ? event.proof : `HTTP ${event.status}`), `${event.took} ms`, el("pre", {}, `POST ${event.path}\n${form}`))];
  if (event.did === "beep") items[0].append(el("pre", {}, event.body));
  if (event.times > 1) items[0].append(el("p", {}, word(event.same ? "times_same" : "times_other")));
  const timed = trace.load_us != null;
  items.push(step(good, word("steps"), timed ? `${ms(trace.load_us + (trace.step_us ?? 0) + (trace.commit_us ?? 0))} ms` : "",
    el("p", {}, timed ? word("calls", ms(trace.load_us), ms(trace.step_us), ms(trace.commit_us)) : word("no_trace"), trace.after ? ` · ${trace.before || "–"} → ${trace.after}` : "")));
  const journal = detail?.journal, effects = journal?.effects ?? trace.effects ?? [];
  if (!journal) return el("ol", {}, ...items, step(false, word(detail?.away ? "away" : "coming"), "", ...(effects.length ? [el("p", {}, el("code", {}, effects.join(", ")))] : [])));
  const typed = journal.text ? word("typed", journal.text) : event.text ? word("secret") : word("nothing_typed");
  items.push(step(true, word(effects.length === 1 ? "journal" : "journals", effects.length), word("recorded"),
    el("p", {}, `${journal.before || "–"} → ${journal.after || "–"} · ${typed}`),
    ...(effects.length ? [el("p", {}, el("code", {}, effects.join(", ")))] : []),
    ...(journal.replies.length ? [el("p", {}, word("said", journal.replies.map(([name]) => name).join(", ")))] : [])));
  return el("ol", {}, ...items);
}

function messagePath(event) {
  const size = event.size;
  return el("ol", {}, step(true, `${word("to", nameOf(event.phone))} · ${CHANNELS[event.channel]} · ${event.gateway}`, clockTime(event.at, true),
    el("pre", {}, event.text), el("p", {}, `${size.encoding} · ${size.units} / ${size.limit} · ${size.parts} · ≈ ${size.price} F`)));
}

const loading = new Map();
export function load(event) {
  if (Date.now() - (loading.get(event.id) ?? 0) < 900) return;
  loading.set(event.id, Date.now());
  call(`turns/${event.id}`).then((detail) => { state.details[event.id] = detail; touch(); }).catch(() => loading.set(event.id, Infinity));
}

function drawBill() {
  const body = $("#bill"), rows = state.events.filter((event) => event.kind === "message" || event.did === "beep" || event.screen != null && event.final).reverse().slice(0, 12);
  const key = `${rows[0]?.id}|${rows.length}|${document.documentElement.lang}`;
  if (body.dataset.key === key) return;
  body.dataset.key = key;
  if (!rows.length) { body.replaceChildren(el("tr", {}, el("td", { colspan: 5 }, word("no_bill")))); return; }
  body.replaceChildren(...rows.map((event) => {
    if (event.did === "beep") return row(nameOf(event.phone), word("did_beep"), "–", 0, 0, 0);
    if (event.kind === "turn") return row(nameOf(event.phone), "USSD: " + firstLine(event.screen), event.size.encoding, event.size.units, 0, 0);
    return row(nameOf(event.phone), event.text, event.size.encoding, event.size.units, event.channel === "sms" ? event.size.parts : 0, event.size.price);
  }));
}

const row = (who, text, encoding, units, parts, price) => el("tr", {}, el("td", {}, el("b", {}, who), ` ${text.length > 62 ? text.slice(0, 60).trimEnd() + "…" : text}`),
  el("td", {}, encoding), el("td", {}, units), el("td", {}, parts), el("td", {}, price ? `≈ ${price} F` : "0 F"));

function look() {
  const key = `${state.slots.keypad}|${state.events.at(-1)?.id}|${document.documentElement.lang}`;
  if (eyesFor === key) return;
  eyesFor = key;
  call("eyes", { phone: state.slots.keypad }).then(({ eyes }) => {
    const language = document.documentElement.lang;
    $("#eyes").replaceChildren(...eyes.map((eye) => el("section.eye", {}, el("h3", {}, eye.who[language]), el("p.small", {}, eye.how[language]),
      el("ul", {}, ...eye.sees.map((line) => el("li", {}, typeof line === "string" ? line : line[language])), ...eye.not.map((line) => el("li.not", {}, line[language]))))));
  }).catch(() => { eyesFor = ""; });
}

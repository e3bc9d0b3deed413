// The three phones: what they show, and what a hand does on them.
import { add, call, choices, clockTime, el, nameOf, person, pretty, screenOf, state, thread, touch } from "./state.js";
import { locale, word } from "./words.js";

const $ = (selector, root = document) => root.querySelector(selector);
const CHANNEL = { whatsapp: "whatsapp", staff: "sms" };
const shown = {}; // what stands in a thread now, so that only news are announced
let fetchEnglish = () => "";

export const sentence = (text) => { $("#say").textContent = text; clearTimeout(sentence.timer); sentence.timer = setTimeout(() => { $("#say").textContent = ""; }, 7000); };

/** Send what a hand did; shows a failure in a sentence. */
async function act(path, body) {
  const twice = state.twice, late = state.late && path === "sms";
  if (state.late && body.do === "type") sentence(word("late_ussd"));
  try {
    const answer = await call(path, { ...body, twice, late });
    add(answer.event);
    if (answer.line) state.lines[body.phone] = answer.line;
    state.twice = false;
    if (late) state.late = false;
    state.chosen = "";
    touch();
    document.dispatchEvent(new CustomEvent("turn", { detail: answer.event }));
    return answer.event;
  } catch (error) {
    sentence(error instanceof TypeError ? word("lost") : word("failed", error.message));
    return null;
  }
}

export const dial = () => { state.mode = "ussd"; return act("ussd", { phone: state.slots.keypad, do: "dial" }); };
export const beep = () => { state.mode = "ussd"; return act("voice", { phone: state.slots.keypad }); };
export const drop = () => act("ussd", { phone: state.slots.keypad, do: "drop" });
export const write = (slot, text, payload = "") => {
  const phone = state.slots[slot];
  if (slot === "keypad" && state.mode === "ussd") return state.lines[phone]?.open ? act("ussd", { phone, do: "type", text }) : dial();
  return act(slot === "whatsapp" ? "whatsapp" : "sms", { phone, text, payload });
};

export function choose(slot, phone) {
  state.slots[slot] = phone;
  sessionStorage.setItem("slots", JSON.stringify(state.slots));
  touch();
}

export function showTab(slot, focus = false) {
  state.tab = slot;
  for (const node of document.querySelectorAll(".slot")) node.classList.toggle("chosen", node.dataset.slot === slot);
  for (const node of document.querySelectorAll(".phone-tabs [role=tab]")) {
    const mine = node.dataset.slot === slot;
    node.setAttribute("aria-selected", String(mine));
    node.tabIndex = mine ? 0 : -1;
    if (mine && focus) node.focus();
  }
  touch();
  if (slot !== "keypad") toEnd($(`#slot-${slot} .thread`));
}

export function wire(english) {
  fetchEnglish = english;
  for (const slot of ["keypad", "whatsapp", "staff"]) $(`#who-${slot}`).addEventListener("change", (event) => choose(slot, event.target.value));
  const entry = $("#entry");
  const submit = () => { const text = entry.value.trim(); entry.value = ""; if (text === state.short_code) dial(); else if (text || state.mode === "ussd" && !state.lines[state.slots.keypad]?.open) write("keypad", text); };
  $(".lcd").addEventListener("submit", (event) => { event.preventDefault(); submit(); });
  $("#send").addEventListener("click", submit);
  $("#beep").addEventListener("click", beep);
  $("#cancel").addEventListener("click", () => { if (entry.value) entry.value = ""; else if (state.mode === "ussd" && state.lines[state.slots.keypad]?.open) drop(); });
  $(".keys").addEventListener("click", (event) => { const key = event.target.closest("[data-key]"); if (key) entry.value += key.dataset.key; });
  for (const node of document.querySelectorAll("[data-mode]")) node.addEventListener("click", () => { state.mode = node.dataset.mode; touch(); });
  for (const slot of ["whatsapp", "staff"]) {
    $(`#slot-${slot} form`).addEventListener("submit", (event) => {
      event.preventDefault();
      const input = $(`#write-${slot}`), text = input.value.trim();
      input.value = "";
      if (text) write(slot, text);
    });
  }
  $(".phone-tabs").addEventListener("click", (event) => { const tab = event.target.closest("[role=tab]"); if (tab) showTab(tab.dataset.slot); });
  $(".phone-tabs").addEventListener("keydown", (event) => {
    const slots = ["keypad", "whatsapp", "staff"], step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) showTab(slots[(slots.indexOf(state.tab) + step + 3) % 3], true);
  });
}

export function draw() {
  for (const slot of ["keypad", "whatsapp", "staff"]) drawHead(slot);
  drawKeypad();
  drawThread("whatsapp", $("#slot-whatsapp .thread"), word("no_chat"));
  drawTaps();
  drawThread("staff", $("#slot-staff .thread"), word("no_alert"));
  drawPockets();
  drawAbsent();
  drawTabs();
}

function drawHead(slot) {
  const select = $(`#who-${slot}`), people = state.people.filter((one) => one.staff === (slot === "staff"));
  const key = people.map((one) => one.phone).join();
  if (select.dataset.key !== key) {
    select.dataset.key = key;
    select.replaceChildren(...people.map((one) => el("option", { value: one.phone }, one.name + (one.staff ? ` (${one.about})` : one.about ? ` (${one.language}, ${one.about})` : ""))));
  }
  select.value = state.slots[slot];
  const option = select.selectedOptions[0];
  for (const one of select.options) one.textContent = one === option ? nameOf(one.value) : person(one.value).name + ` (${[person(one.value).staff ? "" : person(one.value).language, person(one.value).about].filter(Boolean).join(", ")})`;
  const where = $(`#slot-${slot} .where`), one = person(state.slots[slot]);
  if (slot === "staff") where.textContent = one?.duty.length ? word("on_duty_for", one.duty.slice(0, 3).join(", ")) : word("not_on_duty");
  else where.textContent = state.slots[slot] ? `${pretty(state.slots[slot])} · ${slot === "keypad" ? word("keypad") : "WhatsApp"}` : "";
}

function drawKeypad() {
  const phone = state.slots.keypad, line = state.lines[phone] ?? {}, screen = $("#screen");
  for (const node of document.querySelectorAll("[data-mode]")) node.setAttribute("aria-pressed", String(node.dataset.mode === state.mode));
  const unread = news(phone, "sms").length, sms = $("[data-mode=sms]");
  sms.textContent = unread && state.mode !== "sms" ? `SMS (${unread})` : "SMS";
  $("#drop").disabled = !(state.mode === "ussd" && line.open);
  $("#beep").disabled = Boolean(line.open);
  if (state.mode === "sms") {
    drawThread("keypad", screen, word("no_sms"));
    $("#line").textContent = state.sender;
    const last = thread(phone, "sms").filter((event) => event.kind === "message").at(-1);
    return gauge(last?.size, last);
  }
  shown.keypad = "";
  const turn = state.events.filter((event) => event.phone === phone && (event.channel === "ussd" || event.channel === "voice") && event.did !== "drop").at(-1);
  const beeped = turn?.did === "beep" && turn.status === 200;
  let text = line.screen ?? "";
  if (!turn) text = word("to_dial", state.short_code);
  else if (beeped) text = `${word("beeped")}\n\n${word("to_dial", state.short_code)}`;
  else if (turn.screen == null) text = turn.status ? word("no_answer", turn.status) : word("nobody");
  else if (line.dropped) text = "";
  const key = `${phone}|${turn?.id}|${line.open}|${line.dropped}|${locale()}|${state.english}|${state.details[turn?.id]?.english ?? ""}`;
  if (screen.dataset.key !== key) {
    screen.dataset.key = key;
    screen.replaceChildren(el("span", { lang: turn?.screen ? person(phone)?.language : locale() }, text));
    if (turn && !line.open && turn.screen != null) screen.append(el("span.gone", { lang: locale() }, `${text ? "\n\n" : ""}${word(line.dropped ? "dropped_now" : "closed_now")} ${word("to_dial", state.short_code)}`));
    if (state.english && turn?.screen) { const english = fetchEnglish(turn); if (english) screen.append(el("p.english", { lang: "en" }, english)); }
    screen.scrollTop = 0;
  }
  gauge(line.screen != null && !line.dropped && !beeped ? line.size : null, null);
}

export function drawLine() {
  const line = state.lines[state.slots.keypad] ?? {};
  if (state.mode !== "ussd") return;
  const seconds = Math.max(0, Math.floor(Date.now() / 1000 - (line.opened ?? 0)));
  const text = line.open ? word("open", `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`) : line.dropped ? word("dropped") : word("closed");
  if ($("#line").textContent !== text) $("#line").textContent = text;
}

function gauge(size, message) {
  const units = size?.units ?? 0, limit = size?.limit ?? 160;
  $("#septets").textContent = units;
  $("#of").textContent = word("septets_of", limit);
  $("#encoding").textContent = message ? `${size.encoding} · ${size.parts} SMS` : word("screen1", size?.encoding ?? "GSM-7");
  $("#fill").max = limit;
  $("#fill").value = Math.min(units, limit);
  $(".gauge").classList.toggle("over", units > limit);
}

function drawThread(slot, node, empty) {
  const phone = state.slots[slot], channel = CHANNEL[slot] ?? "sms", events = thread(phone, channel);
  const key = `${phone}|${locale()}|${state.english}|${slot}`;
  if (shown[slot] !== key || node.dataset.key !== slot) {
    shown[slot] = key;
    node.dataset.key = slot;
    node.replaceChildren();
  }
  if (!events.length) { if (!node.children.length) node.append(el("p.nothing", {}, empty)); return; }
  $(".nothing", node)?.remove();
  const have = new Set([...node.children].map((child) => child.dataset.id));
  let grown = false;
  events.forEach((event, n) => {
    const old = have.has(event.id);
    if (old && !(state.english && !$(`[data-id="${event.id}"] .english`, node))) return;
    const fresh = bubble(event, slot, events[n - 1]);
    if (old) $(`[data-id="${event.id}"]`, node).replaceWith(fresh);
    else { if (slot !== "keypad" && !node.children.length) node.append(day(event)); node.append(fresh); grown = true; }
  });
  if (grown) toEnd(node);
}

/** After everything around the thread has its height. */
const toEnd = (node) => requestAnimationFrame(() => { node.scrollTop = node.scrollHeight; });

const day = (event) => el("p.day", { lang: "fr" }, new Date(event.at).toLocaleDateString("fr-FR", { timeZone: "Africa/Niamey", weekday: "long", day: "numeric", month: "long" }));
const MASKED = /^\d{4}$/;

function bubble(event, slot, before) {
  const mine = event.kind === "turn", one = person(event.phone);
  const hidden = mine && slot !== "staff" && MASKED.test(event.text) && /code|lamba/i.test(before?.text ?? "");
  const node = el("div.bubble", { "data-id": event.id, lang: one?.language ?? "fr" });
  if (mine) node.classList.add("mine");
  if (slot === "staff" && /CRITI|TSANANI/.test(event.text)) node.classList.add("critical");
  node.append(...(mine ? [hidden ? "••••" : event.text] : body(event.text, slot)));
  const size = event.size, cost = mine ? (event.status === 200 ? (locale() === "fr" ? "envoyé" : "sent") : word("no_answer", event.status)) : size && event.channel === "sms" ? word(size.encoding === "GSM-7" ? "sms_n" : "sms_u", size.units, size.parts) : "";
  node.append(el("span.meta", { lang: locale() }, [clockTime(event.at), event.late ? "− 2 h" : "", cost].filter(Boolean).join(" · ")));
  if (state.english && !mine) { const english = fetchEnglish(event); if (english) node.append(el("span.english", { lang: "en" }, english)); }
  return node;
}

/** Codes that are answered become buttons that fill the answer. */
function body(text, slot) {
  if (slot !== "staff") return [text];
  return text.split(/((?:OK|NON|NO|A'A)\s\d{4}[.,]?)/).map((part) => {
    const found = part.match(/^((?:OK|NON|NO|A'A)\s\d{4})([.,]?)$/);
    if (!found) return part;
    return el("span.whole", {}, el("button.fill-code", { type: "button", onclick: () => { $("#write-staff").value = found[1]; $("#write-staff").focus(); } }, found[1]), found[2]);
  });
}

function drawTaps() {
  const node = $(".taps"), last = thread(state.slots.whatsapp, "whatsapp").at(-1);
  const key = last?.kind === "message" ? last.id : "";
  if (node.dataset.key === key + state.slots.whatsapp) return;
  node.dataset.key = key + state.slots.whatsapp;
  const found = key ? last.buttons?.map((one) => ({ label: one.title, payload: one.payload })) ?? choices(last.text) : [];
  node.replaceChildren(...found.map((one) => el("button.tap", { type: "button", "data-tap": one.key ?? one.payload, lang: "fr",
    onclick: () => write("whatsapp", one.payload ? one.label : one.key, one.payload ?? "") }, one.label)));
  toEnd($("#slot-whatsapp .thread"));
}

/** Messages of a phone that nobody has looked at yet. */
export const news = (phone, channel) => thread(phone, channel).filter((event) => event.kind === "message" && event.fresh && !((state.seen[phone] ?? "") >= event.id));

function drawPockets() {
  const node = $(".pockets"), staff = state.people.filter((one) => one.staff && (thread(one.phone, "sms").length || one.phone === state.slots.staff));
  const key = staff.map((one) => `${one.phone}${news(one.phone, "sms").length}`).join() + state.slots.staff + locale();
  if (node.dataset.key === key) return;
  node.dataset.key = key;
  node.replaceChildren(...(staff.length < 2 ? [] : staff.map((one) => {
    const count = one.phone === state.slots.staff ? 0 : news(one.phone, "sms").length;
    return el(count ? "button.lit" : "button", { type: "button", "data-staff": one.phone, "aria-pressed": String(one.phone === state.slots.staff), onclick: () => choose("staff", one.phone) },
      count ? `${one.first}: ${word(count > 1 ? "new_alerts" : "new_alert", count)}` : one.first);
  })));
}

function drawAbsent() {
  const node = $(".absent"), alert = thread(state.slots.staff, "sms").filter((event) => event.kind === "message" && /OK\s\d{4}/.test(event.text)).at(-1);
  node.hidden = !alert;
  if (!alert) return;
  const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase(), text = plain(alert.text);
  const bad = [...state.people.filter((one) => !one.staff && (text.includes(plain(one.first)) || text.includes(one.phone) || one.case && text.includes(one.case))).map((one) => one.first), ...(alert.text.match(/\+?\d{8,}/g) ?? [])];
  node.replaceChildren(el("b", {}, word(bad.length ? "present" : "absent")), ` ${bad.length ? bad.join(", ") : word("absent_what")}`);
}

function drawTabs() {
  for (const slot of ["keypad", "whatsapp", "staff"]) {
    const tab = $(`#tab-${slot}`), phone = state.slots[slot];
    $("b", tab).textContent = nameOf(phone);
    const alerts = slot === "staff" ? state.people.filter((one) => one.staff).reduce((sum, one) => sum + news(one.phone, "sms").length, 0) : news(phone, CHANNEL[slot] ?? "sms").length;
    const label = slot === "staff" ? (alerts ? word(alerts > 1 ? "new_alerts" : "new_alert", alerts) : word("on_duty")) : alerts ? word("new_msg", alerts) : slot === "keypad" ? word("keypad") : "WhatsApp";
    $("span", tab).textContent = label;
    tab.classList.toggle("lit", slot === "staff" && alerts > 0);
  }
}

export const current = screenOf;

// What the page knows, and the way to the server. The server composes and signs the hooks.
export const state = {
  people: [], stories: [], lines: {}, events: [], short_code: "", sender: "", whatsapp: "",
  slots: { keypad: "", whatsapp: "", staff: "" }, mode: "ussd", tab: "keypad",
  twice: false, late: false, english: false, switches: {}, clock: { offset: 0 },
  seen: {}, chosen: "", details: {}, cursor: "",
};
const changed = [];
const known = new Set();

/** Called after every change that can be seen. */
export const onChange = (call) => changed.push(call);
export const touch = () => changed.forEach((call) => call());

const order = (id) => id.split("-").map(Number);
const later = (a, b) => { const [x, y] = [order(a.id), order(b.id)]; return x[0] - y[0] || x[1] - y[1]; };

export function add(event) {
  if (known.has(event.id)) return false;
  known.add(event.id);
  state.events.push(event);
  state.events.sort(later);
  return true;
}

export function take(news) {
  const fresh = (news.events ?? []).filter(add);
  const last = (news.events ?? []).at(-1);
  if (last) state.cursor = last.id;
  if (news.clock) state.clock = news.clock;
  if (news.switches) state.switches = news.switches;
  return fresh;
}

/** POST (with `body`) or GET; throws an Error with a sentence for the page. */
export async function call(path, body) {
  const options = body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(`/simulator/api/${path}`, { cache: "no-store", ...options });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.error ?? `HTTP ${response.status}`);
  return answer;
}

export const person = (phone) => state.people.find((one) => one.phone === phone);
export const nameOf = (phone) => person(phone)?.first ?? pretty(phone);
export const pretty = (phone) => phone.replace(/^\+227(\d\d)(\d\d)(\d\d)(\d\d)$/, "+227 $1 $2 $3 $4").replace(/^\+1(\d{3})(\d{3})(\d{4})$/, "+1 $1 $2 $3");
/** What a phone has in its message box or thread. */
export const thread = (phone, channel) => state.events.filter((event) => event.phone === phone && event.channel === channel && event.did !== "drop");
export const screenOf = (slot) => {
  const phone = state.slots[slot];
  if (slot === "keypad" && state.mode === "ussd") return state.lines[phone]?.screen ?? "";
  return thread(phone, slot === "whatsapp" ? "whatsapp" : "sms").filter((event) => event.kind === "message").at(-1)?.text ?? "";
};
export const clockTime = (at, seconds = false) => new Date(at).toLocaleTimeString("fr-FR", { timeZone: "Africa/Niamey", hour: "2-digit", minute: "2-digit", ...(seconds ? { second: "2-digit" } : {}) });

/** Choices of a screen or message: lines or words that begin with a number. */
export function choices(text) {
  const found = [];
  for (const line of text.split("\n")) {
    const whole = line.match(/^\s*(\d{1,2})[.):]?\s+(\S.*)$/);
    if (!whole) continue;
    for (const part of line.trim().split(/\s+(?=\d{1,2}\s+[A-ZÀ-Ý])/)) {
      const one = part.match(/^(\d{1,2})[.):]?\s+(.+)$/);
      if (one) found.push({ key: one[1], label: one[2].trim() });
    }
  }
  return found;
}

/** Make an element: el("p.small", {title: "x"}, "text", child). */
export function el(kind, attributes = {}, ...children) {
  const [tag, ...classes] = kind.split(".");
  const node = document.createElement(tag);
  if (classes.length) node.className = classes.join(" ");
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child != null && child !== ""));
  return node;
}

const TICK = '<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="m4 12.5 5.5 5.5L20 7"/></svg>';
export const knot = (done) => { const node = el(`span.knot.${done ? "answered" : "next"}`); if (done) node.innerHTML = TICK; return node; };

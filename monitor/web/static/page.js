// Follows the status and draws it. One message a second; a lost connection is said, never hidden.

import { Chart, ticks } from "./charts.js";
import { NAMES, byId, chosen, clock, count, h, percent, power, say, words } from "./dom.js";
import { morph } from "./morph.js";
import { operate } from "./operate.js";
import { tiles } from "./tiles.js";

const ROUTES = ["model", "fallback", "human", "refuse"];
const PARTS = ["figures", "diagram", "bar", "tree", "canary", "gaps", "queue", "answerers", "reasons", "moved", "history", "decisions", "counts"];
const SILENT_AFTER = 6000;
const charts = {};
let latest = null;
let heard = 0;
let spokenState = "";

function draw(st) {
  latest = st;
  heard = Date.now();
  document.body.dataset.tone = st.tone;
  say(byId("headline"), st.headline);
  say(byId("detail"), st.detail);
  say(byId("pace"), `${count(st.events_per_second)} requests/s`);
  link("live", `live, ${clock(st.now)} UTC`);
  tiles(st.demo, st.act);
  operate(st);
  speak(st);
  // until there is something to draw, the server's own pictures stand there
  for (const id of ["errors", "evidence", "routes"]) charts[id] ??= new Chart(byId(id));
  const marks = timeline(st);
  errors(st, marks);
  evidence(st, marks);
  routes(st, marks);
  say(byId("reasons-hint"), st.shares.n ? `The last ${count(st.shares.n)} requests.` : "");
}

/** What the server has drawn anew. */
function redraw(parts) {
  for (const [id, html] of Object.entries(parts)) morph(byId(id), html);
}

function speak(st) {
  const state = byId("diagram").querySelector("[data-state]")?.dataset.state;
  if (!state) return;
  const name = st.tone === "unknown" ? "unknown" : words(state);
  document.title = `${name === "closed" ? "" : `${name.toUpperCase()} · `}${st.model} · Holdback`;
  // the headline's numbers change all the time; only a change of state is worth interrupting a reader for
  if (name !== spokenState) say(byId("spoken"), `Breaker ${name}. ${st.headline}`);
  spokenState = name;
}

function timeline(st) {
  const times = [st.evidence.time, st.routes.time, st.errors.time].filter((t) => t.length > 0);
  const from = Math.min(...times.map((t) => t[0]));
  const to = Math.max(...times.map((t) => t[t.length - 1]));
  return {
    span: times.length ? [from, Math.max(to, from + 10)] : [st.now - 10, st.now],
    marks: st.steps.filter((step) => !step.segment).map((step) => ({ time: step.time, name: words(step.to).toUpperCase(), look: "" })),
    flags: st.alarms.filter((a) => a.level !== "epoch").map((a) => ({ time: a.time, look: `c-${a.level}` })),
  };
}

function errors(st, { span, marks }) {
  const e = st.errors;
  const last = (values) => percent(values[values.length - 1]);
  const highest = Math.max(2 * st.max_error, ...e.alone, ...e.accepted, ...e.answered) * 1.08;
  const max = Math.min(1, highest);
  charts.errors.update({
    times: e.time, span, marks, flags: [],
    layers: [
      { kind: "band", low: e.low, high: e.high, look: "soft c-accepted" },
      { kind: "line", values: e.alone, look: "thin dashes c-alone", name: "model alone", value: last(e.alone) },
      { kind: "line", values: e.answered, look: "thin c-answered", name: "what callers got", value: last(e.answered) },
      { kind: "line", values: e.accepted, look: "c-accepted", name: "accepted from the model", value: last(e.accepted) },
    ],
    levels: [{ at: st.max_error, name: `promise ${chosen(st.max_error)}` }],
    y: { min: 0, max, ticks: ticks(0, max), format: chosen },
    label: `Wrong answers over time. Accepted: ${last(e.accepted)}, promise ${chosen(st.max_error)}, model alone: ${last(e.alone)}, callers: ${last(e.answered)}.`,
    read: (i) => [`accepted ${percent(e.accepted[i])} (${percent(e.low[i])} to ${percent(e.high[i])})`, `model alone ${percent(e.alone[i])}`, `callers got ${percent(e.answered[i])}`],
  });
}

function evidence(st, { span, marks, flags }) {
  const e = st.evidence;
  const level = e.level[e.level.length - 1] ?? 4;
  const [harm, warning] = [e.harm, e.warning].map((v) => v[v.length - 1] ?? null);
  const highest = Math.max(level, ...e.harm, ...e.warning);
  // beyond three times the level a line only says "certain"; pinning it there keeps the rise towards the level readable
  const max = Math.min(highest, 3 * level) * 1.12;
  const lowest = Math.max(-2, Math.min(0, ...e.harm, ...e.warning));
  charts.evidence.update({
    times: e.time, span, marks, flags,
    layers: [
      { kind: "line", values: e.warning, look: "c-warning", name: "inputs and outputs (warning)", value: power(warning) },
      { kind: "line", values: e.harm, look: "c-harm", name: "errors and harm (page)", value: power(harm) },
    ],
    levels: [{ at: level, name: `alarm level ${power(level)}` }],
    y: { min: lowest, max, ticks: ticks(lowest, max).filter((v) => Number.isInteger(v)), format: power },
    label: `Evidence over time. Warning: ${power(warning)}, harm: ${power(harm)}, alarm level ${power(level)}. ${flags.length} alarms.`,
    read: (i) => [`warning 10^${e.warning[i].toFixed(1)}`, `harm 10^${e.harm[i].toFixed(1)}`, `alarm level 10^${e.level[i].toFixed(1)}`, `event ${count(e.event[i])}`],
  });
}

function routes(st, { span, marks }) {
  const r = st.routes;
  const wholes = r.time.map((_, i) => ROUTES.reduce((sum, name) => sum + r[name][i], 0));
  const share = (name, i) => (wholes[i] ? r[name][i] / wholes[i] : 0);
  let below = r.time.map(() => 0);
  const layers = ROUTES.map((name) => {
    const low = below.map((v, i) => (wholes[i] ? v : null));
    below = below.map((v, i) => v + share(name, i));
    const high = below.map((v, i) => (wholes[i] ? v : null));
    return { kind: "area", low, high, look: `solid c-${name}`, name: NAMES[name], value: st.shares.n ? percent(st.shares[name], 0) : "" };
  });
  charts.routes.update({
    times: r.time, span, marks, flags: [], layers, levels: [],
    y: { min: 0, max: 1, ticks: [0, 0.25, 0.5, 0.75, 1], format: (v) => percent(v, 0) },
    label: `Who answered, over time. Lately: ${ROUTES.map((name) => `${NAMES[name]} ${percent(st.shares[name], 0)}`).join(", ")}.`,
    read: (i) => [...ROUTES.map((name) => `${NAMES[name]} ${percent(share(name, i), 0)}`), `${count(wholes[i])} requests`],
  });
}

function link(state, text) {
  byId("link").dataset.link = state;
  say(byId("link-words"), text);
}

/** Streams while it may; where no stream is to be had, asks for the page. */
function follow() {
  const source = new EventSource("/api/v1/stream");
  source.addEventListener("parts", (message) => redraw(JSON.parse(message.data)));
  source.onmessage = (message) => draw(JSON.parse(message.data));
  source.onerror = () => {
    if (source.readyState !== EventSource.CLOSED) return;
    source.close();
    ask();
    setTimeout(follow, 5000);
  };
}

async function ask() {
  try {
    const [status, page] = await Promise.all([fetch("/api/v1/status"), fetch("/")]);
    if (!status.ok || !page.ok) return;
    const drawn = new DOMParser().parseFromString(await page.text(), "text/html");
    redraw(Object.fromEntries(PARTS.map((id) => [id, drawn.getElementById(id).innerHTML])));
    draw(await status.json());
  } catch {
    // the watch below says that nothing is heard
  }
}

setInterval(() => {
  if (Date.now() - heard < SILENT_AFTER) return;
  link("lost", latest ? `no connection; this is the picture of ${clock(latest.now)} UTC` : "no connection");
}, 1000);

byId("demo-key").replaceChildren(...ROUTES.map((name) => h("li", null, h("span", { class: `swatch block c-${name}`, "aria-hidden": "true" }), NAMES[name])));
document.documentElement.classList.add("live");
follow();

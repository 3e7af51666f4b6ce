// Follows the status and draws it. One message a second; a lost connection is said, never hidden.

import { Chart, ticks } from "./charts.js";
import { NAMES, byId, chosen, clock, count, h, percent, power, present, say, show, words } from "./dom.js";
import { operate } from "./operate.js";
import * as parts from "./parts.js";

const ROUTES = ["model", "fallback", "human", "refuse"];
const SILENT_AFTER = 6000;
const charts = Object.fromEntries(["errors", "evidence", "routes"].map((id) => [id, new Chart(byId(id))]));
let latest = null;
let heard = 0;
let spokenState = "";

function draw(st) {
  latest = st;
  present.time = st.stream_time ?? st.now;
  heard = Date.now();
  document.body.dataset.tone = st.tone;
  say(byId("headline"), st.headline);
  say(byId("detail"), st.detail);
  say(byId("pace"), `${count(st.events_per_second)} requests/s`);
  link("live", `live, ${clock(st.now)} UTC`);
  show(byId("figures"), [st.accepted_lately, st.alone_lately, st.answered_lately, st.shares, st.counts.pages], () => parts.figures(st));
  parts.tiles(st.demo);
  if (st.versions.length > 0) breaker(st);
  operate(st);
  const marks = timeline(st);
  errors(st, marks);
  evidence(st, marks);
  routes(st, marks);
  say(byId("reasons-hint"), st.shares.n ? `The last ${count(st.shares.n)} requests.` : "");
  show(byId("reasons"), st.reasons, parts.reasons);
  byId("segments-card").hidden = st.segments.length === 0;
  show(byId("segments"), st.segments, parts.segments);
  show(byId("gaps"), st.gaps, parts.gaps);
  show(byId("moved"), st.alarms, parts.moved);
  show(byId("history"), st.steps, parts.history);
  show(byId("decisions"), st.decisions, parts.decisions);
  show(byId("counts"), [st.counts, st.patched], () => parts.counts(st));
}

function breaker(st) {
  const version = parts.worst(st.versions);
  show(byId("diagram"), [version.version, version.state, version.health, st.steps[0] ?? null], () => parts.diagram(version, st.steps));
  show(byId("verdict"), version, parts.verdict);
  show(byId("versions"), st.versions, parts.versions);
  show(byId("canary"), st.canary, parts.canary);
  const state = version.health === "blind" ? "unknown" : words(version.state);
  document.title = `${state === "closed" ? "" : `${state.toUpperCase()} · `}${st.model} · Holdback`;
  // the headline's numbers change all the time; only a change of state is worth interrupting a reader for
  if (state !== spokenState) say(byId("spoken"), `Breaker ${state}. ${st.headline}`);
  spokenState = state;
}

function timeline(st) {
  const times = [st.evidence.time, st.routes.time, st.errors.time].filter((t) => t.length > 0);
  const from = Math.min(...times.map((t) => t[0]));
  const to = Math.max(...times.map((t) => t[t.length - 1]));
  return {
    span: times.length ? [from, Math.max(to, from + 10)] : [st.now - 10, st.now],
    marks: st.steps.map((step) => ({ time: step.time, name: words(step.to).toUpperCase(), look: "" })),
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
  say(byId("error-hint"), `Over the last ${count(st.rolling_over)} known outcomes, as they come in. The band is the 95 % interval of the accepted answers.`);
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

/** Streams while it may; where no stream is to be had, asks. */
function follow() {
  const source = new EventSource("/api/v1/stream");
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
    const response = await fetch("/api/v1/status");
    if (response.ok) draw(await response.json());
  } catch {
    // the watch below says that nothing is heard
  }
}

setInterval(() => {
  if (Date.now() - heard < SILENT_AFTER) return;
  link("lost", latest ? `no connection; this is the picture of ${clock(latest.now)} UTC` : "no connection");
}, 1000);

byId("demo-key").replaceChildren(...ROUTES.map((name) => h("li", null, h("span", { class: `swatch block c-${name}`, "aria-hidden": "true" }), NAMES[name])));
ask();
follow();

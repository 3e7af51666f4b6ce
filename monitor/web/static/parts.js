// The parts that are not charts: the breaker's diagram, its verdict, what moved, the demo's tiles, the tables.

import { NAMES, age, byId, chosen, count, h, percent, power, s, say, stamp, words } from "./dom.js";

const NODES = {
  closed: [60, 96, "CLOSED"], degraded: [200, 26, "DEGRADED"], open: [340, 96, "OPEN"], half_open: [200, 166, "HALF-OPEN"],
  forced_closed: [60, 200, "HELD CLOSED"], forced_open: [340, 200, "HELD OPEN"],
};
const EDGES = {
  "closed degraded": "M70 76Q82 42 142 30", "degraded closed": "M142 18Q56 22 50 76", "degraded open": "M258 26Q318 34 334 76",
  "closed open": "M114 96H286", "open half_open": "M346 116Q340 156 258 168", "half_open open": "M258 158Q302 150 322 116",
  "half_open closed": "M142 168Q66 158 56 116", "half_open degraded": "M200 146V46",
};
const TONES = { closed: "good", degraded: "watch", half_open: "watch", open: "bad", forced_open: "bad", forced_closed: "watch" };
export const SEVERITY = ["closed", "forced_closed", "degraded", "half_open", "open", "forced_open"];

export function worst(versions) {
  const rank = (v) => (v.health === "blind" ? 10 : 0) + SEVERITY.indexOf(v.state);
  return versions.reduce((a, b) => (rank(b) > rank(a) ? b : a));
}

export function diagram(version, steps) {
  const last = steps.find((step) => step.version === version.version);
  const took = last && `${last.from} ${last.to}`;
  const arrow = (id, look) => s("marker", { id, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto", markerUnits: "userSpaceOnUse" },
    s("path", { class: `tip ${look}`, d: "M0 0L8 4L0 8Z" }));
  const edges = Object.entries(EDGES).map(([name, d]) =>
    s("path", { class: `edge ${name === took ? "took" : ""}`, d, "marker-end": `url(#${name === took ? "tip-took" : "tip"})` }));
  const nodes = Object.entries(NODES).map(([state, place]) => node(state, place, version));
  const label = `Breaker${version.version ? ` of version ${version.version}` : ""}: ${words(version.state)}`;
  const deep = version.state.startsWith("forced") ? 216 : 190;
  return s("svg", { viewBox: `0 0 400 ${deep}`, role: "img", "aria-label": label, "data-state": version.state },
    s("defs", null, arrow("tip", ""), arrow("tip-took", "took")), edges, nodes);
}

function node(state, [x, y, name], version) {
  const lit = state === version.state && version.health !== "blind";
  const held = state.startsWith("forced");
  if (held && !lit) return null;
  const [w, t] = held ? [92, 26] : [112, 38];
  const box = (grow) => ({ x: x - w / 2 - grow, y: y - t / 2 - grow, width: w + 2 * grow, height: t + 2 * grow, rx: t / 2 + grow });
  return s("g", { class: `node ${lit ? "lit" : ""} ${held ? "held" : ""}`, "data-tone": TONES[state], "data-node": state },
    s("rect", { ...box(4), class: "halo" }), s("rect", box(0)), s("text", { x, y: y + 4.5 }, name));
}

const badge = (look, text) => h("span", { class: `badge ${look}` }, text);

export function verdict(v) {
  const health = { fresh: "c-good", stale: "c-watch", blind: "c-bad" }[v.health];
  const unknown = v.health === "blind";
  return [
    h("div", { class: "badges" }, badge(health, `${v.health}, ${age(v.age)} old`), badge("", `guarantee: ${v.guarantee}`),
      badge("", `epoch ${v.epoch}`), v.version ? badge("", `version ${v.version}`) : null),
    unknown ? h("p", { class: "because" }, `The last verdict, ${words(v.state)}, is too old to be relied on.`)
      : v.since === null ? null
      : h("p", { class: "because" }, `Since ${stamp(v.since)} UTC${v.reason ? `: ${words(v.reason)}` : ""}.`.replace("..", ".")),
    ...bars(v),
  ];
}

/** Which ranks of confidence pass: the threshold, what suspicion adds, and from where answers are certified. */
function bars(v) {
  const bar = v.threshold + v.suspicion;
  const shut = v.state === "open" || v.state === "forced_open";
  const [name, value] = shut ? ["Nothing passes; once closed, ranks", `from ${bar.toFixed(2)}`] : ["Confidence ranks that pass", `from ${bar.toFixed(2)}`];
  const notes = [v.suspicion > 0 ? `suspicion adds ${v.suspicion.toFixed(2)}` : null,
    v.certified_from !== null && v.certified_from <= 1 ? `certified from ${v.certified_from.toFixed(2)}` : null,
    v.ramp < 1 ? `ramp: ${percent(v.ramp, 0)} of requests` : null].filter((note) => note !== null);
  return [
    h("p", { class: "gate-name" }, h("span", null, name), h("b", null, value)),
    gate(v.threshold, bar, v.certified_from ?? 2, shut),
    h("p", { class: "gate-ends" }, h("span", null, "0, least sure"), h("span", null, notes.join(" · ")), h("span", null, "1, surest")),
  ];
}

function gate(threshold, bar, certified, shut) {
  const [from, to] = [threshold, bar].map((rank) => 100 * Math.max(0, Math.min(1, rank)));
  return s("svg", { class: "gate-bar", viewBox: "0 0 100 14", preserveAspectRatio: "none", "aria-hidden": "true" },
    s("rect", { class: "all", width: 100, height: 14, rx: 1 }), s("rect", { class: "doubt", x: from, width: to - from, height: 14 }),
    s("rect", { class: shut ? "shut" : "pass", x: to, width: 100 - to, height: 14 }),
    certified <= 1 ? s("rect", { class: "sure", x: 100 * certified, width: 0.6, height: 14 }) : null);
}

export function versions(list) {
  if (list.length < 2) return [];
  const rows = list.map((v) => [h("td", { class: "words" }, v.version),
    h("td", { class: "tight" }, badge(`c-${v.health === "blind" ? "unknown" : TONES[v.state]}`, v.health === "blind" ? "unknown" : words(v.state))),
    h("td", { class: "num" }, (v.threshold + v.suspicion).toFixed(2)), h("td", null, v.guarantee)]);
  return [table(["Version", "Breaker", "#Bar", "Guarantee"], rows)];
}

export function canary(c) {
  if (!c) return [];
  const look = { safe: "c-good", worse: "c-bad" }[c.verdict] ?? "c-unknown";
  return [h("p", { class: "because" }, badge(look, `canary: ${c.verdict}`), ` ${c.why}; ${count(c.compared)} labels compared, ${stamp(c.time)} UTC.`)];
}

/** A rate with its band; a dash where nothing is known. */
function between(b) {
  return b.rate === null ? "–" : [percent(b.rate), h("span", { class: "hint" }, ` ${percent(b.low)} to ${percent(b.high)}`)];
}

export function segments(list) {
  const several = new Set(list.map((each) => each.version)).size > 1;
  const rows = list.map((each) => [
    h("td", { class: "words" }, each.segment, several ? h("span", { class: "hint" }, ` · version ${each.version}`) : null),
    h("td", { class: "tight" }, badge(`c-${TONES[each.state] ?? "unknown"}`, words(each.state))),
    h("td", { class: "num" }, count(each.n)), h("td", { class: "num" }, each.followed ? `+${each.offset.toFixed(2)}` : "–"),
    ...[each.error, each.coverage, each.acceptance].map((b) => h("td", null, between(b))),
  ]);
  return [table(["Segment", "Its breaker", "#Requests", "#Bar", "Wrong of what passed", "Covered", "Answered"], rows)];
}

export function gaps(list) {
  if (list.length === 0) return [];
  const rows = list.map((each) => [h("td", { class: "words" }, each.name), ...[each.error, each.coverage, each.acceptance].map((b) => h("td", null, between(b)))]);
  return [h("p", { class: "hint" }, "Greatest difference between two segments of a name:"), table(["Name", "In errors", "In coverage", "In answers"], rows)];
}

export function table(heads, rows) {
  const head = (name) => h("th", { scope: "col", class: name.startsWith("#") ? "num" : name.startsWith("~") ? "later" : null }, name.replace(/^[#~]/, ""));
  return h("table", null, h("thead", null, h("tr", null, heads.map(head))), h("tbody", null, rows.map((row) => h("tr", null, row))));
}

export function history(steps) {
  if (steps.length === 0) return h("p", { class: "empty" }, "No transition so far.");
  const several = new Set(steps.map((step) => step.version)).size > 1;
  return table(["Time", "Step", "Why"], steps.map((step) => [
    h("td", null, stamp(step.time)),
    h("td", { class: "tight" }, `${words(step.from)} → `, h("b", { class: `c-${TONES[step.to] ?? "unknown"}` }, words(step.to))),
    h("td", { class: "words" }, words(step.reason), several ? h("span", { class: "hint" }, ` · version ${step.version}`) : null),
  ]));
}

export function decisions(list) {
  if (list.length === 0) return h("p", { class: "empty" }, "None so far.");
  return table(["Time", "Answered by", "Why", "~Answer", "#Rank"], list.map((d) => [
    h("td", { title: d.id }, stamp(d.time)),
    h("td", { class: `tight who c-${d.route}` }, NAMES[d.route] ?? d.route),
    h("td", { class: "words" }, words(d.reason)),
    h("td", { class: "words later" }, d.answer ?? "–"),
    h("td", { class: "num" }, d.confidence === null ? "–" : d.confidence.toFixed(2)),
  ]));
}

export function reasons(list) {
  const whole = list.reduce((sum, r) => sum + r.n, 0);
  if (whole === 0) return h("li", { class: "empty" }, "No requests so far.");
  return list.map((r) => h("li", null,
    h("span", { class: "name" }, words(r.reason), h("span", { class: "to" }, ` → ${NAMES[r.route] ?? r.route}`)), h("span", null, percent(r.n / whole)),
    s("svg", { class: `c-${r.route}`, viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" },
      s("rect", { class: "fill", width: (100 * r.n) / whole, height: 6 }))));
}

export function moved(alarms) {
  if (alarms.length === 0) return h("p", { class: "empty" }, "Nothing has moved so far.");
  return alarms.map((a) => h("article", { class: `moved` },
    h("p", { class: "when" }, badge(a.level === "page" ? "c-bad" : a.level === "warning" ? "c-watch" : "c-unknown", a.level), `${stamp(a.time)} UTC`,
      h("span", null, `event ${count(a.event)}`), h("span", null, `odds ${power(a.log10_evidence)} to 1`)),
    h("h3", null, a.view), h("p", null, a.why), ...histogram(a)));
}

function histogram({ bins, before, now, level }) {
  const n = Math.min(before.length, now.length);
  if (n === 0) return [];
  const top = Math.max(...before, ...now, 1e-9);
  const y = (share) => 70 * (1 - share / top);
  const bars = now.slice(0, n).map((share, i) => s("rect", { class: "now", x: i + 0.12, y: y(share), width: 0.76, height: 70 - y(share) },
    s("title", null, `${bins[i] ?? i}: ${percent(before[i])} before, ${percent(share)} now`)));
  const outline = before.slice(0, n).map((share, i) => `${i ? "L" : "M"}${i} ${y(share)}H${i + 1}`).join("");
  const look = level === "page" ? "c-bad" : "c-watch";
  return [
    s("svg", { class: look, viewBox: `0 0 ${n} 71`, preserveAspectRatio: "none", role: "img", "aria-label": "Histogram before and now" },
      bars, s("path", { class: "before", d: outline }), s("line", { class: "base", x1: 0, x2: n, y1: 70.5, y2: 70.5 })),
    h("p", { class: "ends" }, h("span", null, bins[0] ?? ""), h("span", null, bins[n - 1] ?? "")),
    h("ul", { class: "legend" }, h("li", null, h("span", { class: "swatch c-ink" }), "before"), h("li", null, h("span", { class: `swatch block ${look}` }), "now")),
  ];
}

export function tiles(pictures) {
  byId("demo").hidden = pictures.length === 0;
  if (pictures.length === 0) return;
  const turned = pictures[pictures.length - 1].angle;
  byId("needle").style.transform = `rotate(${turned}deg)`;
  say(byId("angle"), Math.abs(turned) < 0.5 ? "the camera is straight" : `the camera is turned by ${Math.round(turned)}°`);
  const list = byId("tiles");
  const known = new Map([...list.children].map((tile) => [tile.dataset.id, tile]));
  // a tile that is put back would come in anew
  for (const tile of known.values()) tile.classList.remove("new");
  const fresh = pictures.toReversed().map((p) => known.get(p.id) ?? tile(p, known.size > 0));
  list.replaceChildren(...fresh);
}

function tile(p, isNew) {
  const canvas = h("canvas", { width: p.image[0]?.length ?? 1, height: p.image.length || 1, "aria-hidden": "true" });
  const pixels = canvas.getContext("2d").createImageData(canvas.width, canvas.height);
  p.image.flat().forEach((grey, i) => pixels.data.set([236, 242, 255, Math.round((255 * grey) / 16)], 4 * i));
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  const sign = p.right === null ? null : h("span", { class: p.right ? "yes" : "no" }, p.right ? "✓" : "✗");
  const said = p.answer === null ? "no answer" : p.right === false ? `${p.answer}, is ${p.truth}` : p.answer;
  const who = NAMES[p.answered_by] ?? p.answered_by;
  const spoken = `${who}: ${said}${p.right === null ? "" : p.right ? ", right" : ", wrong"}`;
  return h("li", { class: `tile c-${p.answered_by} ${isNew ? "new" : ""}`, "data-id": p.id, title: spoken }, canvas,
    h("span", { class: "by" }, who), h("span", { class: "said" }, h("span", null, said), sign));
}

export function figures(st) {
  const { accepted_lately: ok, alone_lately: alone, answered_lately: got, shares } = st;
  const early = (all) => (all.rate === null ? "no outcome known yet" : `none lately; ${percent(all.rate)} since the start`);
  const range = (r, all) => (r.rate === null ? early(all) : `${percent(r.low)} to ${percent(r.high)}, of ${count(r.n)} known`);
  const figure = (name, big, small, look) => h("div", null, h("dt", null, name), h("dd", { class: `big ${look ?? ""}` }, big), h("dd", { class: "small" }, small));
  const over = ok.low !== null && ok.low > st.max_error;
  return [
    figure(`Accepted answers that were wrong (promise: at most ${chosen(st.max_error)})`, percent(ok.rate), range(ok, st.accepted), over ? "over" : ""),
    figure("The model alone, always answering, would be wrong", percent(alone.rate), range(alone, st.alone)),
    figure("Callers got wrong answers, whoever gave them", percent(got.rate), range(got, st.answered)),
    figure("Requests that the model answered", shares.n ? percent(shares.model, 0) : "–", `of the last ${count(shares.n)}; ${count(st.counts.pages)} page${st.counts.pages === 1 ? "" : "s"} sent so far`),
  ];
}

export function counts(st) {
  const c = st.counts;
  const rows = [["predictions decided", c.events], ["outcomes joined", c.joined], ["outcomes without prediction", c.unmatched],
    ["outcomes that expired", c.expired], ["repeated ids", c.duplicates], ["time running backwards", c.backwards],
    ["missing features", c.features_missing], ["unknown features", c.features_new], ["of other models", c.skipped],
    ["pages sent", c.pages], ["pages not sent", c.pages_failed],
    ...Object.entries(c.alarms).map(([level, n]) => [`alarms: ${level}`, n]),
    ...Object.entries(c.dead_letters).map(([reason, n]) => [`dead letters: ${words(reason)}`, n])];
  const told = rows.map(([name, n]) => [name, count(n)]);
  if (st.patched) told.push([`last episode, from its first ${st.patched.first} to its end (${st.patched.how})`, age(st.patched.seconds)]);
  return told.map(([name, text]) => h("div", null, h("dt", null, name), h("dd", null, text)));
}


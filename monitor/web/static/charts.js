// Charts over time as inline SVG, drawn at the size they have on the screen, with a readout for pointer and arrow keys.

import { clock, day, h, s } from "./dom.js";

const STEPS = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];
const LETTER = 6.5;
const GAP = 6;
const PAD = { left: 46, right: 8, top: 20, bottom: 22 };

/**
 * A chart in `figure`. `update(spec)` draws it anew:
 * times; layers [{kind: line|band|area, values | low, high, name, value, look}]; levels [{at, name}];
 * marks [{time, name, look}]; flags [{time, look}]; y {min, max, ticks, format}; span [from, to]; label; read(i) -> [text].
 */
export class Chart {
  constructor(figure) {
    this.legend = h("ul", { class: "legend" });
    this.svg = s("svg", { "aria-hidden": "true" });
    this.readout = h("div", { class: "readout", hidden: "" });
    this.plot = h("div", { class: "plot", tabindex: 0, role: "img" }, this.svg, this.readout);
    this.spoken = h("p", { class: "unseen", "aria-live": "polite" });
    figure.replaceChildren(this.legend, this.plot, this.spoken);
    this.at = null;
    new ResizeObserver(() => this.draw()).observe(this.plot);
    this.plot.addEventListener("pointermove", (event) => this.point(event));
    this.plot.addEventListener("pointerleave", () => this.read(null));
    this.plot.addEventListener("blur", () => this.read(null));
    this.plot.addEventListener("keydown", (event) => this.key(event));
  }

  update(spec) {
    this.spec = spec;
    this.plot.setAttribute("aria-label", spec.label);
    this.legend.replaceChildren(...spec.layers.filter((layer) => layer.name).map(legendItem));
    if (this.at !== null) this.at = Math.min(this.at, spec.times.length - 1);
    this.draw();
  }

  draw() {
    const { spec } = this;
    const { width, height } = this.plot.getBoundingClientRect();
    if (!spec || width < 40) return;
    const [from, to] = spec.span;
    const inner = { w: width - PAD.left - PAD.right, h: height - PAD.top - PAD.bottom };
    this.x = (t) => PAD.left + (inner.w * (t - from)) / Math.max(1e-9, to - from);
    this.y = (v) => PAD.top + inner.h * (1 - (Math.min(v, spec.y.max) - spec.y.min) / (spec.y.max - spec.y.min));
    this.cross = s("line", { class: "cross", y1: PAD.top, y2: PAD.top + inner.h, visibility: "hidden" });
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.replaceChildren(
      ...this.rules(width, height), ...spec.layers.map((layer) => this.layer(layer)), ...this.levels(width),
      ...this.marks(PAD.top + inner.h), this.cross,
    );
    this.read(this.at);
  }

  rules(width, height) {
    const { spec } = this;
    const drawn = spec.y.ticks.flatMap((v) => [
      s("line", { class: "rule", x1: PAD.left, x2: width - PAD.right, y1: this.y(v), y2: this.y(v) }),
      s("text", { x: PAD.left - 8, y: this.y(v) + 4, "text-anchor": "end" }, spec.y.format(v)),
    ]);
    const [from, to] = spec.span;
    for (const { at, text, anchor } of timeLabels(from, to, width)) {
      drawn.push(s("text", { class: "time", x: at, y: height - 5, "text-anchor": anchor }, text));
    }
    return drawn;
  }

  layer(layer) {
    if (layer.kind === "line") return s("path", { class: `line ${layer.look}`, d: this.line(layer.values) });
    return s("path", { class: `fill ${layer.look}`, d: this.between(layer.low, layer.high) });
  }

  line(values) {
    let pen = "M";
    let path = "";
    values.forEach((v, i) => {
      if (v === null) pen = "M";
      else {
        path += `${pen}${this.x(this.spec.times[i]).toFixed(1)} ${this.y(Math.max(v, this.spec.y.min)).toFixed(1)}`;
        pen = "L";
      }
    });
    return path;
  }

  between(low, high) {
    const known = low.map((v, i) => i).filter((i) => low[i] !== null && high[i] !== null);
    if (known.length === 0) return "";
    const at = (values) => (i) => `${this.x(this.spec.times[i]).toFixed(1)} ${this.y(values[i]).toFixed(1)}`;
    return `M${known.map(at(high)).join("L")}L${known.reverse().map(at(low)).join("L")}Z`;
  }

  levels(width) {
    return this.spec.levels.flatMap(({ at, name }) => [
      s("line", { class: "level", x1: PAD.left, x2: width - PAD.right, y1: this.y(at), y2: this.y(at) }),
      s("text", { class: "level-name", x: PAD.left + 6, y: this.y(at) - 6 }, name),
    ]);
  }

  marks(floor) {
    const [from, to] = this.spec.span;
    const within = ({ time }) => time >= from && time <= to;
    // names are placed from the newest back: where there is no room for all, the last step is the one to know
    let room = this.x(to) + PAD.right;
    const lines = this.spec.marks.filter(within).sort((a, b) => b.time - a.time).flatMap(({ time, name, look }) => {
      const x = this.x(time);
      const size = name.length * 8;
      const left = Math.min(x - size / 2, room - size);
      const line = s("line", { class: `mark ${look}`, x1: x, x2: x, y1: PAD.top - 4, y2: floor });
      if (left + size < x) return [line];
      room = left - 12;
      return [line, s("text", { class: "mark-name", x: left, y: PAD.top - 8 }, name)];
    });
    const flags = this.spec.flags.filter(within).map(({ time, look }) => {
      const x = this.x(time);
      return s("path", { class: `fill flag ${look}`, d: `M${x - 6} ${floor}L${x} ${floor - 11}L${x + 6} ${floor}Z` });
    });
    return [...lines, ...flags];
  }

  point(event) {
    const { times } = this.spec ?? { times: [] };
    if (times.length === 0) return;
    const x = event.clientX - this.plot.getBoundingClientRect().left;
    const gaps = times.map((t) => Math.abs(this.x(t) - x));
    this.read(gaps.indexOf(Math.min(...gaps)));
  }

  key(event) {
    const last = (this.spec?.times.length ?? 0) - 1;
    const moves = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -last, End: last };
    if (last < 0 || !(event.key in moves)) return;
    event.preventDefault();
    this.read(Math.max(0, Math.min(last, (this.at ?? last) + moves[event.key])));
    this.spoken.textContent = this.readout.innerText.replaceAll("\n", ", ");
  }

  read(i) {
    this.at = i;
    this.readout.hidden = i === null;
    this.cross?.setAttribute("visibility", i === null ? "hidden" : "visible");
    if (i === null || !this.cross) return;
    const x = this.x(this.spec.times[i]);
    this.cross.setAttribute("x1", x);
    this.cross.setAttribute("x2", x);
    const lines = this.spec.read(i).map((text) => h("div", null, text));
    this.readout.replaceChildren(h("strong", null, `${clock(this.spec.times[i])} UTC`), ...lines);
    const { width } = this.plot.getBoundingClientRect();
    const room = this.readout.offsetWidth;
    this.readout.style.left = `${x + 12 + room < width ? x + 12 : Math.max(0, x - 12 - room)}px`;
  }
}

function legendItem({ name, value, look, kind }) {
  const shape = kind === "line" ? (look.includes("dashes") ? "dashes" : "") : "block";
  const swatch = h("span", { class: `swatch ${shape} ${look.split(" ").find((c) => c.startsWith("c-"))}`, "aria-hidden": "true" });
  return h("li", null, swatch, name, value ? " " : null, value ? h("b", null, value) : null);
}

/**
 * Times to be named along a chart of this width, each {at, text, anchor}. They are placed from the last back: one that
 * would touch the next is left out, so that none do however narrow the chart is.
 */
export function timeLabels(from, to, width) {
  const inner = width - PAD.left - PAD.right;
  // steps are 2.5 times apart at most, so with room for three there is always one time to be named
  const room = Math.max(3, Math.floor(inner / 70));
  const step = STEPS.find((each) => (to - from) / each <= room) ?? 86400 * Math.ceil((to - from) / room / 86400);
  const size = (step < 60 ? "00:00:00" : "00:00").length * LETTER;
  const found = [];
  let free = width;
  for (let t = Math.floor(to / step) * step; t >= from; t -= step) {
    const at = PAD.left + (inner * (t - from)) / Math.max(1e-9, to - from);
    const anchor = at + size / 2 > width ? "end" : "middle";
    const right = anchor === "end" ? at : at + size / 2;
    if (right > free) continue;
    free = right - size - GAP;
    found.unshift({ at, text: step < 86400 ? clock(t, step < 60) : day(t), anchor });
  }
  return found;
}

/** Ticks at round numbers, at most `most` of them. */
export function ticks(min, max, most = 5) {
  const raw = (max - min) / most;
  const size = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((k) => k * size).find((each) => each >= raw);
  const first = Math.ceil(min / step - 1e-9);
  const found = [];
  for (let k = first; k * step <= max + 1e-9; k += 1) found.push(k * step);
  return found;
}

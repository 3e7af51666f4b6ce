// Elements and words. Text goes in as text nodes alone, so nothing that comes from outside is ever read as markup.

const SVG = "http://www.w3.org/2000/svg";
const NNBSP = "\u202f";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  for (const child of children.flat()) if (child !== null && child !== undefined) element.append(child);
  return element;
}

export const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
export const s = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);
export const byId = (id) => document.getElementById(id);

/** Set a text only where it changed, so that a selection or a screen reader is not disturbed. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Replace children only where the data behind them changed. */
export function show(element, data, draw) {
  const key = JSON.stringify(data);
  if (element.shown === key) return;
  element.shown = key;
  element.replaceChildren(...[draw(data)].flat().filter((child) => child !== null));
}

export function percent(share, digits = 1) {
  if (share === null || share === undefined) return "–";
  return (100 * share).toFixed(digits) + NNBSP + "%";
}

/** A number that was chosen, not measured: without idle zeros. */
export const chosen = (share) => `${Number((100 * share).toFixed(3))}${NNBSP}%`;

export const count = (n) => Math.round(n).toLocaleString("en");

export function clock(seconds, withSeconds = true) {
  if (seconds === null || !Number.isFinite(seconds)) return "–";
  return new Date(seconds * 1000).toISOString().slice(11, withSeconds ? 19 : 16);
}

/** Month and day in UTC. */
export const day = (seconds) => new Date(seconds * 1000).toISOString().slice(5, 10);

const RAISED = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

/** 4 -> "10⁴"; near one the plain number reads better. */
export function power(log10) {
  if (log10 === null || !Number.isFinite(log10)) return "–";
  const whole = Math.round(log10);
  if (whole === 0) return "1";
  if (whole === 1) return "10";
  return "10" + [...String(whole)].map((c) => RAISED[c]).join("");
}

export const words = (code) => (code.includes(" ") ? code : code.replaceAll("_", " "));
export const NAMES = { model: "model", fallback: "fallback", human: "person", refuse: "refused" };

// The demo's pictures, as the camera sees them.

import { NAMES, byId, h, say } from "./dom.js";

export function tiles(pictures, act) {
  byId("demo").hidden = pictures.length === 0;
  if (pictures.length === 0) return;
  const turned = pictures[pictures.length - 1].angle;
  byId("needle").style.transform = `rotate(${turned}deg)`;
  byId("act").hidden = !act;
  say(byId("act"), act);
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

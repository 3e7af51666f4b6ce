// An operator's orders. The token stays in the field: it is sent with each order, and kept nowhere.

import { byId, h, say, show } from "./dom.js";

const HOLDS = new Set(["open", "close"]);
const KILLS = { kill: true, unkill: false };
const form = byId("order");

/** Shows the form where something can be changed. */
export function operate(st) {
  byId("operate").hidden = !st.operable;
  const chosen = byId("order-version").value;
  show(byId("order-version"), st.versions.map((v) => v.version), (names) =>
    [h("option", { value: "" }, "all versions"), ...names.map((name) => h("option", { value: name }, `version ${name}`))]);
  byId("order-version").value = chosen;
}

function fits() {
  const what = byId("order-what").value;
  byId("order-for").disabled = !HOLDS.has(what);
  byId("order-version").disabled = what in KILLS;
}

function told(tone, text) {
  byId("order-said").dataset.tone = tone;
  say(byId("order-said"), text);
}

function asked(fields) {
  const { order, actor, reason, version } = fields;
  if (order in KILLS) return ["/api/v1/kill-switch", { on: KILLS[order], actor, reason }];
  return ["/api/v1/breaker", { order, actor, reason, ...(version ? { version } : {}), ...(HOLDS.has(order) ? { for: fields.for } : {}) }];
}

async function give(event) {
  event.preventDefault();
  const fields = Object.fromEntries(new FormData(form));
  const [path, body] = asked(fields);
  const button = form.querySelector("button");
  button.disabled = true;
  told("", "Sent; waiting for the judge's word.");
  try {
    const headers = { "content-type": "application/json", authorization: `Bearer ${fields.token}` };
    const response = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
    answered(response, await response.text());
  } catch {
    told("bad", "No connection: it is not known whether the order arrived. Look at the breaker before you give it again.");
  } finally {
    button.disabled = false;
  }
}

function answered(response, text) {
  if (response.ok && response.status !== 202) {
    told("good", "Done.");
    form.elements.reason.value = "";
    return;
  }
  const json = response.headers.get("content-type")?.startsWith("application/json") ? JSON.parse(text) : null;
  told(response.ok ? "" : "bad", json?.refused ? `Refused: ${json.refused}.` : (json?.detail ?? text.trim()));
}

byId("order-what").addEventListener("change", fits);
form.addEventListener("submit", give);
fits();

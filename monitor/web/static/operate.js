// An operator's orders. The token stays in the field: it is sent with each order, and kept nowhere.

import { byId, h, say, show } from "./dom.js";

const HOLDS = new Set(["open", "close"]);
const KILLS = { kill: true, unkill: false };
const [form, box] = [byId("order"), byId("operate")];
const [what, version, segment] = ["order-what", "order-version", "order-segment"].map(byId);
let groups = [];

/** Offers what there is to be overruled. */
export function operate(st) {
  byId("acts").hidden = !st.operable;
  groups = st.segments;
  const chosen = version.value;
  show(version, st.versions.map((v) => v.version), (names) =>
    [h("option", { value: "" }, "all versions"), ...names.map((name) => h("option", { value: name }, `version ${name}`))]);
  version.value = chosen;
}

function open({ order, version: of, segment: group }) {
  what.value = order;
  version.value = of;
  segment.value = group;
  told("", "");
  fits();
  box.showModal();
  byId("order-for").disabled ? form.elements.actor.focus() : byId("order-for").focus();
}

function fits() {
  const order = what.value;
  byId("order-for").disabled = !HOLDS.has(order);
  version.disabled = order in KILLS;
  segment.disabled = order in KILLS || order === "accept";
  const names = [...new Set(groups.filter((g) => !version.value || g.version === version.value).map((g) => g.segment))];
  byId("order-segments").replaceChildren(...names.map((name) => h("option", { value: name })));
  const where = order in KILLS ? "" : segment.disabled || !segment.value ? (version.value ? `: version ${version.value}` : "") : `: ${segment.value}`;
  say(byId("operate-title"), what.selectedOptions[0].text.split(":")[0] + where);
}

function told(tone, text) {
  byId("order-said").dataset.tone = tone;
  say(byId("order-said"), text);
}

function asked(fields) {
  const { order, actor, reason } = fields;
  if (order in KILLS) return ["/api/v1/kill-switch", { on: KILLS[order], actor, reason }];
  const more = { version: fields.version, segment: fields.segment?.trim(), for: HOLDS.has(order) ? fields.for : "" };
  return ["/api/v1/breaker", { order, actor, reason, ...Object.fromEntries(Object.entries(more).filter(([, value]) => value)) }];
}

async function give(event) {
  event.preventDefault();
  const fields = Object.fromEntries(new FormData(form));
  const [path, body] = asked(fields);
  const button = form.querySelector("button");
  button.disabled = true;
  told("", "Sent; waiting for the judge’s word.");
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
    const whole = `Done. ${byId("operate-title").textContent}${byId("order-for").disabled ? "" : `, for ${byId("order-for").value}`}.`;
    form.elements.reason.value = "";
    box.close();
    say(byId("order-done"), whole);
    return;
  }
  const json = response.headers.get("content-type")?.startsWith("application/json") ? JSON.parse(text) : null;
  told(response.ok ? "" : "bad", json?.refused ? `Refused: ${json.refused}.` : (json?.detail ?? text.trim()));
}

for (const field of [what, version, segment]) field.addEventListener("input", fits);
form.addEventListener("submit", give);
byId("order-close").addEventListener("click", () => box.close());
document.addEventListener("click", ({ target }) => {
  const button = target.closest("button[data-order]");
  if (button) open(button.dataset);
});
fits();

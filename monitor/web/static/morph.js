// Makes what stands in an element like a piece of HTML that the server drew, changing no more than differs: what is
// focused, selected or unfolded stays so. The server has escaped every text in it.

/** Only where the piece is not the one that was shown last. */
export function morph(element, html) {
  if (element.shown === html) return;
  element.shown = html;
  const focused = document.activeElement;
  const fresh = document.createElement("template");
  fresh.innerHTML = html;
  children(element, fresh.content);
  // a row that was moved has lost it
  if (focused !== document.activeElement && element.contains(focused)) focused.focus();
}

const key = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.getAttribute("data-key") : null);
const alike = (one, other) => one.nodeType === other.nodeType && one.nodeName === other.nodeName && key(one) === key(other);

function children(old, fresh) {
  const known = new Map([...old.children].map((child) => [key(child), child]).filter(([name]) => name !== null));
  let at = old.firstChild;
  for (const want of [...fresh.childNodes]) {
    const found = key(want) === null ? at : known.get(key(want));
    if (found && alike(found, want)) {
      if (found === at) at = at.nextSibling;
      else old.insertBefore(found, at);
      like(found, want);
    } else old.insertBefore(want, at);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

function like(old, want) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== want.nodeValue) old.nodeValue = want.nodeValue;
    return;
  }
  for (const { name, value } of want.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  // whether something is unfolded is the reader's to say
  for (const { name } of [...old.attributes]) if (!want.hasAttribute(name) && name !== "open") old.removeAttribute(name);
  children(old, want);
}

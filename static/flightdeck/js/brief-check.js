// Errors beside the fields that somebody has been in, from the same reader that judges the handing in.

import { announce } from "./announce.js";

const SOON_MS = 250;
const PATIENCE_MS = 5000;

function boxOf(form, name) {
  return form.querySelector(`#id_${CSS.escape(name)}`);
}

function describe(control, errorId, wrong) {
  const ids = new Set((control.getAttribute("aria-describedby") ?? "").split(/\s+/).filter(Boolean));
  if (wrong) ids.add(errorId);
  else ids.delete(errorId);
  if (ids.size) control.setAttribute("aria-describedby", [...ids].join(" "));
  else control.removeAttribute("aria-describedby");
}

function listOf(messages, id) {
  const list = document.createElement("ul");
  list.className = "field__errors";
  list.id = id;
  for (const message of messages) {
    const line = document.createElement("li");
    const words = document.createElement("span");
    words.textContent = message;
    line.append(document.getElementById("brief-error-line").content.cloneNode(true), words);
    list.append(line);
  }
  return list;
}

/** Returns whether something new is wrong. */
function show(form, name, messages) {
  const control = boxOf(form, name);
  const place = control?.closest(".field");
  if (!place) return false;
  const id = `id_${name}_error`;
  const old = document.getElementById(id);
  const before = old?.textContent ?? "";
  const list = messages.length ? listOf(messages, id) : null;
  if ((list?.textContent ?? "") === before) return false;
  old?.remove();
  if (list) place.append(list);
  const described = control.matches("input, select, textarea") ? control : control.closest("fieldset");
  describe(described, id, Boolean(list));
  if (control.matches("input, select, textarea")) {
    if (list) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
  }
  return Boolean(list);
}

export class Checker {
  constructor(form) {
    this.form = form;
    this.edited = new Set();
    this.touched = new Set([...form.querySelectorAll(".field__errors[id]")].map((list) => list.id.slice(3, -6)));
    this.timer = 0;
    this.asked = null;
    this.wrongSteps = new Set();
    this.onTold = null;
  }

  edit(name) {
    this.edited.add(name);
  }

  leaveField(name) {
    if (!this.edited.has(name)) return;
    this.touched.add(name);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.run(), SOON_MS);
  }

  /** Whether nothing is wrong with this step; its errors are shown. Without an answer it is taken to hold. */
  async holds(fields, step) {
    for (const name of fields) this.touched.add(name);
    const found = await this.run();
    return !found?.errors.some((error) => error.step === step);
  }

  /** What the server says of the whole form, or nothing. */
  async run() {
    clearTimeout(this.timer);
    this.asked?.abort();
    const asked = (this.asked = new AbortController());
    try {
      const body = new URLSearchParams(new FormData(this.form));
      const answer = await fetch(this.form.dataset.checkUrl, { method: "POST", body, signal: AbortSignal.any([asked.signal, AbortSignal.timeout(PATIENCE_MS)]), redirect: "error" });
      if (!answer.ok) return null;
      const found = await answer.json();
      this.tell(found);
      return found;
    } catch {
      return null; // Away or overtaken: handing in is judged by the server all the same.
    }
  }

  tell(found) {
    const messages = new Map();
    for (const error of found.errors) {
      if (error.field) messages.set(error.field, [...new Set([...(messages.get(error.field) ?? []), error.message])]);
    }
    this.wrongSteps = new Set(found.errors.map((error) => error.step));
    this.onTold?.();
    let said = "";
    for (const name of this.touched) {
      const own = messages.get(name) ?? [];
      if (show(this.form, name, own)) said = own[0];
    }
    if (said && !document.activeElement?.matches("[aria-invalid=true]")) announce(said, 0);
    for (const [name, html] of Object.entries(found.parts)) {
      const place = this.form.querySelector(`[data-brief-part="${name}"]`);
      if (place) place.replaceChildren(...new DOMParser().parseFromString(html, "text/html").body.childNodes);
    }
  }
}

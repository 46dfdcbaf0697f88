// Keys in the table of a plan. They work only while the table has the focus, never while typing and never with Ctrl, Alt
// or Meta, and one switch turns them all off (WCAG 2.1.4). What each does can be done by mouse and Tab as well.

import { announce } from "./announce.js";
import { rowsOf, tickOf, update } from "./decide.js";

const OFF = "flightdeck.keys-off";

function areOff() {
  try {
    return localStorage.getItem(OFF) !== null;
  } catch {
    return false;
  }
}

function keep(on) {
  try {
    if (on) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, "yes");
  } catch {
    // Not stored: holds for this page.
  }
}

function shown(form) {
  return rowsOf(form).filter((row) => !row.closest("[data-plan-line]")?.hidden);
}

function activeOf(rows) {
  return rows.findIndex((row) => row.hasAttribute("data-active"));
}

function activate(rows, index) {
  const row = rows[index];
  if (!row) return;
  rows.forEach((other) => other.toggleAttribute("data-active", other === row));
  const tick = tickOf(row);
  (tick && !tick.disabled ? tick : row).focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

function tick(form, row, to) {
  const box = tickOf(row);
  if (!box || box.disabled) return;
  box.checked = to ?? !box.checked;
  update(form);
}

function move(form, by, extend) {
  const rows = shown(form);
  const at = activeOf(rows);
  const next = Math.max(0, Math.min(rows.length - 1, at + by));
  if (extend && at >= 0) tick(form, rows[at], true);
  activate(rows, next);
  if (extend) tick(form, rows[next], true);
}

function onActive(form, act) {
  const row = shown(form).find((one) => one.hasAttribute("data-active"));
  if (row) act(row);
}

function why(row) {
  const line = row.closest("[data-plan-line]");
  const fold = line.querySelector("details.fold");
  if (fold) fold.open = !fold.open;
  else line.querySelector('[data-dialog-open="compare"]:not([data-line-edit])')?.click();
}

function ask(form, what) {
  const opener = form.querySelector(`[data-decide-opener="${what}"]`);
  if (opener?.getAttribute("aria-disabled") === "true") announce(opener.title, 0);
  else opener?.click();
}

const KEYS = {
  j: (form) => move(form, 1, false),
  k: (form) => move(form, -1, false),
  J: (form) => move(form, 1, true),
  K: (form) => move(form, -1, true),
  x: (form) => onActive(form, (row) => tick(form, row)),
  w: (form) => onActive(form, why),
  a: (form) => ask(form, "approve"),
  r: (form) => ask(form, "reject"),
  e: (form) => onActive(form, (row) => row.querySelector("[data-line-edit]")?.click()),
  "/": (form) => form.querySelector('[data-plan-filter="name"]')?.focus(),
  "?": () => document.getElementById("plan-keys")?.showModal(),
};

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(KEYS, event.key)) return;
  const table = event.target.closest?.("[data-decide-table]");
  if (!table || event.target.matches("textarea, select, input:not([type=checkbox])")) return;
  const form = table.closest("form[data-decide]");
  if (!form || form.dataset.keys === "off" || rowsOf(form).length === 0) return;
  event.preventDefault();
  KEYS[event.key](form);
}

function onSwitch(event) {
  const box = event.target;
  if (!box.matches?.("[data-keys-switch]")) return;
  const form = box.closest("form[data-decide]");
  if (form) form.dataset.keys = box.checked ? "on" : "off";
  keep(box.checked);
}

function setUp(root) {
  const forms = [...root.querySelectorAll("form[data-decide]")];
  if (root.matches?.("form[data-decide]")) forms.push(root);
  for (const form of forms) {
    form.dataset.keys = areOff() ? "off" : "on";
    for (const box of form.querySelectorAll("[data-keys-switch]")) box.checked = form.dataset.keys === "on";
  }
}

export function wirePlanKeys() {
  setUp(document);
  document.addEventListener("change", onSwitch);
  document.addEventListener("keydown", onKey);
  document.addEventListener("htmx:load", (event) => setUp(event.target));
}

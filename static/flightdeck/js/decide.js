// The decision form: <form data-decide data-currency data-exponent data-budget-micros data-committed-micros>, rows <tr data-line
// data-cost-micros data-impressions> with a tick box [data-decide-tick] whose value is "<id>:<fingerprint>", so that the
// request names exactly what was looked at. [data-decide-total] takes the total shown, which the server compares.
// Without this script the same form posts the same ticks; the server's numbers always win.

import { announce } from "./announce.js";
import { blendedCpm, money, plain, whole } from "./money.js";

const remembered = new Map();
const typed = new Map(); // texts of the decision form, by field name: a redrawn form gets them back

function rowsOf(form) {
  return [...form.querySelectorAll("tr[data-line]")];
}

function tickOf(row) {
  return row.querySelector("[data-decide-tick]");
}

export function totals(rows) {
  let cost = 0n;
  let impressions = 0n;
  let count = 0;
  for (const row of rows) {
    const tick = tickOf(row);
    if (!tick?.checked || tick.disabled) continue;
    cost += BigInt(row.dataset.costMicros);
    impressions += BigInt(row.dataset.impressions);
    count += 1;
  }
  return { cost, impressions, count };
}

function say(form, name, text) {
  for (const place of form.querySelectorAll(`[data-decide-out="${name}"]`)) place.textContent = text;
}

function drawBar(form, budget, committed, selected) {
  const sum = committed + selected;
  const scale = sum > budget ? sum : budget;
  if (scale <= 0n) return;
  const part = (amount) => Number((amount * 1000n) / scale);
  form.querySelector(".budget__committed")?.setAttribute("width", part(committed));
  const bar = form.querySelector(".budget__selected");
  bar?.setAttribute("x", part(committed));
  bar?.setAttribute("width", part(selected));
  const limit = form.querySelector(".budget__limit");
  limit?.setAttribute("x", Math.max(0, part(budget) - 3));
  limit?.setAttribute("visibility", sum > budget ? "visible" : "hidden");
}

function verdict({ count, cost }, over, budget, show) {
  if (over > 0n) return `${show(over)} over the budget of ${show(budget)}. Untick lines to go on.`;
  if (count === 0) return "Nothing selected yet.";
  return `${count} selected, ${show(cost)} of ${show(budget)}.`;
}

function gate(form, count, over, show) {
  for (const button of form.querySelectorAll("[data-decide-approve]")) {
    button.disabled = count === 0 || over > 0n;
    button.title = over > 0n ? `${show(over)} over the budget` : count === 0 ? "Tick at least one line" : "";
  }
  const words = count === 0 ? "Approve" : `Approve ${count} ${count === 1 ? "line" : "lines"}`;
  for (const label of form.querySelectorAll("[data-decide-label]")) label.textContent = words;
  for (const opener of form.querySelectorAll("[data-decide-opener]")) {
    const why = count === 0 ? "Tick at least one line" : opener.dataset.decideOpener === "approve" && over > 0n ? `${show(over)} over the budget` : "";
    opener.setAttribute("aria-disabled", String(why !== ""));
    opener.title = why;
    if (why) opener.parentElement.open = false;
  }
  for (const button of form.querySelectorAll("[data-decide-reject]")) {
    button.disabled = count === 0;
    button.title = count === 0 ? "Tick at least one line" : "";
  }
}

function followAll(form, rows) {
  const open = rows.map(tickOf).filter((tick) => tick && !tick.disabled);
  const ticked = open.filter((tick) => tick.checked).length;
  for (const all of form.querySelectorAll("[data-decide-all]")) {
    all.checked = open.length > 0 && ticked === open.length;
    all.indeterminate = ticked > 0 && ticked < open.length;
    all.disabled = open.length === 0;
  }
}

function update(form, aloud = true) {
  const { currency, exponent, budgetMicros, committedMicros } = form.dataset;
  const show = (micros) => money(micros, currency, Number(exponent ?? 2));
  const budget = BigInt(budgetMicros);
  const committed = BigInt(committedMicros ?? "0");
  const rows = rowsOf(form);
  const sum = totals(rows);
  const remaining = budget - committed - sum.cost;
  const over = remaining < 0n ? -remaining : 0n;
  const cpm = blendedCpm(sum.cost, sum.impressions);
  say(form, "count", String(sum.count));
  say(form, "selected", show(sum.cost));
  say(form, "remaining", show(remaining));
  say(form, "impressions", whole(sum.impressions));
  say(form, "cpm", cpm === null ? "-" : money(cpm, currency));
  say(form, "verdict", verdict(sum, over, budget, show));
  for (const box of form.querySelectorAll("[data-budget]")) box.toggleAttribute("data-over", over > 0n);
  for (const field of form.querySelectorAll("[data-decide-total]")) field.value = plain(sum.cost);
  drawBar(form, budget, committed, sum.cost);
  gate(form, sum.count, over, show);
  followAll(form, rows);
  remembered.set(form.id, new Map(rows.map((row) => [row.dataset.line, tickOf(row)?.checked ?? false])));
  if (aloud) announce(verdict(sum, over, budget, show), 1000);
}

function restore(form) {
  const ticks = remembered.get(form.id);
  if (!ticks) return;
  for (const [name, text] of typed) {
    const field = form.elements.namedItem(name);
    if (field && !field.value) field.value = text;
  }
  for (const row of rowsOf(form)) {
    const tick = tickOf(row);
    if (tick && !tick.disabled && ticks.has(row.dataset.line)) tick.checked = ticks.get(row.dataset.line);
  }
}

function onChange(event) {
  const form = event.target.closest?.("form[data-decide]");
  if (!form) return;
  if (event.target.matches("[data-decide-all]")) {
    for (const row of rowsOf(form)) {
      const tick = tickOf(row);
      if (tick && !tick.disabled) tick.checked = event.target.checked;
    }
  } else if (!event.target.matches("[data-decide-tick]")) return;
  update(form);
}

function onType(event) {
  if (event.target.matches("form[data-decide] textarea")) typed.set(event.target.name, event.target.value);
}

function onOpen(event) {
  const opener = event.target.closest?.("[data-decide-opener]");
  if (opener?.getAttribute("aria-disabled") !== "true") return;
  event.preventDefault();
  announce(opener.title, 0);
}

function activate(rows, index) {
  const row = rows[index];
  rows.forEach((other) => other.toggleAttribute("data-active", other === row));
  const tick = tickOf(row);
  (tick && !tick.disabled ? tick : row).focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

/** j and k move, x ticks. Only inside the table, never while typing, never with a modifier (WCAG 2.1.4). */
function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !["j", "k", "x"].includes(event.key)) return;
  const table = event.target.closest?.("[data-decide-table]");
  if (!table || event.target.matches("textarea, select, input:not([type=checkbox])")) return;
  const form = table.closest("form[data-decide]");
  if (!form || form.dataset.keys === "off") return;
  const rows = rowsOf(form);
  if (rows.length === 0) return;
  const at = rows.findIndex((row) => row.hasAttribute("data-active"));
  event.preventDefault();
  if (event.key === "j") activate(rows, Math.min(rows.length - 1, at + 1));
  else if (event.key === "k") activate(rows, Math.max(0, at - 1));
  else if (at >= 0) {
    const tick = tickOf(rows[at]);
    if (!tick || tick.disabled) return;
    tick.checked = !tick.checked;
    update(form);
  }
}

function onExpired(event) {
  event.target.closest?.("[data-goes-with-time]")?.querySelector("form")?.remove(); // too late to undo
  const row = event.target.closest?.("tr[data-line]");
  if (!row) return;
  const tick = tickOf(row);
  row.toggleAttribute("data-gone", true);
  if (!tick) return;
  tick.checked = false;
  tick.disabled = true;
  update(row.closest("form[data-decide]"));
}

const KEYS_OFF = "flightdeck.keys-off";

function keysAreOff() {
  try {
    return localStorage.getItem(KEYS_OFF) !== null;
  } catch {
    return false;
  }
}

function onKeysSwitch(event) {
  const box = event.target;
  if (!box.matches?.("[data-keys-switch]")) return;
  const form = box.closest("form[data-decide]");
  if (form) form.dataset.keys = box.checked ? "on" : "off";
  try {
    if (box.checked) localStorage.removeItem(KEYS_OFF);
    else localStorage.setItem(KEYS_OFF, "yes");
  } catch {
    // Not stored: holds for this page.
  }
}

function setUp(root) {
  const forms = [...root.querySelectorAll("form[data-decide]")];
  if (root.matches?.("form[data-decide]")) forms.push(root);
  for (const form of forms) {
    restore(form);
    update(form, false);
    form.dataset.keys = keysAreOff() ? "off" : "on";
    for (const box of form.querySelectorAll("[data-keys-switch]")) box.checked = form.dataset.keys === "on";
    for (const element of form.querySelectorAll("[data-needs-script]")) element.hidden = false;
  }
}

export function wireDecisions() {
  setUp(document);
  document.addEventListener("change", onChange);
  document.addEventListener("change", onKeysSwitch);
  document.addEventListener("input", onType);
  document.addEventListener("click", onOpen);
  document.addEventListener("keydown", onKey);
  document.addEventListener("countdown:over", onExpired);
  document.addEventListener("htmx:load", (event) => setUp(event.target));
}

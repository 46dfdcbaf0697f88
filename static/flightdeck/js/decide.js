// The decision form: <form data-decide data-currency data-exponent data-budget-micros data-committed-micros>, rows <tr data-line
// data-cost-micros data-impressions> with a tick box [data-decide-tick] whose value is "<id>:<fingerprint>", so that the
// request names exactly what was looked at. [data-decide-total] takes the total shown, which the server compares.
// Without this script the same form posts the same ticks; the server's numbers always win.

import { announce } from "./announce.js";
import { blendedCpm, money, plain, whole } from "./money.js";
import { drawSplit } from "./split.js";

const remembered = new Map();
const typed = new Map(); // texts of the decision form, by field name: a redrawn form gets them back

export function rowsOf(form) {
  return [...form.querySelectorAll("tr[data-line]")];
}

export function tickOf(row) {
  return row.querySelector("[data-decide-tick]");
}

export function totals(rows) {
  let cost = 0n;
  let impressions = 0n;
  let count = 0;
  for (const row of rows) {
    if (!isTicked(row)) continue;
    cost += BigInt(row.dataset.costMicros);
    impressions += BigInt(row.dataset.impressions);
    count += 1;
  }
  return { cost, impressions, count };
}

function isTicked(row) {
  const tick = tickOf(row);
  return Boolean(tick?.checked && !tick.disabled);
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

export function update(form, aloud = true) {
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
  for (const fix of form.querySelectorAll("[data-decide-drop]")) fix.hidden = over <= 0n;
  for (const box of form.querySelectorAll("[data-budget]")) box.toggleAttribute("data-over", over > 0n);
  for (const field of form.querySelectorAll("[data-decide-total]")) field.value = plain(sum.cost);
  drawBar(form, budget, committed, sum.cost);
  drawSplit(form, rows.filter(isTicked), currency, Number(exponent ?? 2));
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

/** Over the budget: the ticked lines with the lowest scores go, one after the other, until the rest fits. */
function dropLowest(form) {
  const budget = BigInt(form.dataset.budgetMicros) - BigInt(form.dataset.committedMicros ?? "0");
  const rows = rowsOf(form).filter((row) => tickOf(row)?.checked);
  rows.sort((a, b) => scoreOf(a) - scoreOf(b));
  while (rows.length > 0 && totals(rows).cost > budget) tickOf(rows.shift()).checked = false;
  update(form);
}

function scoreOf(row) {
  return Number(row.closest("[data-score]")?.dataset.score ?? 0);
}

function onFix(event) {
  const button = event.target.closest?.("[data-decide-drop]");
  if (button) dropLowest(button.closest("form[data-decide]"));
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

function setUp(root) {
  const forms = [...root.querySelectorAll("form[data-decide]")];
  if (root.matches?.("form[data-decide]")) forms.push(root);
  for (const form of forms) {
    restore(form);
    update(form, false);
    for (const element of form.querySelectorAll("[data-needs-script]")) element.hidden = false;
  }
}

export function wireDecisions() {
  setUp(document);
  document.addEventListener("change", onChange);
  document.addEventListener("input", onType);
  document.addEventListener("click", onOpen);
  document.addEventListener("click", onFix);
  document.addEventListener("countdown:over", onExpired);
  document.addEventListener("htmx:load", (event) => setUp(event.target));
}

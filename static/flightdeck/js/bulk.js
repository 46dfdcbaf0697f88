// Ticking whole plans in the work queue: <form data-bulk> with boxes [data-bulk-tick data-currency data-amount data-lines].
// The list redraws itself every two seconds; ticks live on by the box's id and value, and nothing moves under a hand
// that types or looks at a question.

import { announce } from "./announce.js";
import { money } from "./money.js";

const ticked = new Map(); // id of a box -> its value, which changes with the plan

function boxesOf(form) {
  return [...form.querySelectorAll("[data-bulk-tick]")];
}

function sumUp(form) {
  const sums = new Map();
  let plans = 0;
  let lines = 0;
  for (const box of boxesOf(form)) {
    if (!box.checked) continue;
    plans += 1;
    lines += Number(box.dataset.lines);
    sums.set(box.dataset.currency, (sums.get(box.dataset.currency) ?? 0n) + BigInt(box.dataset.amount));
  }
  return { plans, lines, sums };
}

function words({ plans, lines, sums }) {
  if (plans === 0) return "Tick plans to decide on several whole plans at once.";
  const amounts = [...sums].map(([currency, micros]) => money(micros, currency)).join(" and ");
  return `${plans} ${plans === 1 ? "plan" : "plans"}, ${lines} ${lines === 1 ? "line" : "lines"}, ${amounts}.`;
}

function update(form, aloud = true) {
  const sum = sumUp(form);
  for (const place of form.querySelectorAll("[data-bulk-sum]")) place.textContent = words(sum);
  for (const opener of form.querySelectorAll("[data-bulk-opener]")) {
    opener.setAttribute("aria-disabled", String(sum.plans === 0));
    opener.title = sum.plans === 0 ? "Tick at least one plan" : "";
    if (sum.plans === 0) opener.parentElement.open = false;
  }
  if (aloud) announce(words(sum), 1000);
}

function remember(box) {
  if (box.checked) ticked.set(box.id, box.value);
  else ticked.delete(box.id);
}

function setUp(root) {
  for (const form of root.querySelectorAll("form[data-bulk]")) {
    for (const box of boxesOf(form)) {
      if (ticked.get(box.id) === box.value) box.checked = true;
      else remember(box);
    }
    update(form, false);
  }
}

function isBusy(work) {
  return document.hidden || work.querySelector("details.ask[open]") !== null;
}

export function wireBulk() {
  setUp(document);
  document.addEventListener("change", (event) => {
    if (!event.target.matches?.("[data-bulk-tick]")) return;
    remember(event.target);
    update(event.target.form);
  });
  document.addEventListener("click", (event) => {
    const opener = event.target.closest?.("[data-bulk-opener]");
    if (opener?.getAttribute("aria-disabled") !== "true") return;
    event.preventDefault();
    announce(opener.title, 0);
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.target.matches?.("[data-work]") && isBusy(event.target)) event.preventDefault();
  });
  document.addEventListener("htmx:load", (event) => setUp(event.target.parentElement ?? document));
}

// The table of recommended lines: sort by any column, filter by channel, seller and words, dense rows, two to four lines
// side by side. Works on what the server drew; the order and the filters stand in the address, so that a reload and a
// redrawn table keep them. Rows that are filtered away keep their ticks, and the count says how many those are.

import { announce } from "./announce.js";

const NUMBERS = new Set(["rank", "impressions", "cpm", "cost", "score"]);
const STATE = ["sort", "way", "channel", "seller", "find", "rows"];
const FILTERS = { channel: "channel", seller: "seller", name: "find" };

function read() {
  const asked = new URLSearchParams(location.search);
  return Object.fromEntries(STATE.map((name) => [name, asked.get(name) ?? ""]));
}

function write(changes) {
  const asked = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value) asked.set(name, value);
    else asked.delete(name);
  }
  const text = asked.toString();
  history.replaceState(history.state, "", `${location.pathname}${text ? `?${text}` : ""}${location.hash}`);
}

function linesOf(table) {
  return [...table.querySelectorAll("[data-plan-line]")];
}

function keyOf(line, column) {
  const value = line.dataset[column] ?? "";
  return NUMBERS.has(column) ? Number(value) : value.toLocaleLowerCase();
}

export function sortLines(table, column, way) {
  const keyed = linesOf(table).map((line) => [keyOf(line, column), Number(line.dataset.rank), line]);
  const turn = way === "down" ? -1 : 1;
  keyed.sort(([a, i], [b, j]) => (a < b ? -turn : a > b ? turn : i - j));
  const foot = table.tFoot;
  const sorted = document.createDocumentFragment();
  for (const [, , line] of keyed) sorted.append(line);
  table.insertBefore(sorted, foot);
}

function showSort(table, column, way) {
  for (const head of table.querySelectorAll("th[data-sort]")) {
    const current = head.dataset.sort === column;
    head.setAttribute("aria-sort", current ? (way === "down" ? "descending" : "ascending") : "none");
  }
}

function filterLines(table, { channel, seller, find }) {
  const words = find.toLocaleLowerCase();
  let shown = 0;
  const lines = linesOf(table);
  for (const line of lines) {
    const { name, channel: itsChannel, seller: itsSeller } = line.dataset;
    const fits =
      (!channel || itsChannel === channel) &&
      (!seller || itsSeller === seller) &&
      (!words || `${name} ${itsSeller}`.toLocaleLowerCase().includes(words));
    line.hidden = !fits;
    if (fits) shown += 1;
  }
  return { shown, all: lines.length, hiddenTicks: lines.filter((l) => l.hidden && l.querySelector(":checked")).length };
}

function countWords({ shown, all, hiddenTicks }) {
  if (shown === all) return "";
  const ticks = hiddenTicks ? `, ${hiddenTicks} ticked among the hidden` : "";
  return `${shown} of ${all} shown${ticks}`;
}

function fillChoices(tools, table) {
  for (const name of ["channel", "seller"]) {
    const select = tools.querySelector(`[data-plan-filter="${name}"]`);
    if (!select || select.options.length > 1) continue;
    const values = [...new Set(linesOf(table).map((line) => line.dataset[name]))].sort();
    for (const value of values) select.append(new Option(value, value));
    select.closest("label").hidden = values.length < 2;
  }
}

function apply(card) {
  const table = card.querySelector("[data-plan-table]");
  const tools = card.querySelector("[data-plan-tools]");
  if (!table || !tools) return;
  const state = read();
  if (state.sort) sortLines(table, state.sort, state.way);
  showSort(table, state.sort, state.way);
  for (const [field, name] of Object.entries(FILTERS)) {
    const control = tools.querySelector(`[data-plan-filter="${field}"]`);
    if (control && control.value !== state[name]) control.value = state[name];
  }
  const density = tools.querySelector("[data-plan-density]");
  if (density) density.value = state.rows;
  table.toggleAttribute("data-dense", state.rows === "dense");
  tools.querySelector("[data-plan-count]").textContent = countWords(filterLines(table, state));
}

function makeSortable(table) {
  for (const head of table.querySelectorAll("th[data-sort]")) {
    if (head.querySelector("button")) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "th-sort";
    button.append(...head.childNodes);
    button.insertAdjacentHTML("beforeend", '<svg class="th-sort__arrow" viewBox="0 0 8 10" aria-hidden="true"><path d="M4 1 7.5 6h-7z"/></svg>');
    head.append(button);
  }
}

function setUp(root) {
  const cards = [...root.querySelectorAll(".card:has([data-plan-table])")];
  for (const card of cards) {
    const tools = card.querySelector("[data-plan-tools]");
    const table = card.querySelector("[data-plan-table]");
    if (!tools) continue;
    makeSortable(table);
    fillChoices(tools, table);
    tools.hidden = false;
    apply(card);
  }
}

function onSort(event) {
  const button = event.target.closest?.("[data-plan-table] th[data-sort] button");
  if (!button) return;
  const { sort } = button.closest("th").dataset;
  const now = read();
  const way = now.sort === sort && now.way !== "down" ? "down" : "up";
  write({ sort, way });
  apply(button.closest(".card"));
  announce(`Sorted by ${button.textContent.trim()}, ${way === "down" ? "largest first" : "smallest first"}`, 0);
}

function onFilter(event) {
  const control = event.target;
  if (control.matches?.("[data-plan-filter]")) write({ [FILTERS[control.dataset.planFilter]]: control.value });
  else if (control.matches?.("[data-plan-density]")) write({ rows: control.value });
  else return;
  apply(control.closest(".card"));
}

function onCompare(event) {
  const button = event.target.closest?.("[data-plan-compare]");
  if (!button) return;
  const ticked = linesOf(button.closest(".card").querySelector("[data-plan-table]")).filter((line) =>
    line.querySelector("[data-decide-tick]:checked"),
  );
  const lines = ticked.length >= 2 ? ticked.slice(0, 4) : [];
  if (lines.length === 0) {
    announce("Tick two to four lines to see them side by side", 0);
    button.title = "Tick two to four lines first";
    button.closest(".card").querySelector("[data-plan-count]").textContent = "Tick two to four lines first.";
    return;
  }
  const asked = new URLSearchParams(lines.map((line) => ["line", line.dataset.planLine]));
  document.getElementById("compare")?.showModal();
  window.htmx?.ajax("GET", `${button.dataset.planCompare}?${asked}`, { target: "#compare-table", swap: "outerHTML" });
}

export function wirePlanTable() {
  setUp(document);
  document.addEventListener("click", onSort);
  document.addEventListener("click", onCompare);
  document.addEventListener("input", onFilter);
  document.addEventListener("htmx:load", (event) => setUp(event.target.parentElement ?? document));
}

// The table of recommended lines: sort by any column, filter by channel, seller and words, dense rows, two to four lines
// side by side. Works on what the server drew; the order and the filters stand in the address, so that a reload and a
// redrawn table keep them. Rows that are filtered away keep their ticks, and the count says how many those are.

import { announce } from "./announce.js";

const NUMBERS = new Set(["rank", "impressions", "cpm", "cost", "score"]);
const STATE = ["sort", "way", "group", "channel", "seller", "find", "rows", "without"];
const KEPT = ["sort", "way", "group", "rows", "without"]; // a view is of every plan; channels and sellers are of one
const FILTERS = { channel: "channel", seller: "seller", name: "find" };

let kept = ""; // the person's own view, used where the address says nothing of the table

function read() {
  let asked = new URLSearchParams(location.search);
  if (!STATE.some((name) => asked.has(name))) asked = new URLSearchParams(kept);
  return Object.fromEntries(STATE.map((name) => [name, asked.get(name) ?? ""]));
}

function write(changes) {
  const before = read();
  const asked = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries({ ...before, ...changes })) {
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

function compare(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** By the group first, then by the column, then by rank. Each group gets a head of its own. */
export function sortLines(table, column, way, group) {
  const turn = way === "down" ? -1 : 1;
  const keyed = linesOf(table).map((line) => ({
    line,
    group: group ? (line.dataset[group] ?? "") : "",
    key: keyOf(line, column || "rank"),
    rank: Number(line.dataset.rank),
  }));
  keyed.sort((a, b) => compare(a.group, b.group) || turn * compare(a.key, b.key) || a.rank - b.rank);
  const sorted = document.createDocumentFragment();
  let current = null;
  for (const one of keyed) {
    if (group && one.group !== current) sorted.append(headOf(table, one.group));
    current = one.group;
    sorted.append(one.line);
  }
  for (const head of table.querySelectorAll("[data-plan-group]")) head.remove();
  table.insertBefore(sorted, table.tFoot);
}

function headOf(table, name) {
  const body = document.createElement("tbody");
  body.className = "plan-group";
  body.dataset.planGroup = name;
  const cell = body.insertRow().appendChild(document.createElement("th"));
  cell.scope = "rowgroup";
  cell.colSpan = table.tHead.rows[0].cells.length;
  cell.textContent = name;
  return body;
}

/** Under each head how many of its lines are shown, and what they cost. */
function sumGroups(table) {
  for (const head of table.querySelectorAll("[data-plan-group]")) {
    let count = 0;
    let cost = 0;
    let next = head.nextElementSibling;
    for (; next?.matches("[data-plan-line]"); next = next.nextElementSibling) {
      if (next.hidden) continue;
      count += 1;
      cost += Math.round(Number(next.dataset.cost ?? 0) * 1000);
    }
    head.hidden = count === 0;
    const money = cost ? `, ${(cost / 1000).toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}` : "";
    head.querySelector("th").textContent = `${head.dataset.planGroup}: ${count} ${count === 1 ? "line" : "lines"}${money}`;
  }
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
  const grouped = table.querySelector("[data-plan-group]") !== null;
  if (state.sort || state.group || grouped) sortLines(table, state.sort, state.way, state.group);
  const group = tools.querySelector("[data-plan-by]");
  if (group) group.value = state.group;
  showSort(table, state.sort, state.way);
  for (const [field, name] of Object.entries(FILTERS)) {
    const control = tools.querySelector(`[data-plan-filter="${field}"]`);
    if (control && control.value !== state[name]) control.value = state[name];
  }
  const density = tools.querySelector("[data-plan-density]");
  if (density) density.value = state.rows;
  table.toggleAttribute("data-dense", state.rows === "dense");
  hideColumns(card, table, state.without);
  tools.querySelector("[data-plan-count]").textContent = countWords(filterLines(table, state));
  sumGroups(table);
}

function hideColumns(card, table, without) {
  const hidden = new Set(without.split(" ").filter(Boolean));
  if (table.dataset.without !== without) {
    table.dataset.without = without;
    for (const cell of table.querySelectorAll("[data-col]")) cell.hidden = hidden.has(cell.dataset.col);
  }
  for (const box of card.querySelectorAll("[data-plan-column]")) box.checked = !hidden.has(box.value);
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
    kept = tools.dataset.planView ?? "";
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
  else if (control.matches?.("[data-plan-by]")) write({ group: control.value });
  else if (control.matches?.("[data-plan-column]")) write({ without: withoutOf(control.closest(".card")) });
  else return;
  apply(control.closest(".card"));
}

function withoutOf(card) {
  const boxes = [...card.querySelectorAll("[data-plan-column]")];
  return boxes.filter((box) => !box.checked).map((box) => box.value).join(" ");
}

async function onKeep(event) {
  const button = event.target.closest?.("[data-plan-keep]");
  if (!button) return;
  const state = read();
  const view = new URLSearchParams(KEPT.filter((name) => state[name]).map((name) => [name, state[name]]));
  const count = button.closest(".card").querySelector("[data-plan-count]");
  const token = JSON.parse(document.body.getAttribute("hx-headers") ?? "{}")["X-CSRFToken"] ?? "";
  try {
    const answer = await fetch(button.dataset.planKeep, { method: "POST", headers: { "X-CSRFToken": token }, body: new URLSearchParams({ query: String(view) }) });
    count.textContent = answer.ok ? "Kept: every plan opens like this." : "This view could not be kept.";
    if (answer.ok) kept = String(view);
  } catch {
    count.textContent = "Not kept: the server is away.";
  }
  announce(count.textContent, 0);
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
  document.addEventListener("click", onKeep);
  document.addEventListener("input", onFilter);
  document.addEventListener("htmx:load", (event) => setUp(event.target.parentElement ?? document));
}

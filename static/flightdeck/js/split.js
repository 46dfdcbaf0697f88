// What is selected, by channel against its allocation and by seller as a part of the selection.

import { money } from "./money.js";

/** `rows`: ticked table rows with data-cost-micros, inside their [data-plan-line]. */
export function drawSplit(form, rows, currency, exponent) {
  const places = form.querySelectorAll("[data-split]");
  if (places.length === 0) return;
  const sums = { channel: new Map(), seller: new Map() };
  let all = 0n;
  for (const row of rows) {
    const cost = BigInt(row.dataset.costMicros);
    const line = row.closest("[data-plan-line]")?.dataset ?? {};
    for (const kind of ["channel", "seller"]) sums[kind].set(line[kind], (sums[kind].get(line[kind]) ?? 0n) + cost);
    all += cost;
  }
  for (const place of places) {
    const { split, splitOf, splitBefore, splitLimit } = place.dataset;
    const selected = sums[split].get(splitOf) ?? 0n;
    place.querySelector("[data-split-selected]").textContent = money(selected, currency, exponent).replace(`${currency} `, "");
    const whole = split === "channel" ? BigInt(splitLimit) : all;
    const used = split === "channel" ? selected + BigInt(splitBefore) : selected;
    const thousandths = whole > 0n ? Number((used * 1000n) / whole) : 0;
    place.querySelector("progress").value = Math.min(1000, thousandths);
    place.toggleAttribute("data-over", split === "channel" && used > whole);
    const part = place.querySelector("[data-split-part]");
    if (part) part.textContent = `${(thousandths / 10).toFixed(1)} %`;
  }
}

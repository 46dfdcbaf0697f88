// Ctrl K (or Cmd K) opens the palette from anywhere: type a name, arrows move, Enter goes. The same link without a
// script leads to the search page.

function dialog() {
  return document.getElementById("palette");
}

function open(event) {
  const palette = dialog();
  if (!palette || palette.open) return;
  event.preventDefault();
  palette.showModal();
  const field = palette.querySelector("input");
  field.select();
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

function onKey(event) {
  if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) open(event);
  const palette = dialog();
  if (!palette?.open || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
  const stops = [palette.querySelector("input"), ...palette.querySelectorAll(".palette__item")];
  const at = stops.indexOf(document.activeElement);
  event.preventDefault();
  stops[(at + (event.key === "ArrowDown" ? 1 : -1) + stops.length) % stops.length].focus();
}

export function wirePalette() {
  document.addEventListener("keydown", onKey);
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("[data-palette-open]")) open(event);
  });
  dialog()?.addEventListener("submit", (event) => {
    const first = event.target.closest("dialog")?.querySelector(".palette__item");
    if (!first) return;
    event.preventDefault();
    location.assign(first.href);
  });
}

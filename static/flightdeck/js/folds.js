// What somebody unfolded stays unfolded when the part of the page around it is redrawn.

const open = new Set();

function onToggle(event) {
  const fold = event.target;
  if (!fold.matches?.("details[id]") || !fold.isConnected) return;
  if (fold.open) open.add(fold.id);
  else open.delete(fold.id);
}

function reopen() {
  for (const id of open) {
    const fold = document.getElementById(id);
    if (fold) fold.open = true;
  }
}

export function keepFolds() {
  document.addEventListener("toggle", onToggle, true);
  document.addEventListener("htmx:afterSettle", reopen);
}

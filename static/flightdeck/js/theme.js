// Runs before the first paint, so that a stored choice never flashes. Everything else lives in modules.
(() => {
  try {
    const kept = localStorage.getItem("flightdeck.theme");
    if (kept === "light" || kept === "dark") document.documentElement.dataset.theme = kept;
  } catch {
    // Storage may be forbidden; the system's theme is then the right one.
  }
})();

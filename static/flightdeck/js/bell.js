// The bell asks for its number every fifteen seconds, but not while nobody looks; it asks once when the page is seen again.

const BELL = "bell";

export function wireBell() {
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.target.id === BELL && document.hidden) event.preventDefault();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) document.getElementById(BELL)?.dispatchEvent(new CustomEvent("bell:look"));
  });
}

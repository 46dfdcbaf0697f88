// Countdowns of quotes and deadlines. The server wrote the instant; the browser only says how far away it is.

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const SOON = 10 * MINUTE;

export function inWords(seconds) {
  if (seconds >= 2 * DAY) return `${Math.floor(seconds / DAY)} days`;
  if (seconds >= DAY) return `1 day ${Math.floor((seconds - DAY) / HOUR)} h`;
  if (seconds >= HOUR) return `${Math.floor(seconds / HOUR)} h ${Math.floor((seconds % HOUR) / MINUTE)} min`;
  if (seconds >= MINUTE) return `${Math.floor(seconds / MINUTE)} min`;
  return `${Math.floor(seconds)} s`;
}

function serverSkewMs() {
  const stamp = Date.parse(document.body.dataset.serverTime ?? "");
  return Number.isNaN(stamp) ? 0 : stamp - Date.now();
}

function tell(element, now) {
  const at = Date.parse(element.dateTime);
  if (Number.isNaN(at)) return;
  const left = (at - now) / 1000;
  const gone = left <= 0;
  element.textContent = gone ? element.dataset.countdown : inWords(left);
  element.classList.toggle("is-soon", !gone && left < SOON);
  element.classList.toggle("is-gone", gone);
  if (gone && !element.dataset.toldGone) {
    element.dataset.toldGone = "yes";
    element.dispatchEvent(new CustomEvent("countdown:over", { bubbles: true }));
  }
}

function tellAge(element, now) {
  const at = Date.parse(element.dateTime);
  if (Number.isNaN(at)) return;
  const age = inWords(Math.max(0, now - at) / 1000);
  element.textContent = element.hasAttribute("data-ago") ? `${age} ago` : age;
}

function tickAll(skew) {
  const now = Date.now() + skew;
  for (const element of document.querySelectorAll("time[data-ago], time[data-age]")) tellAge(element, now);
  for (const element of document.querySelectorAll("time[data-countdown]")) tell(element, now);
}

export function followTime() {
  const skew = serverSkewMs();
  tickAll(skew);
  setInterval(() => {
    if (!document.hidden) tickAll(skew);
  }, 1000);
  document.addEventListener("htmx:load", () => tickAll(skew));
}

// Says every 15 seconds that this page is looked at, and shows who else looks at it. A hidden page says nothing.

const BEAT_MS = 15_000;

function csrf() {
  return JSON.parse(document.body.getAttribute("hx-headers") ?? "{}")["X-CSRFToken"] ?? "";
}

async function beat(place) {
  if (document.hidden) return;
  try {
    const answer = await fetch(place.dataset.here, {
      method: "POST",
      headers: { "X-CSRFToken": csrf(), "HX-Request": "true" },
    });
    if (!answer.ok || answer.redirected) return;
    const text = await answer.text();
    const now = document.getElementById("people");
    if (now && now.outerHTML.trim() !== text.trim()) now.outerHTML = text;
  } catch {
    // Faces can wait; the live state says what is wrong with the connection.
  }
}

function goodbye(place) {
  const said = new FormData();
  said.append("gone", "1");
  said.append("csrfmiddlewaretoken", csrf());
  navigator.sendBeacon?.(place.dataset.here, said);
}

export function showPresence() {
  const place = document.querySelector("[data-here]");
  if (!place) return;
  beat(place);
  setInterval(() => beat(place), BEAT_MS);
  document.addEventListener("visibilitychange", () => beat(place));
  window.addEventListener("pagehide", () => goodbye(place));
}

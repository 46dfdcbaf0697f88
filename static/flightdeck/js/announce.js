// One polite sentence at a time. Listeners hear the newest one at most every five seconds, others at once.

const EVERY_MS = 5000;
let lastAt = -EVERY_MS;
let timer = 0;
let waiting = "";

function say() {
  timer = 0;
  lastAt = performance.now();
  const place = document.querySelector("[data-announce-here]");
  if (place) place.textContent = waiting;
}

export function announce(sentence, every = EVERY_MS) {
  waiting = sentence;
  if (timer) return;
  const wait = Math.max(0, lastAt + every - performance.now());
  timer = setTimeout(say, wait);
}

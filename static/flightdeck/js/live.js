// Follows one subject (<body data-live-type data-live-id data-live-seq>). A message {"seq": n} is only a hint that the
// subject is at position n: the page then asks for its partials ([data-live-refresh="<url>"]) and the database answers.
// So a lost, doubled or late hint cannot show anything wrong, and a reconnect needs no replay.

import { announce } from "./announce.js";

const FIRST_DELAY_MS = 500;
const LAST_DELAY_MS = 30_000;
const FAILURES_BEFORE_POLLING = 3;
const POLL_MS = 5000;
const LOOK_MS = 5000;
const SILENCE_MS = 20_000; // four of the server's beats
const NOT_YOURS = 4401; // the server's close code once the session or the permission is gone
const HELLO_MS = 1500;
const GATHER_MS = 150;
const HELD_MS = 2000;

/** Delay before try number `failures` (from 1), in ms: doubling, capped, spread over its upper half. */
export function backoff(failures, random = Math.random) {
  const full = Math.min(LAST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.max(0, failures - 1));
  return full / 2 + (random() * full) / 2;
}

function clockTime(date) {
  return `${String(date.getHours()).padStart(2, "0")}:${String(date.getMinutes()).padStart(2, "0")}`;
}

class StateDot {
  constructor() {
    this.element = document.querySelector("[data-live-state]");
    this.word = this.element?.querySelector("[data-live-word]");
    this.state = "off";
    this.since = null;
  }

  show(state) {
    if (state === this.state) return;
    const before = this.state;
    this.state = state;
    if (!this.element) return;
    if (state === "offline") this.since = new Date();
    const words = { live: "Live", "catching-up": "Catching up", offline: `Offline since ${clockTime(this.since ?? new Date())}` };
    this.element.hidden = state === "off";
    this.element.dataset.state = state;
    this.word.textContent = words[state] ?? "";
    if (state === "offline") announce(`${words.offline}. The page looks for news every five seconds.`);
    if (state === "live" && before === "offline") announce("Live again");
  }
}

/** Fetches the page's partials, one round at a time; news that arrives during a round starts another one. */
class Partials {
  constructor(onDone) {
    this.onDone = onDone;
    this.running = false;
    this.again = false;
    this.timer = 0;
  }

  soon() {
    if (this.timer) return;
    this.timer = setTimeout(() => {
      this.timer = 0;
      this.round();
    }, GATHER_MS);
  }

  async round() {
    if (this.running) {
      this.again = true;
      return;
    }
    this.running = true;
    this.again = false;
    const parts = [...document.querySelectorAll("[data-live-refresh]")];
    const held = parts.some(isBeingUsed);
    const results = await Promise.all(parts.filter((part) => !isBeingUsed(part)).map(fetchPart));
    this.running = false;
    if (held) setTimeout(() => this.soon(), 1000);
    if (this.again) this.soon();
    else this.onDone(results.every(Boolean));
  }
}

/** Somebody types here or has a dialog open: their text is worth more than our news. */
function isBeingUsed(part) {
  if (part.querySelector("dialog[open]")) return true;
  const active = document.activeElement;
  return part.contains(active) && active.matches("textarea, select, input:not([type=checkbox], [type=radio])");
}

/** What the page holds, by id: the server sends along only the parts ([data-live-version]) that differ. */
function shownVersions() {
  const parts = document.querySelectorAll("[data-live-version][id]");
  return Object.fromEntries([...parts].map((part) => [part.id, part.dataset.liveVersion]));
}

async function fetchPart(part) {
  let ok = true;
  const failed = () => {
    ok = false;
  };
  part.addEventListener("htmx:responseError", failed);
  part.addEventListener("htmx:sendError", failed);
  part.addEventListener("htmx:timeout", failed);
  try {
    await window.htmx.ajax("GET", part.dataset.liveRefresh, {
      source: part,
      target: part,
      swap: part.dataset.liveSwap ?? "outerHTML",
      values: shownVersions(),
    });
  } catch {
    ok = false;
  }
  return ok;
}

class Feed {
  constructor({ type, id, seq, sockets }) {
    this.address = `${sockets}/ws/subjects/${encodeURIComponent(type)}/${encodeURIComponent(id)}/`;
    this.known = seq;
    this.heard = seq;
    this.failures = 0;
    this.socket = null;
    this.poller = 0;
    this.missed = false;
    this.dot = new StateDot();
    this.partials = new Partials((ok) => this.refreshed(ok));
  }

  start() {
    this.dot.show("catching-up");
    this.connect();
    document.addEventListener("visibilitychange", () => this.visibilityChanged());
    document.addEventListener("htmx:oobBeforeSwap", (event) => this.beforePart(event));
    window.addEventListener("online", () => this.connectNow());
    window.addEventListener("pagehide", () => this.leave());
    window.addEventListener("pageshow", (event) => event.persisted && this.connectNow());
    document.addEventListener("session:ended", () => {
      this.end();
      this.dot.show("offline");
    });
    setInterval(() => this.lookForSilence(), LOOK_MS);
  }

  /** Closing a socket that is still opening only writes an error into the console of a page that is gone. */
  leave() {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.close();
  }

  connectNow() {
    clearTimeout(this.retry);
    if (!this.socket || this.socket.readyState > WebSocket.OPEN) this.connect();
  }

  connect() {
    if (this.ended) return;
    let socket;
    try {
      socket = new WebSocket(this.address);
    } catch {
      this.lost();
      return;
    }
    this.socket = socket;
    socket.addEventListener("open", () => this.opened(socket));
    socket.addEventListener("message", (event) => this.received(event.data));
    socket.addEventListener("close", (event) => {
      if (event.code === NOT_YOURS) this.refresh();
      if (socket === this.socket) this.lost();
    });
  }

  opened(socket) {
    this.failures = 0;
    this.answered = false;
    this.lastWord = performance.now();
    this.stopPolling();
    // A server that greets with its position spares the request; one that does not gets asked.
    setTimeout(() => {
      if (socket === this.socket && !this.answered) this.refresh();
    }, HELLO_MS);
  }

  received(data) {
    this.lastWord = performance.now();
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return;
    }
    if (message.beat) this.beats = true;
    if (!Number.isInteger(message.seq)) return;
    this.answered = true;
    if (message.seq > this.known) {
      this.heard = Math.max(this.heard, message.seq);
      this.refresh();
    } else if (!this.partials.running) this.dot.show("live");
  }

  refresh() {
    if (this.ended) return;
    if (document.hidden) {
      this.missed = true;
      return;
    }
    if (this.dot.state !== "offline") this.dot.show("catching-up");
    this.asked = this.heard;
    this.partials.soon();
  }

  refreshed(ok) {
    if (this.ended) return;
    const connected = this.socket?.readyState === WebSocket.OPEN;
    if (ok) this.known = Math.max(this.known, this.asked ?? this.known);
    if (ok && connected) this.dot.show("live");
    if (ok && document.querySelector("[data-live-ended]")) this.end();
    if (!ok && !connected) this.dot.show("offline");
    if (!ok && connected) setTimeout(() => this.refresh(), POLL_MS);
  }

  lost() {
    this.socket = null;
    this.failures += 1;
    if (this.ended) return;
    this.dot.show(this.failures >= FAILURES_BEFORE_POLLING ? "offline" : "catching-up");
    if (this.failures >= FAILURES_BEFORE_POLLING) this.startPolling();
    this.retry = setTimeout(() => this.connect(), backoff(this.failures));
  }

  startPolling() {
    if (this.poller) return;
    this.refresh();
    this.poller = setInterval(() => this.refresh(), POLL_MS);
  }

  stopPolling() {
    clearInterval(this.poller);
    this.poller = 0;
  }

  lookForSilence() {
    // Only a server that beats may be judged by its silence.
    if (this.socket?.readyState !== WebSocket.OPEN || !this.beats) return;
    if (performance.now() - this.lastWord > SILENCE_MS) this.socket.close();
  }

  /** A part in use stays as it is; it keeps its old version, so that the next round brings it again. */
  beforePart(event) {
    if (!isBeingUsed(event.detail.target)) return;
    event.detail.shouldSwap = false;
    setTimeout(() => this.refresh(), HELD_MS);
  }

  visibilityChanged() {
    if (document.hidden) return;
    this.connectNow();
    if (!this.missed) return;
    this.missed = false;
    this.refresh();
  }

  end() {
    this.ended = true;
    clearTimeout(this.retry);
    this.stopPolling();
    this.socket?.close();
    this.dot.show("off");
  }
}

export function followSubject() {
  const { liveType, liveId, liveSeq, liveSockets } = document.body.dataset;
  if (!liveType || !liveId || document.querySelector("[data-live-ended]")) return;
  const sockets = liveSockets ?? `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}`;
  new Feed({ type: liveType, id: liveId, seq: Number.parseInt(liveSeq ?? "0", 10) || 0, sockets }).start();
}

// Saving the brief while somebody types. One request at a time; each names the version that the page was built on.

import { dropCopy, keepCopy } from "./brief-copy.js";
import { asText, typedIn } from "./brief-fields.js";

const AFTER_TYPING_MS = 1000;
const FIRST_RETRY_MS = 2000;
const LAST_RETRY_MS = 30_000;
const PATIENCE_MS = 15_000;

function newTab() {
  return [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** `on` hears the states: saving, saved, away, newer, ended, full, refused. `signIn` gives a fresh token, or nothing. */
export class Saver {
  constructor(form, on, signIn) {
    this.form = form;
    this.on = on;
    this.signIn = signIn;
    this.id = form.elements.form_id.value;
    this.tab = newTab();
    this.count = 0;
    this.retry = FIRST_RETRY_MS;
    this.version = Number(form.dataset.kept);
    this.kept = this.version ? asText(typedIn(form)) : null;
    this.touched = false;
    this.stopped = false;
    this.newer = 0;
    this.ended = false;
    this.timer = 0;
    this.running = null;
  }

  get isDirty() {
    return asText(typedIn(this.form)) !== this.kept;
  }

  touch() {
    this.touched = true;
    if (this.stopped || !this.isDirty) return;
    this.copy();
    if (!this.newer && !this.ended) this.later(AFTER_TYPING_MS);
  }

  copy() {
    const fields = typedIn(this.form);
    keepCopy(this.id, { user: this.form.dataset.user, at: Date.now(), seen: this.version, fields });
  }

  later(wait) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.flush(), wait);
  }

  /** Everything that is typed now is kept, or the reason why not: saved, newer, ended, away, full, refused. */
  async flush(asked = false) {
    clearTimeout(this.timer);
    while (this.running) await this.running;
    if (this.stopped) return "saved";
    if (this.newer) return "newer";
    if (this.ended && !asked) return "ended";
    if (!this.isDirty) return this.settled();
    this.running = this.save().finally(() => (this.running = null));
    const outcome = await this.running;
    if (outcome === "away") {
      this.later(this.retry);
      this.retry = Math.min(this.retry * 2, LAST_RETRY_MS);
    }
    return outcome === "saved" && this.isDirty ? this.flush(asked) : outcome;
  }

  settled() {
    dropCopy(this.id);
    return "saved";
  }

  async save(mayRenew = true) {
    const sent = asText(typedIn(this.form));
    this.on("saving");
    this.copy();
    let answer;
    try {
      answer = await fetch(this.form.dataset.saveUrl, { ...this.request(), signal: AbortSignal.timeout(PATIENCE_MS) });
    } catch {
      this.on("away");
      return "away";
    }
    if (answer.ok) return this.done(sent, await answer.json());
    if (answer.status === 409) return this.refused(await answer.json());
    if (answer.status === 422) {
      this.on("full");
      return "full";
    }
    if ((answer.status === 401 || answer.status === 403) && mayRenew) {
      const token = await this.signIn();
      if (token) {
        this.ended = false;
        this.form.elements.csrfmiddlewaretoken.value = token;
        return this.save(false);
      }
      this.ended = true;
      this.on("ended");
      return "ended";
    }
    const outcome = answer.status >= 500 || answer.status === 429 ? "away" : "refused";
    this.on(outcome);
    return outcome;
  }

  request() {
    this.count += 1;
    const body = new FormData(this.form);
    body.set("version", this.version);
    body.set("tab", this.tab);
    body.set("tab_save", this.count);
    return { method: "POST", body: new URLSearchParams(body), headers: { Accept: "application/json" }, redirect: "error" };
  }

  done(sent, state) {
    this.kept = sent;
    this.version = state.version;
    this.form.elements.version.value = state.version;
    this.retry = FIRST_RETRY_MS;
    if (!this.isDirty) dropCopy(this.id);
    this.on("saved", state.saved_at);
    return "saved";
  }

  refused(answer) {
    if (answer.code === "submitted") {
      this.stop();
      dropCopy(this.id);
      location.assign(answer.url);
      return "submitted";
    }
    this.newer = answer.version;
    this.form.elements.newer_version.value = answer.version;
    this.on("newer", answer.saved_at);
    return "newer";
  }

  /** This page's text replaces the newer one, unless a still newer one has come meanwhile. */
  takeOver() {
    this.version = this.newer;
    this.newer = 0;
    this.kept = null;
    return this.flush(true);
  }

  stop() {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  /** The page goes: what is typed and not kept is sent without waiting for an answer. */
  leave() {
    if (!this.touched || this.stopped || this.newer || this.ended || !this.isDirty) return;
    this.copy();
    fetch(this.form.dataset.saveUrl, { ...this.request(), keepalive: true }).catch(() => {});
  }
}

// The page of a brief: saves while somebody types, checks what was typed, goes through the steps, loses nothing.

import { announce } from "./announce.js";
import { Checker } from "./brief-check.js";
import { copiesOf, dropCopy, readCopy } from "./brief-copy.js";
import { asText, putBack, typedIn } from "./brief-fields.js";
import { guardPasted } from "./brief-json.js";
import { signInAgain } from "./brief-login.js";
import { Saver } from "./brief-save.js";
import { Steps } from "./brief-steps.js";

const STEP_WAITS_MS = 1500;

const WORDS = {
  saving: "Saving",
  away: "Not saved, trying again",
  newer: "Not saved: a newer version exists",
  ended: "Not saved: your session has ended",
  full: "Not saved: you have too many drafts",
  refused: "Not saved: the server refused it. Reload the page; your text is kept in this browser",
};

/** In the zone that the page's other times are printed in. */
function clock(instant) {
  const { zone, zoneLabel } = document.querySelector("form[data-brief]").dataset;
  const shape = { timeZone: zone, hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
  return `${new Intl.DateTimeFormat("en-GB", shape).format(new Date(instant))} ${zoneLabel}`;
}

function tellState(form, state, at) {
  const place = form.querySelector("[data-brief-state]");
  const before = place.dataset.state;
  place.dataset.state = state;
  place.textContent = state === "saved" ? `Saved ${clock(at)}` : WORDS[state];
  if (state !== before && state !== "saving" && !(state === "saved" && before === "saving")) announce(place.textContent);
}

/** What the person can do about it, beside the words that say what is wrong. */
function offerAct(form, state, saver) {
  if (state !== "newer" && state !== "ended") return;
  const act = document.createElement("button");
  act.type = "button";
  act.className = "button button--small";
  act.textContent = state === "newer" ? "What to do" : "Sign in";
  act.addEventListener("click", () => {
    if (state === "ended") return saver.flush(true);
    const box = document.getElementById("brief-newer");
    box.scrollIntoView({ block: "center" });
    box.focus();
  });
  form.querySelector("[data-brief-state]").append(" ", act);
}

function tellNewer(form, at) {
  const box = document.querySelector("[data-brief-newer]");
  const place = box.querySelector("[data-brief-newer-at]");
  if (place) place.textContent = clock(at);
  box.hidden = false;
}

/** The draft has an address of its own from its first save on: a reload or a bookmark leads back to it. */
function takeAddress(form) {
  form.querySelector("[data-brief-discard-ask]").hidden = false;
  document.getElementById("brief-full").hidden = true;
  if (location.pathname !== form.dataset.newUrl) return;
  const step = new URLSearchParams(location.search).get("step");
  history.replaceState(history.state, "", form.dataset.pageUrl + (step ? `?step=${step}` : ""));
}

/** Text that this browser holds and the server never got. Built on what the server has, it is put back; else offered. */
function restore(form, saver) {
  const own = readCopy(saver.id);
  const mine = own?.user === form.dataset.user;
  if (mine && asText(own.fields) !== asText(typedIn(form))) {
    if (own.seen !== saver.version) return offer(form, saver, { ...own, id: saver.id });
    putBack(form, own.fields);
    saver.touch();
    return saver.flush();
  }
  if (mine) dropCopy(saver.id);
  const [other] = location.pathname === form.dataset.newUrl ? copiesOf(form.dataset.user) : [];
  if (other) offer(form, saver, other);
}

function offer(form, saver, copy) {
  const box = document.querySelector("[data-brief-unsaved]");
  const name = copy.fields.find(([field]) => field === "name")?.[1].trim();
  box.querySelector("[data-brief-unsaved-name]").textContent = name || "a brief without a name";
  box.querySelector("[data-brief-unsaved-at]").textContent = `at ${clock(copy.at)}`;
  box.hidden = false;
  box.querySelector("[data-brief-unsaved-open]").addEventListener("click", () => {
    box.hidden = true;
    goOnWith(form, saver, copy);
  });
  box.querySelector("[data-brief-unsaved-drop]").addEventListener("click", () => {
    box.hidden = true;
    dropCopy(copy.id);
  });
}

/** On its own page if the server still has that draft, else here. */
async function goOnWith(form, saver, copy) {
  const page = form.dataset.pageUrl.replace(saver.id, copy.id);
  if (copy.id !== saver.id && copy.seen && (await fetch(page, { method: "GET" })).ok) {
    location.assign(page);
    return;
  }
  putBack(form, copy.fields);
  saver.touch();
  if ((await saver.flush()) === "saved") dropCopy(copy.id);
}

function guardLeaving(form, saver, steps, checker) {
  form.addEventListener("submit", async (event) => {
    if (form.dataset.cleared) return;
    const button = event.submitter;
    if (button?.matches("[data-brief-discard]")) {
      saver.stop();
      dropCopy(saver.id);
      return;
    }
    event.preventDefault();
    if (button?.matches("[data-brief-take-over]")) {
      if (!saver.newer) return submitNow(form, saver, button);
      await saver.takeOver();
      if (!saver.newer) document.querySelector("[data-brief-newer]").hidden = true;
      return;
    }
    if (steps.isOn && button?.value.startsWith("continue-")) {
      saver.touch();
      await steps.advance(soon(saver.flush()));
      return;
    }
    if (steps.isOn && button?.value.startsWith("step-")) {
      saver.touch();
      saver.flush();
      steps.go(Number(button.value.slice(5)));
      checker.run();
      return;
    }
    if (button?.matches("[data-brief-enter]")) {
      saver.touch(); // in the whole form Enter keeps what is typed; only the button hands it in
      saver.flush();
      checker.run();
      return;
    }
    saver.touched = true;
    const outcome = await saver.flush(true);
    if (outcome === "saved") submitNow(form, saver, button);
    else document.querySelector("[data-brief-newer]:not([hidden])")?.focus();
  });
  window.addEventListener("pageshow", () => {
    delete form.dataset.cleared;
    saver.stopped = false;
  });
}

/** Going on never waits long for a server that is slow or away. */
function soon(promise) {
  return Promise.race([promise, new Promise((resolve) => setTimeout(resolve, STEP_WAITS_MS))]);
}

function submitNow(form, saver, button) {
  saver.stop();
  form.dataset.cleared = "yes";
  setTimeout(() => form.requestSubmit(button)); // a form ignores a submit that is asked for during its own
}

function listen(form, saver, checker, steps) {
  form.addEventListener("input", (event) => {
    if (event.target.name?.startsWith("template_")) return;
    checker.edit(event.target.name);
    saver.touch();
  });
  form.addEventListener("focusout", (event) => event.target.name && checker.leaveField(event.target.name));
  form.addEventListener("change", (event) => {
    if (event.target.matches("[type=checkbox], select")) checker.leaveField(event.target.name);
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('a[href^="#"]');
    const target = link && document.getElementById(link.hash.slice(1));
    if (!target || !form.contains(target)) return;
    event.preventDefault();
    steps.reveal(target);
    target.focus();
  });
  window.addEventListener("online", () => saver.touched && saver.flush());
  document.addEventListener("visibilitychange", () => document.hidden && saver.touched && saver.flush());
  window.addEventListener("pagehide", () => saver.leave());
}

export function wireBrief() {
  const pasted = document.querySelector("form[data-brief-json]");
  if (pasted) guardPasted(pasted);
  const form = document.querySelector("form[data-brief]");
  if (!form) return;
  const urls = { login: form.dataset.loginUrl, session: form.dataset.sessionUrl };
  const signIn = () => signInAgain(document.getElementById("brief-login"), urls, form.dataset.user);
  const saver = new Saver(
    form,
    (state, at) => {
      tellState(form, state, at);
      offerAct(form, state, saver);
      if (state === "saved") takeAddress(form);
      if (state === "newer") tellNewer(form, at);
      if (state === "full") document.getElementById("brief-full").hidden = false;
    },
    signIn,
  );
  const checker = new Checker(form);
  const steps = new Steps(form, checker);
  checker.onTold = () => steps.isOn && steps.markAll();
  listen(form, saver, checker, steps);
  guardLeaving(form, saver, steps, checker);
  restore(form, saver);
}

// Small manners of every page: menus that close, errors that take the focus, sessions that end without eating a page.

import { announce } from "./announce.js";

function closeMenus(except) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (menu !== except) menu.open = false;
  }
}

function wireMenus() {
  document.addEventListener("click", (event) => closeMenus(event.target.closest("details.menu")));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    if (document.querySelector("dialog[open]")) return; // closes itself
    const within = document.activeElement?.closest("details.menu[open]");
    const menu = within ?? document.querySelector("details.menu[open]");
    if (!menu) return;
    menu.open = false;
    if (within) menu.querySelector("summary").focus();
  });
}

/** An opened question takes the focus to its first field, as a dialog would. */
function wireQuestions() {
  document.addEventListener(
    "toggle",
    (event) => {
      if (!event.target.matches?.("details.ask[open]")) return;
      event.target.querySelector(".ask__panel :is(select, textarea, input:not([type=hidden]), button)")?.focus();
    },
    true,
  );
}

function wirePrinting() {
  for (const button of document.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }
}

function wireDialogs() {
  document.addEventListener("click", (event) => {
    const opener = event.target.closest?.("[data-dialog-open]");
    if (opener) document.getElementById(opener.dataset.dialogOpen)?.showModal();
    if (event.target.closest?.("[data-dialog-close]")) event.target.closest("dialog")?.close();
  });
}

function wireDemoLogin() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-fill-login]");
    if (!button) return;
    document.getElementById("id_username").value = button.dataset.username;
    const password = document.getElementById("id_password");
    password.value = button.dataset.password;
    password.form.querySelector("[type=submit]").focus();
  });
}

function wireOnce() {
  // A double click sends one form. The server's key decides anyway; this spares the person a second answer.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || !form.matches("[data-once]")) return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
  });
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });
}

function notice(tone, sentence, link) {
  const place = document.getElementById("notices");
  if (!place || place.querySelector(`[data-notice="${tone}"]`)) return;
  const box = document.createElement("div");
  box.className = `notice tone-${tone}`;
  box.dataset.notice = tone;
  box.setAttribute("role", "alert");
  box.append(document.createElement("span"), document.createElement("p"));
  box.lastChild.textContent = `${sentence} `;
  if (link) {
    const anchor = document.createElement("a");
    anchor.href = link.href;
    anchor.textContent = link.label;
    box.lastChild.append(anchor);
  }
  place.append(box);
}

function clearNotice(tone) {
  document.querySelector(`#notices [data-notice="${tone}"]`)?.remove();
}

/** The answer is the login page: a redirect was followed because the session is over. */
export function isLogin(address) {
  return Boolean(address) && new URL(address, location.href).pathname === "/login/";
}

function wireAnswers() {
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr } = event.detail;
    if (isLogin(xhr.responseURL) || xhr.status === 401) {
      event.detail.shouldSwap = false;
      const next = encodeURIComponent(location.pathname + location.search);
      notice("waiting", "Your session has ended. What you see is kept.", { href: `/login/?next=${next}`, label: "Sign in again" });
      document.dispatchEvent(new CustomEvent("session:ended"));
      return;
    }
    if (xhr.status < 400) clearNotice("bad");
  });
  document.addEventListener("htmx:responseError", (event) => {
    const { status } = event.detail.xhr;
    if (status === 401) return;
    notice("bad", status === 403 ? "Your role does not allow this. Nothing was changed." : `The server answered ${status}. Nothing here was changed.`);
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    const said = event.detail.elt?.closest?.("[data-announce]") ?? event.detail.elt?.querySelector?.("[data-announce]");
    if (said) announce(said.dataset.announce);
  });
}

export function wirePage() {
  wireMenus();
  wireQuestions();
  wireDialogs();
  wirePrinting();
  wireDemoLogin();
  wireOnce();
  wireAnswers();
  document.querySelector("[data-focus-first]")?.focus();
}

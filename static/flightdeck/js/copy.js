// Copies text also where the clipboard API is missing: pages served over plain HTTP have none.

import { announce } from "./announce.js";

const SHOWN_MS = 2000;

function copyBySelection(text) {
  const box = document.createElement("textarea");
  box.value = text;
  box.readOnly = true;
  box.className = "visually-hidden";
  document.body.append(box);
  const before = document.activeElement;
  box.focus();
  box.select();
  let done = false;
  try {
    done = document.execCommand("copy");
  } catch {
    done = false;
  }
  box.remove();
  before?.focus?.({ preventScroll: true });
  return done;
}

async function copyText(text) {
  if (navigator.clipboard && window.isSecureContext) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // Permission refused: the older way may still work.
    }
  }
  return copyBySelection(text);
}

function offerByHand(button, text) {
  const field = document.createElement("input");
  field.className = "input copy__field";
  field.readOnly = true;
  field.value = text;
  field.setAttribute("aria-label", "Copy by hand");
  button.after(field);
  field.focus();
  field.select();
  field.addEventListener("blur", () => field.remove(), { once: true });
}

async function onClick(event) {
  const button = event.target.closest?.("[data-copy]");
  if (!button) return;
  const text = button.dataset.copy;
  if (!(await copyText(text))) {
    offerByHand(button, text);
    announce("Could not copy. The text is selected, copy it by hand.", 0);
    return;
  }
  button.dataset.done = "";
  const word = button.querySelector(".copy__word");
  if (word) word.textContent = "copied";
  announce("Copied", 0);
  setTimeout(() => {
    delete button.dataset.done;
    if (word) word.textContent = "";
  }, SHOWN_MS);
}

function reveal(root) {
  for (const button of root.querySelectorAll("[data-copy][hidden]")) button.hidden = false;
}

export function wireCopy() {
  reveal(document);
  document.addEventListener("click", onClick);
  document.addEventListener("htmx:load", (event) => reveal(event.target));
}

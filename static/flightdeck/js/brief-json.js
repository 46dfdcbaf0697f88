// A pasted brief is no draft: before it is sent, the session is looked at, so that an ended one does not eat the text.

import { signInAgain } from "./brief-login.js";

export function guardPasted(form) {
  const urls = { login: form.dataset.loginUrl, session: form.dataset.sessionUrl };
  form.addEventListener("submit", async (event) => {
    if (form.dataset.cleared) return;
    event.preventDefault();
    const button = event.submitter;
    const token = await signInAgain(document.getElementById("brief-login"), urls, form.dataset.user);
    if (!token) return;
    form.elements.csrfmiddlewaretoken.value = token;
    form.dataset.cleared = "yes";
    setTimeout(() => form.requestSubmit(button));
  });
  window.addEventListener("pageshow", () => delete form.dataset.cleared);
}

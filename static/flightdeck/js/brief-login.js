// Signing in again without leaving the page, over the same login view and its limit on guessing.

async function session(url) {
  try {
    const answer = await fetch(url, { headers: { Accept: "application/json" }, redirect: "error" });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

function parsed(html) {
  return new DOMParser().parseFromString(html, "text/html");
}

/** The session that the login led to, or the sentence that the login page answered with. */
async function tryLogin(form, urls) {
  const page = parsed(await (await fetch(urls.login)).text());
  const token = page.querySelector("form [name=csrfmiddlewaretoken]")?.value;
  if (!token) return (await session(urls.session)) ?? "Signing in did not work. Try again.";
  const body = new URLSearchParams(new FormData(form));
  body.set("csrfmiddlewaretoken", token);
  body.set("next", urls.session);
  const answer = await fetch(urls.login, { method: "POST", body });
  if (answer.headers.get("Content-Type")?.includes("json")) return answer.json();
  const said = parsed(await answer.text()).querySelector("#login-error")?.textContent.trim().replace(/\s+/g, " ");
  return said || "Signing in did not work. Try again.";
}

/** The token of a session of the same person; null when the dialog was closed instead. */
export async function signInAgain(dialog, urls, user) {
  const now = await session(urls.session);
  if (now?.user === user) return now.csrf;
  const form = dialog.querySelector("form");
  const error = dialog.querySelector("[data-brief-login-error]");
  const tell = (sentence) => {
    error.textContent = sentence;
    error.hidden = !sentence;
  };
  tell(now ? "Somebody else is signed in now. Sign in as yourself to save your brief." : "");
  return new Promise((resolve) => {
    const finish = (token) => {
      form.removeEventListener("submit", onSubmit);
      dialog.removeEventListener("close", onClose);
      form.elements.password.value = "";
      if (dialog.open) dialog.close();
      resolve(token);
    };
    const onClose = () => finish(null);
    const onSubmit = async (event) => {
      event.preventDefault();
      const button = form.querySelector("[type=submit]");
      if (button.disabled) return;
      button.disabled = true;
      const outcome = await tryLogin(form, urls).catch(() => "The server cannot be reached. Try again in a moment.");
      button.disabled = false;
      if (typeof outcome === "string") {
        tell(outcome);
        form.elements.password.select();
      } else if (outcome.user !== user) {
        tell("This brief belongs to another person. Sign in as that person.");
      } else {
        finish(outcome.csrf);
      }
    };
    form.addEventListener("submit", onSubmit);
    dialog.addEventListener("close", onClose);
    dialog.showModal();
    form.elements[form.elements.username.value ? "password" : "username"].focus();
  });
}

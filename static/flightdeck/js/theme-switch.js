const ORDER = ["system", "light", "dark"];
const KEY = "flightdeck.theme";

function current() {
  return document.documentElement.dataset.theme ?? "system";
}

function show(button) {
  const theme = current();
  for (const icon of button.querySelectorAll("[data-theme-icon]")) {
    icon.hidden = icon.dataset.themeIcon !== theme;
  }
  const next = ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length];
  button.setAttribute("aria-label", `Theme: ${theme}. Switch to ${next}`);
  button.title = `Theme: ${theme}`;
}

function choose(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    if (theme === "system") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, theme);
  } catch {
    // Not stored: the choice holds for this page.
  }
}

export function wireThemeSwitch() {
  const buttons = [...document.querySelectorAll("[data-theme-switch]")];
  for (const button of buttons) {
    button.hidden = false;
    show(button);
    button.addEventListener("click", () => {
      choose(ORDER[(ORDER.indexOf(current()) + 1) % ORDER.length]);
      buttons.forEach(show);
    });
  }
}

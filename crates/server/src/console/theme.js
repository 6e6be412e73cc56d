// Light or dark: what the system says, until somebody chooses; then what they chose, remembered.

const THEME_PLACE = "dauphin-theme";

function chooseTheme() {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const next = (root.dataset.theme ?? system) === "dark" ? "light" : "dark";
  if (next === system) delete root.dataset.theme;
  else root.dataset.theme = next;
  try {
    if (next === system) localStorage.removeItem(THEME_PLACE);
    else localStorage.setItem(THEME_PLACE, next);
  } catch { /* It is not remembered, then. */ }
}

function rememberedTheme() {
  try {
    const theme = localStorage.getItem(THEME_PLACE);
    if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
  } catch { /* Nothing is remembered. */ }
}

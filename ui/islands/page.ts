// What every page has: the theme's button, and buttons that copy.
import { remember } from "./preferences";

const root = document.documentElement;
const systemIsDark = matchMedia("(prefers-color-scheme: dark)");
const toggle = document.querySelector<HTMLButtonElement>("[data-theme-toggle]");

function isDark(): boolean {
  return root.dataset.theme === undefined ? systemIsDark.matches : root.dataset.theme === "dark";
}

function showTheme(): void {
  toggle?.setAttribute("aria-pressed", String(isDark()));
}

toggle?.addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  remember("theme", root.dataset.theme);
  showTheme();
});
systemIsDark.addEventListener("change", showTheme);
showTheme();

document.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-copy]") : null;
  const text = button?.closest("dd, p, .code")?.querySelector("[data-copyable]")?.textContent;
  if (button && text !== null && text !== undefined) {
    void copy(text).then(() => confirmOn(button));
  }
});

async function copy(text: string): Promise<void> {
  // Browsers give the clipboard to secure origins alone, and a tracing host is often plain HTTP.
  if (navigator.clipboard !== undefined) {
    return navigator.clipboard.writeText(text);
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

function confirmOn(button: HTMLElement): void {
  const label = button.getAttribute("aria-label") ?? "Copy";
  button.dataset.done = "";
  button.setAttribute("aria-label", "Copied");
  setTimeout(() => {
    delete button.dataset.done;
    button.setAttribute("aria-label", label);
  }, 1200);
}

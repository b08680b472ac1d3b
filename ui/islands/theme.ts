// Runs in the head, before anything is drawn: a theme that comes later would flash.
import { remembered } from "./preferences";

const root = document.documentElement;
root.classList.add("js");

const theme = remembered("theme");
if (theme === "light" || theme === "dark") {
  root.dataset.theme = theme;
}

const nameWidth = remembered("name-width");
if (nameWidth !== null && /^\d{2,4}px$/.test(nameWidth)) {
  root.style.setProperty("--name-width", nameWidth);
}

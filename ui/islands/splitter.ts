// The line between names and bars: dragged, or moved with the arrow keys.
import { remember } from "./preferences";

const NARROWEST = 240;
const ROOM_FOR_BARS = 160;
const STEP = 24;

export function watchSplitter(splitter: HTMLElement, tree: HTMLElement): void {
  const left = (): number => tree.getBoundingClientRect().left;
  const most = (): number => Math.max(NARROWEST, tree.clientWidth - ROOM_FOR_BARS);
  const current = (): number => splitter.getBoundingClientRect().left + 5 - left();

  function say(width: number): void {
    splitter.setAttribute("aria-valuemin", String(NARROWEST));
    splitter.setAttribute("aria-valuemax", String(Math.round(most())));
    splitter.setAttribute("aria-valuenow", String(Math.round(width)));
  }

  function move(width: number): void {
    const held = Math.round(Math.min(most(), Math.max(NARROWEST, width)));
    document.documentElement.style.setProperty("--name-width", `${held}px`);
    remember("name-width", `${held}px`);
    say(held);
  }

  splitter.addEventListener("pointerdown", (down) => {
    down.preventDefault();
    splitter.setPointerCapture(down.pointerId);
    const drag = (event: PointerEvent): void => move(event.clientX - left());
    splitter.addEventListener("pointermove", drag);
    splitter.addEventListener("lostpointercapture", () => splitter.removeEventListener("pointermove", drag), {
      once: true,
    });
  });
  splitter.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -STEP, ArrowRight: STEP }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      move(current() + step);
    }
  });
  say(current());
}

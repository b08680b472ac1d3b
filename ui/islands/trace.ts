// Makes the tree of a trace a treegrid: folding, keys, and choosing a span without a new page.
import { Panel } from "./panel";
import { Folding } from "./rows";
import { watchSplitter } from "./splitter";

class Tree {
  private readonly rows: readonly HTMLElement[];
  private readonly folding: Folding;
  private shown: Set<number>;
  private active: number;

  constructor(
    private readonly element: HTMLElement,
    private readonly panel: Panel,
    private readonly announcer: HTMLElement,
  ) {
    this.rows = [...element.querySelectorAll<HTMLElement>("[data-row]")];
    this.folding = new Folding(this.rows.map((row) => Number(row.dataset.depth)));
    this.shown = new Set(this.rows.keys());
    this.active = Math.max(0, this.rows.findIndex((row) => row.classList.contains("chosen")));
    this.becomeTreegrid();
    if (panel.wasAskedFor && location.hash === "") {
      this.rows[this.active]?.scrollIntoView({ block: "nearest" });
    }
    element.addEventListener("keydown", (event) => this.onKey(event));
    element.addEventListener("click", (event) => this.onClick(event));
    element.addEventListener("focusin", (event) => this.onFocus(event));
  }

  /** The page is a table until a script answers the keys that a treegrid promises. */
  private becomeTreegrid(): void {
    this.element.setAttribute("role", "treegrid");
    this.element.querySelectorAll(".tree-body [role=cell]").forEach((cell) => cell.setAttribute("role", "gridcell"));
    const siblings = this.folding.siblings();
    this.rows.forEach((row, index) => {
      row.setAttribute("aria-level", String(this.folding.depth(index) + 1));
      row.setAttribute("aria-posinset", String(siblings[index]?.place ?? 1));
      row.setAttribute("aria-setsize", String(siblings[index]?.of ?? 1));
      row.setAttribute("aria-selected", String(row.classList.contains("chosen")));
      row.tabIndex = index === this.active ? 0 : -1;
      row.querySelector("a")?.setAttribute("tabindex", "-1");
      if (this.folding.descendants(index) > 0) {
        row.setAttribute("aria-expanded", "true");
      } else {
        delete row.dataset.parent;
      }
    });
  }

  foldTo(levels: number): void {
    this.folding.foldTo(levels);
    this.redraw();
    this.announcer.textContent = `${this.shown.size} of ${this.rows.length} rows shown.`;
    this.chooseWhatIsShown();
  }

  /** The first row of that span on this page, or -1. */
  find(spanId: string): number {
    return this.rows.findIndex((row) => row.dataset.span === spanId);
  }

  async choose(index: number): Promise<void> {
    this.folding.reveal(index);
    this.redraw();
    this.focus(index);
    await this.show(index);
  }

  /** A choice that is folded away passes to the nearest row above that is shown; the focus stays where it is. */
  private chooseWhatIsShown(): void {
    const chosen = this.rows.findIndex((row) => row.classList.contains("chosen"));
    let above = chosen;
    while (above >= 0 && !this.shown.has(above)) {
      above = this.folding.parent(above);
    }
    if (above >= 0 && above !== chosen) {
      void this.show(above);
    }
  }

  private async show(index: number): Promise<void> {
    const row = this.rows[index];
    const link = row?.querySelector("a");
    if (!row || !link) {
      return;
    }
    this.mark(row);
    const address = new URL(link.href);
    address.hash = "";
    history.replaceState(null, "", address);
    try {
      if (await this.panel.show(row.dataset.span ?? "", Number(row.dataset.row))) {
        this.announcer.textContent = `Chosen: ${link.textContent?.replace(/\s+/g, " ").trim() ?? ""}.`;
      }
    } catch {
      // The page of this span, which the address is by now, says best what is wrong.
      location.reload();
    }
  }

  private mark(chosen: HTMLElement): void {
    for (const row of this.element.querySelectorAll(".chosen")) {
      row.classList.remove("chosen");
      row.setAttribute("aria-selected", "false");
    }
    chosen.classList.add("chosen");
    chosen.setAttribute("aria-selected", "true");
  }

  private fold(index: number, folded: boolean): void {
    this.folding.fold(index, folded);
    this.redraw();
    this.focus(index);
  }

  private redraw(): void {
    const shown = new Set(this.folding.visible());
    this.rows.forEach((row, index) => {
      if (shown.has(index) !== this.shown.has(index)) {
        row.hidden = !shown.has(index);
      }
      if (this.folding.descendants(index) > 0) {
        this.showFolding(row, index);
      }
    });
    this.shown = shown;
    while (this.active > 0 && !shown.has(this.active)) {
      this.setActive(this.folding.parent(this.active));
    }
  }

  private showFolding(row: HTMLElement, index: number): void {
    const expanded = String(!this.folding.isFolded(index));
    if (row.getAttribute("aria-expanded") === expanded) {
      return;
    }
    row.setAttribute("aria-expanded", expanded);
    row.querySelector(".hidden-count")?.remove();
    if (expanded === "false") {
      const count = document.createElement("span");
      count.className = "hidden-count";
      count.textContent = `+${this.folding.descendants(index).toLocaleString("en")}`;
      row.querySelector(".name")?.append(count);
    }
  }

  private setActive(index: number): void {
    const next = this.rows[index];
    if (next) {
      const previous = this.rows[this.active];
      if (previous) {
        previous.tabIndex = -1;
      }
      next.tabIndex = 0;
      this.active = index;
    }
  }

  private focus(index: number): void {
    this.setActive(index);
    this.rows[index]?.focus({ preventScroll: true });
    this.rows[index]?.scrollIntoView({ block: "nearest" });
  }

  /** Screen readers focus rows by themselves; the keys go on from there. */
  private onFocus(event: FocusEvent): void {
    const index = this.rows.findIndex((row) => row === event.target);
    if (index >= 0) {
      this.setActive(index);
    }
  }

  private onClick(event: MouseEvent): void {
    const target = event.target instanceof Element ? event.target : null;
    const row = target?.closest<HTMLElement>("[data-row]");
    // With a modifier the reader wants the browser's own way: a new tab or window.
    if (!target || !row || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) {
      return;
    }
    event.preventDefault();
    const index = this.rows.indexOf(row);
    if (target.closest(".twisty") && this.folding.descendants(index) > 0) {
      this.fold(index, !this.folding.isFolded(index));
    } else {
      void this.choose(index);
    }
  }

  private onKey(event: KeyboardEvent): void {
    const target = event.target instanceof Element ? event.target : null;
    if (!target?.closest("[data-row]") || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) {
      return;
    }
    if (this.act(event.key)) {
      event.preventDefault();
    }
  }

  /** True where the key meant something here. */
  private act(key: string): boolean {
    const visible = [...this.shown];
    const place = visible.indexOf(this.active);
    switch (key) {
      case "ArrowDown":
        this.focus(visible[place + 1] ?? this.active);
        return true;
      case "ArrowUp":
        this.focus(visible[place - 1] ?? this.active);
        return true;
      case "PageDown":
        this.focus(visible[Math.min(place + 20, visible.length - 1)] ?? this.active);
        return true;
      case "PageUp":
        this.focus(visible[Math.max(place - 20, 0)] ?? this.active);
        return true;
      case "Home":
        this.focus(visible[0] ?? this.active);
        return true;
      case "End":
        this.focus(visible.at(-1) ?? this.active);
        return true;
      case "ArrowLeft":
        this.goOut();
        return true;
      case "ArrowRight":
        this.goIn();
        return true;
      case "Enter":
      case " ":
        void this.choose(this.active);
        return true;
      default:
        return false;
    }
  }

  private goOut(): void {
    if (this.folding.descendants(this.active) > 0 && !this.folding.isFolded(this.active)) {
      this.fold(this.active, true);
    } else if (this.folding.parent(this.active) >= 0) {
      this.focus(this.folding.parent(this.active));
    }
  }

  private goIn(): void {
    if (this.folding.isFolded(this.active)) {
      this.fold(this.active, false);
    } else if (this.folding.descendants(this.active) > 0) {
      this.focus(this.active + 1);
    }
  }
}

function start(element: HTMLElement, details: HTMLElement, announcer: HTMLElement): void {
  const tree = new Tree(element, new Panel(details, element.dataset.trace ?? ""), announcer);
  document.querySelectorAll<HTMLElement>("[data-level]").forEach((button) => {
    button.addEventListener("click", () => {
      const level = button.dataset.level;
      tree.foldTo(level === "all" ? Infinity : Number(level));
    });
  });
  details.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-span-link]") : null;
    const row = link ? tree.find(link.dataset.spanLink ?? "") : -1;
    if (row >= 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      void tree.choose(row);
    }
  });
  details.addEventListener("click", (event) => {
    const close = event.target instanceof Element ? event.target.closest<HTMLAnchorElement>("[data-close]") : null;
    if (close && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      history.replaceState(null, "", close.href);
      details.dataset.default = "";
    }
  });
  const splitter = document.querySelector<HTMLElement>("#splitter");
  if (splitter) {
    watchSplitter(splitter, element);
  }
}

const [element, details, announcer] = ["#tree", "#details", "#announcer"].map((id) =>
  document.querySelector<HTMLElement>(id),
);
if (element && details && announcer) {
  start(element, details, announcer);
}

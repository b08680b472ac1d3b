// The panel beside the tree: one span's details, fetched as HTML when the span is chosen.

export class Panel {
  private asked: AbortController | null = null;

  constructor(
    private readonly element: HTMLElement,
    private readonly traceId: string,
  ) {}

  /** Whether a reader chose what it shows. */
  get wasAskedFor(): boolean {
    return this.element.dataset.default === undefined;
  }

  /** Show the span; resolves to false where a later choice overtook this one. */
  async show(spanId: string, row: number): Promise<boolean> {
    this.asked?.abort();
    const asked = new AbortController();
    this.asked = asked;
    this.element.setAttribute("aria-busy", "true");
    try {
      const response = await fetch(`/trace/${this.traceId}/span/${spanId}?row=${row}`, { signal: asked.signal });
      if (!response.ok) {
        throw new Error(`status ${response.status}`);
      }
      const html = await response.text();
      this.element.innerHTML = html;
      this.element.scrollTop = 0;
      delete this.element.dataset.default;
    } catch (error) {
      if (asked.signal.aborted) {
        return false;
      }
      throw error;
    } finally {
      if (this.asked === asked) {
        this.element.removeAttribute("aria-busy");
      }
    }
    return true;
  }
}

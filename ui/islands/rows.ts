// The tree's rows as numbers: which are shown, and which lies where. Knows nothing of the page.


export class Folding {
  private readonly folded = new Set<number>();
  private readonly ends: readonly number[];
  private readonly parents: readonly number[];

  constructor(private readonly depths: readonly number[]) {
    this.ends = subtreeEnds(depths);
    this.parents = parentsOf(depths);
  }

  get count(): number {
    return this.depths.length;
  }

  depth(row: number): number {
    return this.depths[row] ?? 0;
  }

  /** The row that *row* hangs on, or -1. */
  parent(row: number): number {
    return this.parents[row] ?? -1;
  }

  /** How many rows hang below *row*, near and far. */
  descendants(row: number): number {
    return (this.ends[row] ?? row + 1) - row - 1;
  }

  isFolded(row: number): boolean {
    return this.folded.has(row);
  }

  fold(row: number, folded: boolean): void {
    if (folded && this.descendants(row) > 0) {
      this.folded.add(row);
    } else {
      this.folded.delete(row);
    }
  }

  /** Show *levels* levels and fold what is deeper; Infinity shows all. */
  foldTo(levels: number): void {
    const shallowest = Math.min(...this.depths);
    this.folded.clear();
    this.depths.forEach((depth, row) => this.fold(row, depth - shallowest >= levels - 1));
  }

  /** Unfold whatever hides *row*. */
  reveal(row: number): void {
    for (let above = this.parent(row); above >= 0; above = this.parent(above)) {
      this.folded.delete(above);
    }
  }

  /** Rows that are not inside a folded one, in order. */
  visible(): number[] {
    const rows: number[] = [];
    for (let row = 0; row < this.count; row = this.isFolded(row) ? (this.ends[row] ?? this.count) : row + 1) {
      rows.push(row);
    }
    return rows;
  }

  /** The place of *row* among its siblings, and how many they are. */
  siblings(): { place: number; of: number }[] {
    const counts = new Map<number, number>();
    const places = this.parents.map((parent) => {
      const place = (counts.get(parent) ?? 0) + 1;
      counts.set(parent, place);
      return place;
    });
    return places.map((place, row) => ({ place, of: counts.get(this.parent(row)) ?? 1 }));
  }
}

function subtreeEnds(depths: readonly number[]): number[] {
  const ends = depths.map(() => depths.length);
  const open: number[] = [];
  depths.forEach((depth, row) => {
    for (let last = open.at(-1); last !== undefined && (depths[last] ?? 0) >= depth; last = open.at(-1)) {
      ends[last] = row;
      open.pop();
    }
    open.push(row);
  });
  return ends;
}

function parentsOf(depths: readonly number[]): number[] {
  const open: number[] = [];
  return depths.map((depth, row) => {
    while (open.length > 0 && (depths[open.at(-1) ?? 0] ?? 0) >= depth) {
      open.pop();
    }
    const parent = open.at(-1) ?? -1;
    open.push(row);
    return parent;
  });
}

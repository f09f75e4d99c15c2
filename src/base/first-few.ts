// A list that keeps the first few items of each kind and counts the rest, so that a report stays readable.

interface LeftOut<Kind, Item> {
  readonly kind: Kind;
  readonly count: number;
  /** The first item that was not kept. */
  readonly first: Item;
}

/** Keeps the first `max` items of each kind. */
export class FirstFew<Kind extends string, Item> {
  readonly #max: number;
  readonly #kept: Item[] = [];
  readonly #counts = new Map<Kind, number>();
  readonly #firstLeftOut = new Map<Kind, Item>();

  constructor(max: number) {
    this.#max = max;
  }

  add(kind: Kind, item: Item): void {
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    if (count <= this.#max) this.#kept.push(item);
    else if (count === this.#max + 1) this.#firstLeftOut.set(kind, item);
  }

  /** Whether further items of this kind are only counted. */
  isFull(kind: Kind): boolean {
    return (this.#counts.get(kind) ?? 0) >= this.#max;
  }

  /** The kept items in order of arrival. */
  get kept(): readonly Item[] {
    return this.#kept;
  }

  /** The kinds with more than `max` items. */
  get leftOut(): LeftOut<Kind, Item>[] {
    return [...this.#firstLeftOut].map(([kind, first]) => ({
      kind,
      count: (this.#counts.get(kind) ?? 0) - this.#max,
      first,
    }));
  }
}

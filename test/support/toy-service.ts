/** A service of the daemon that does nothing: what it has to implement, and what is done with it, in the least code. */

import type { DaemonService } from '../../src/kit/daemon-service.ts';
import { z } from '../../src/kit/schema.ts';
import { type Section, type Settings, sectionOf } from '../../src/kit/settings.ts';

/** [toy] of portreeve.toml. */
interface ToySection {
  readonly color?: string | undefined;
}

export const TOY_SECTION: Section<ToySection> = {
  name: 'toy',
  schema: async () => z.strictObject({ color: z.string('a color').optional() }, 'a section, [toy]'),
};

/** What a toy does when it is to fail. */
export type ToyFault = 'start' | 'check' | 'reload' | 'stop';

/** Writes down what is done with it. */
export class ToyService implements DaemonService {
  readonly name: string;
  readonly done: string[];
  fault: ToyFault | undefined;
  /** Undefined: it fails whatever it is given. */
  faultAt: string | undefined;
  /** Where it shows its color. */
  path: string;
  #color: string;
  #painted = 0;

  /** `done`: what is done with it and with other toys, in order. */
  constructor(name: string, done: string[], settings: Settings = {}) {
    this.name = name;
    this.path = `/v1/${name}`;
    this.done = done;
    this.#color = colorIn(settings);
  }

  get routes() {
    return {
      queries: { [this.path]: () => ({ color: this.#color }) },
      commands: { [`/v1/${this.name}/paint`]: (request: unknown) => ({ painted: ++this.#painted, request }) },
    };
  }

  get summary(): string {
    return `${this.name} is ${this.#color}`;
  }

  async start(): Promise<void> {
    this.#do('start');
  }

  async ready(): Promise<string> {
    return `${this.name} is ready\n`;
  }

  async stop(): Promise<void> {
    this.#do('stop');
  }

  check(settings: Settings): void {
    this.#do('check', colorIn(settings));
  }

  async reload(settings: Settings): Promise<void> {
    this.#do('reload', colorIn(settings));
    this.#color = colorIn(settings);
  }

  #do(what: ToyFault, ...more: readonly string[]): void {
    this.done.push([this.name, what, ...more].join(' '));
    const isAt = this.faultAt === undefined || more.includes(this.faultAt);
    if (this.fault === what && isAt) throw new Error(`${this.name} cannot ${what}`);
  }

  async status() {
    return { color: this.#color };
  }

  async metrics() {
    const labels = { toy: this.name };
    const samples = [{ labels, value: this.#painted }];
    return [{ name: 'portreeve_toy_paints_total', type: 'counter', help: 'Paints.', samples } as const];
  }
}

function colorIn(settings: Settings): string {
  return sectionOf(settings, TOY_SECTION).color ?? 'plain';
}

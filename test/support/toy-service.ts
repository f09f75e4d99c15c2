// A minimal daemon service, which records the calls to it.

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

/** The call that fails. */
export type ToyFault = 'start' | 'check' | 'reload' | 'stop';

export class ToyService implements DaemonService {
  readonly name: string;
  readonly done: string[];
  fault: ToyFault | undefined;
  /** Fail only with this color; undefined: with any. */
  faultAt: string | undefined;
  /** The path that returns its color. */
  path: string;
  #color: string;
  #painted = 0;

  /** `done` receives the calls to this and other toys in order. */
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

// Reads the ring buffer and the counters of the guard in the kernel, for the recorder of events.
import { readFileSync } from 'node:fs';
import { PortreeveError } from '../../base/errors.ts';
import { exactNumber } from '../../base/numbers.ts';
import type { KernelBpf } from '../../host/host.ts';
import { RingBuffer } from '../../host/linux/ring-buffer.ts';
import { BpfMap } from '../../host/linux/sys/bpf-map.ts';
import type { GuardKernel } from '../app/kernel/kernel.ts';
import { bootMsOf } from '../core/events.ts';
import type { EventSource } from './event-recording.ts';

/** The caller closes this source, and then the guard. */
export class KernelEventSource implements EventSource {
  readonly guard: string;
  readonly #kernel: GuardKernel;
  readonly #bpf: Pick<KernelBpf, 'bootNow'>;
  readonly #ring: RingBuffer;

  constructor(kernel: GuardKernel, bpf: Pick<KernelBpf, 'bootNow'>) {
    const { events } = kernel;
    if (!(events instanceof BpfMap))
      throw new PortreeveError('NO_RING', 'the map of events is not a map of this host');
    this.#kernel = kernel;
    this.#bpf = bpf;
    this.#ring = new RingBuffer(events);
    // The kernel uses no map id twice until the next boot.
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    this.guard = `${boot} ${events.info.id}`;
  }

  revision(): number {
    return this.#kernel.state().revision;
  }

  lost(): number {
    return exactNumber(this.#kernel.state().counters.lost);
  }

  bootNowMs(): number {
    return exactNumber(this.#bpf.bootNow() / 1000n) / 1000;
  }

  takeNewest(onRecord: (record: DataView) => void): number {
    const { newest } = this.#kernel;
    const records = [...newest.keys()].flatMap((key) => {
      const record = newest.lookup(key);
      newest.delete(key);
      return record ? [new DataView(record.buffer)] : [];
    });
    for (const record of records.toSorted((a, b) => bootMsOf(a) - bootMsOf(b))) onRecord(record);
    return records.length;
  }

  drain(onRecord: (record: DataView) => void, max: number): number {
    return this.#ring.drain(onRecord, max);
  }

  wait(timeoutMs: number): Promise<boolean> {
    return this.#ring.wait(timeoutMs);
  }

  close(): void {
    this.#ring.close();
  }
}

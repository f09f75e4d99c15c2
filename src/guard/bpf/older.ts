// The layouts of guards that older versions installed, in addition to the head of their map `config`.

export interface OlderLayout {
  /** The names of the counters, in the order of the map. */
  readonly counters: readonly string[];
  /** The size of one set of tables in the map `config`, and the offset of the revision in it. */
  readonly slotBytes: number;
  readonly revisionAt: number;
  /** Whether its records of refusals have the present layout, so that the maps with them can be kept. */
  readonly hasOurEvents: boolean;
}

/** By GUARD_ABI. Of other versions only the head is known. */
export const OLDER_LAYOUTS: Readonly<Record<number, OlderLayout>> = {
  2: {
    counters: [
      'judged',
      'RESERVED_FOR_NO_ONE',
      'RESERVED_FOR_OTHERS',
      'SAF_NOT_PERMITTED',
      'LOW_PORT_RESTRICTED',
      'UNRESERVED_DENIED',
      'UNRESERVED_FOR_OTHERS',
      'lost',
    ],
    slotBytes: 552,
    revisionAt: 36,
    hasOurEvents: true,
  },
};

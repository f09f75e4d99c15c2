// What is known of the guards that older versions have put into the kernel, beside the head of their map `config`.

/** Where they have what, and how much of it can be kept. */
export interface OlderLayout {
  /** What they count, in the order of their map. */
  readonly counters: readonly string[];
  /** The bytes of one set of tables in the map `config`, and where in it the revision stands. */
  readonly slotBytes: number;
  readonly revisionAt: number;
  /** Whether what they tell of refusals means the same to us, so that the maps with it can be kept. */
  readonly hasOurEvents: boolean;
}

/** By GUARD_ABI. Of others only the head is known. */
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

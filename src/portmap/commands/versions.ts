// Formats the versions of an RPC program compactly.

/** "2-4" for 2, 3 and 4; "1,3" for 1 and 3. */
export function versionsText(versions: readonly number[]): string {
  const sorted = [...new Set(versions)].sort((a, b) => a - b);
  const runs: [first: number, last: number][] = [];
  for (const version of sorted) {
    const run = runs.at(-1);
    if (run && run[1] === version - 1) run[1] = version;
    else runs.push([version, version]);
  }
  return runs.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
}

// Parses RFC 3339 timestamps: "2026-11-20T10:59:03Z", "2026-11-20T11:59:03.5+01:00".

// RFC 3339 5.6: date-time. A space may replace the T.
const DATE_TIME =
  /^(\d{4}-\d\d-\d\d)[Tt ]((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:\.(\d{1,9}))?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

/** Returns milliseconds since 1970-01-01 UTC, rounded down, or undefined if the text is invalid. */
export function parseRfc3339(text: string): number | undefined {
  const [, date, time, fraction = '', zone] = DATE_TIME.exec(text) ?? [];
  if (date === undefined || time === undefined || zone === undefined) return undefined;
  const ms = `${fraction}000`.slice(0, 3);
  const local = Date.parse(`${date}T${time}.${ms}Z`);
  // JavaScript would turn February 30 into another day.
  if (Number.isNaN(local) || !new Date(local).toISOString().startsWith(date)) return undefined;
  return Date.parse(`${date}T${time}.${ms}${zone.toUpperCase()}`);
}

// Formats a profile. Included files are neither read nor formatted.
import { PortreeveError } from '../../base/errors.ts';
import { PROFILE_MAX_BYTES } from '../../base/limits.ts';
import type { Files } from '../../host/host.ts';
import { decodeProfile } from '../text/decode.ts';
import { formatProfile } from '../text/format.ts';
import { parseProfile } from '../text/parse.ts';
import type { ReadingOptions } from './load.ts';
import { type Report, reportOf } from './report.ts';

/** A formatted profile. */
interface CanonicalProfile {
  readonly text: string;
  /** Whether the file already has this text. */
  readonly isCanonical: boolean;
  /** If there are errors, `text` is incomplete. */
  readonly report: Report;
}

/** Formats a file. Throws PortreeveError for a file that is missing, unreadable or not text. */
export function canonicalProfile(
  file: string,
  files: Pick<Files, 'readBytes'>,
  { zosNames, symbols }: ReadingOptions,
): CanonicalProfile {
  const bytes = files.readBytes(file, PROFILE_MAX_BYTES);
  if (!bytes) {
    throw new PortreeveError('FILE_MISSING', `there is no file ${file}`, 'Check the path.', {
      path: file,
    });
  }
  const source = { file, text: decodeProfile(bytes, file) };
  // The prefix keeps an INCLUDE of this file from being taken for a cycle.
  const include = (path: string) => ({ file: `INCLUDE ${path}`, text: '' });
  const parsed = parseProfile(source, { zosNames, symbols, include });
  const text = formatProfile(parsed);
  const encoded = new TextEncoder().encode(text);
  return {
    text,
    isCanonical: encoded.length === bytes.length && encoded.every((byte, at) => byte === bytes[at]),
    report: reportOf(parsed.findings, new Map([[file, source.text]])),
  };
}

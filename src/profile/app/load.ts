// Loads a profile: reads the file and its includes, parses and executes the statements, and reports the findings.
import { messageOf, PortreeveError } from '../../base/errors.ts';
import { PROFILE_MAX_BYTES, PROFILE_TOTAL_MAX_BYTES } from '../../base/limits.ts';
import type { Files } from '../../host/host.ts';
import type { ArchivedText } from '../core/archive.ts';
import { buildProfile } from '../core/build.ts';
import type { Profile } from '../core/rules.ts';
import { decodeProfile } from '../text/decode.ts';
import { type ParseOptions, parseProfile } from '../text/parse.ts';
import { normalizePath, resolvePath } from './paths.ts';
import { type Report, reportOf } from './report.ts';

export interface ReadingOptions {
  /** Job names have at most 8 characters, as on z/OS. */
  readonly zosNames: boolean;
  /** The values of system symbols, by name. */
  readonly symbols: Readonly<Record<string, string>>;
}

/** A profile, its findings and its texts. */
export interface LoadedProfile {
  /** The rules without the entries that have errors. */
  readonly profile: Profile;
  readonly report: Report;
  /** The texts of all files, the root first. */
  readonly texts: readonly ArchivedText[];
}

type Include = NonNullable<ParseOptions['include']>;

/**
 * Loads a profile from disk. With `base` it is executed on top of that, as an obeyfile. Throws PortreeveError if the
 * file is missing (`FILE_MISSING`, usage), unreadable or not text; for included files these are findings.
 */
export function loadProfile(
  path: string,
  files: Pick<Files, 'readBytes'>,
  options: ReadingOptions,
  base?: Profile,
): LoadedProfile {
  const file = normalizePath(path);
  const texts = new Map([[file, readProfileText(file, files)]]);
  return execute(file, texts, includeFrom(files, texts), options, base);
}

/** Loads a profile from archived texts, the root first. */
export function replayProfile(
  archived: readonly ArchivedText[],
  options: ReadingOptions,
  base?: Profile,
): LoadedProfile {
  const texts = new Map(archived.map(({ path, text }) => [path, text]));
  const include: Include = (path, from) => {
    const file = resolvePath(path, from);
    const text = texts.get(file);
    return text === undefined ? { problem: `${file} is not in the archive` } : { file, text };
  };
  return execute(archived[0]?.path ?? '', texts, include, options, base);
}

/** The text of a file of a profile. Throws PortreeveError, as `loadProfile` does. */
export function readProfileText(path: string, files: Pick<Files, 'readBytes'>): string {
  const bytes = files.readBytes(path, PROFILE_MAX_BYTES);
  if (bytes) return decodeProfile(bytes, path);
  throw new PortreeveError('FILE_MISSING', `there is no file ${path}`, 'Check the path.', { path });
}

/** Reads the files of INCLUDE from disk, each once, and adds them to `texts`. */
function includeFrom(files: Pick<Files, 'readBytes'>, texts: Map<string, string>): Include {
  let characters = 0;
  return (path, from) => {
    const file = resolvePath(path, from);
    try {
      const text = texts.get(file) ?? readProfileText(file, files);
      characters += text.length;
      if (characters > PROFILE_TOTAL_MAX_BYTES) {
        return { problem: `the included files exceed ${PROFILE_TOTAL_MAX_BYTES} bytes in total` };
      }
      texts.set(file, text);
      return { file, text };
    } catch (thrown) {
      if (!(thrown instanceof PortreeveError)) throw thrown;
      return { problem: messageOf(thrown) };
    }
  };
}

function execute(
  file: string,
  texts: ReadonlyMap<string, string>,
  include: Include,
  { zosNames, symbols }: ReadingOptions,
  base: Profile | undefined,
): LoadedProfile {
  const parsed = parseProfile({ file, text: texts.get(file) ?? '' }, { zosNames, symbols, include });
  const built = base ? buildProfile(parsed.statements, base) : buildProfile(parsed.statements);
  // Warnings about the files of the base were reported when these were loaded.
  const findings = built.findings.filter(
    ({ severity, place }) => severity === 'error' || texts.has(place.file),
  );
  return {
    profile: built.profile,
    report: reportOf([...parsed.findings, ...findings], texts),
    texts: [...texts].map(([path, text]) => ({ path, text })),
  };
}

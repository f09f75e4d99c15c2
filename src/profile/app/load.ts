// A profile from its files: read, parsed with all that it includes, and executed, with what is to be said about it.
import { messageOf, PortreeveError } from '../../base/errors.ts';
import { PROFILE_MAX_BYTES, PROFILE_TOTAL_MAX_BYTES } from '../../base/limits.ts';
import type { Files } from '../../host/host.ts';
import type { ArchivedText } from '../core/archive.ts';
import { buildProfile } from '../core/build.ts';
import type { Profile } from '../core/rules.ts';
import { decodeProfile } from '../text/decode.ts';
import { type ParseOptions, parseProfile } from '../text/parse.ts';
import { cleaned, pathBeside } from './paths.ts';
import { type Report, reportOf } from './report.ts';

/** How the words of a profile are read. */
export interface ReadingOptions {
  /** Job names have at most 8 characters, as on z/OS. */
  readonly zosNames: boolean;
  /** The values of system symbols, by name. */
  readonly symbols: Readonly<Record<string, string>>;
}

/** A profile, and what it was made of. */
export interface LoadedProfile {
  /** What holds when everything is ignored that is wrong. */
  readonly profile: Profile;
  readonly report: Report;
  /** The files that took part, the root first. */
  readonly texts: readonly ArchivedText[];
}

type Include = NonNullable<ParseOptions['include']>;

/**
 * Reads a profile from the disk. With `base` it is executed on top of that, as an obeyfile. Throws PortreeveError where
 * the file is not there (`FILE_MISSING`, usage), cannot be read, or is no text; of files that it includes that is
 * reported.
 */
export function loadProfile(
  path: string,
  files: Pick<Files, 'readBytes'>,
  options: ReadingOptions,
  base?: Profile,
): LoadedProfile {
  const file = cleaned(path);
  const texts = new Map([[file, readProfileText(file, files)]]);
  return executed(file, texts, includeFrom(files, texts), options, base);
}

/** Makes a profile of texts that were read before: the root first, the others where it includes them. */
export function replayProfile(
  archived: readonly ArchivedText[],
  options: ReadingOptions,
  base?: Profile,
): LoadedProfile {
  const texts = new Map(archived.map(({ path, text }) => [path, text]));
  const include: Include = (path, from) => {
    const file = pathBeside(path, from);
    const text = texts.get(file);
    return text === undefined ? { problem: `${file} is not in the archive` } : { file, text };
  };
  return executed(archived[0]?.path ?? '', texts, include, options, base);
}

/** The text of a file of a profile. Throws PortreeveError, as `loadProfile` does. */
export function readProfileText(path: string, files: Pick<Files, 'readBytes'>): string {
  const bytes = files.readBytes(path, PROFILE_MAX_BYTES);
  if (bytes) return decodeProfile(bytes, path);
  throw new PortreeveError('FILE_MISSING', `there is no file ${path}`, 'Check the path.', { path });
}

/** What INCLUDE names, read once from the disk; the texts are kept in `texts`. */
function includeFrom(files: Pick<Files, 'readBytes'>, texts: Map<string, string>): Include {
  let characters = 0;
  return (path, from) => {
    const file = pathBeside(path, from);
    try {
      const text = texts.get(file) ?? readProfileText(file, files);
      characters += text.length;
      if (characters > PROFILE_TOTAL_MAX_BYTES) {
        return { problem: `what is included has more than ${PROFILE_TOTAL_MAX_BYTES} bytes` };
      }
      texts.set(file, text);
      return { file, text };
    } catch (thrown) {
      if (!(thrown instanceof PortreeveError)) throw thrown;
      return { problem: messageOf(thrown) };
    }
  };
}

function executed(
  file: string,
  texts: ReadonlyMap<string, string>,
  include: Include,
  { zosNames, symbols }: ReadingOptions,
  base: Profile | undefined,
): LoadedProfile {
  const parsed = parseProfile({ file, text: texts.get(file) ?? '' }, { zosNames, symbols, include });
  const built = base ? buildProfile(parsed.statements, base) : buildProfile(parsed.statements);
  // What is hardly meant in the files of the base was told when they were read.
  const findings = built.findings.filter(
    ({ severity, place }) => severity === 'error' || texts.has(place.file),
  );
  return {
    profile: built.profile,
    report: reportOf([...parsed.findings, ...findings], texts),
    texts: [...texts].map(([path, text]) => ({ path, text })),
  };
}

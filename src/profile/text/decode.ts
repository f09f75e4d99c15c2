// Decodes the bytes of a profile as UTF-8, and refuses EBCDIC and binary files with a hint on how to convert them.
import { PortreeveError } from '../../base/errors.ts';

const NUL = 0;
const BLANK = 0x20;
const EBCDIC_BLANK = 0x40;
/** A file is taken for EBCDIC if at least this share of its bytes are EBCDIC letters, digits and blanks. */
const EBCDIC_SHARE = 0.7;

/** Letters, digits, blank, semicolon and the two line ends of code page 1047. */
function isEbcdic(byte: number): boolean {
  return (
    byte === EBCDIC_BLANK ||
    byte === 0x5e ||
    byte === 0x15 ||
    byte === 0x25 ||
    (byte >= 0x81 && byte <= 0xa9) ||
    (byte >= 0xc1 && byte <= 0xe9) ||
    (byte >= 0xf0 && byte <= 0xf9)
  );
}

/** Tab, line feed, carriage return. */
const isTextControl = (byte: number): boolean => byte === 9 || byte === 10 || byte === 13;

/**
 * The text of a profile, without a byte order mark and with line feeds as line ends. Throws PortreeveError (refused)
 * `PROFILE_EMPTY`, `PROFILE_EBCDIC`, `PROFILE_BINARY` or `PROFILE_ENCODING`.
 */
export function decodeProfile(bytes: Uint8Array, file: string): string {
  if (bytes.length === 0) {
    throw new PortreeveError('PROFILE_EMPTY', `${file} is empty`, EMPTY_HINT);
  }
  refuseEbcdic(bytes, file);
  refuseBinary(bytes, file);
  const text = decodeUtf8(bytes, file)
    .replace(/^\uFEFF/, '')
    .replace(/\r\n?/g, '\n');
  if (text.trim() === '') {
    throw new PortreeveError('PROFILE_EMPTY', `${file} contains only blanks`, EMPTY_HINT);
  }
  return text;
}

const EMPTY_HINT = 'A profile without rules must contain at least a comment.';

/** The line ends of code page 1047: next line, and line feed. */
const EBCDIC_NEXT_LINE = 0x15;
const EBCDIC_LINE_FEED = 0x25;
/** The length of the records of a data set without line ends. */
const RECORD_CHARACTERS = 80;

function refuseEbcdic(bytes: Uint8Array, file: string): void {
  if (bytes.includes(BLANK) || !bytes.includes(EBCDIC_BLANK)) return;
  let ebcdic = 0;
  for (const byte of bytes) if (isEbcdic(byte)) ebcdic++;
  if (ebcdic < bytes.length * EBCDIC_SHARE) return;
  const hasLines = bytes.includes(EBCDIC_NEXT_LINE) || bytes.includes(EBCDIC_LINE_FEED);
  const records = `iconv -f IBM-1047 -t UTF-8 ${shellWord(file)} | fold -w ${RECORD_CHARACTERS} > profile.tcpip`;
  // tr converts next line to line feed: iconv would convert it to the control character U+0085.
  const lines = `tr '\\025' '\\045' < ${shellWord(file)} | iconv -f IBM-1047 -t UTF-8 > profile.tcpip`;
  const hint = `If it is in code page 1047, convert it: ${hasLines ? lines : records}`;
  throw new PortreeveError('PROFILE_EBCDIC', `${file} is in EBCDIC`, hint);
}

/** Quotes a file name for a shell (sh(1), "Quoting"). */
function shellWord(file: string): string {
  return /^[A-Za-z0-9_@%+=:,./][A-Za-z0-9_@%+=:,./-]*$/.test(file)
    ? file
    : `'${file.replaceAll("'", "'\\''")}'`;
}

function refuseBinary(bytes: Uint8Array, file: string): void {
  const at = firstControl(bytes);
  if (at === undefined) return;
  const byte = bytes[at] ?? NUL;
  const name = byte === NUL ? 'a NUL byte' : `the control character 0x${byte.toString(16).padStart(2, '0')}`;
  const where = `line ${lineOf(bytes, at)}, at offset ${at}`;
  throw new PortreeveError(
    'PROFILE_BINARY',
    `${file} is not a text file: it contains ${name} in ${where}`,
    'A profile must be UTF-8 text.',
  );
}

/** The offset of the first control character that is not allowed in a text. */
function firstControl(bytes: Uint8Array): number | undefined {
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? NUL;
    if (byte < BLANK && !isTextControl(byte)) return at;
  }
  return undefined;
}

function decodeUtf8(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    const command = `iconv -f ISO-8859-1 -t UTF-8 ${shellWord(file)} > profile.tcpip`;
    const hint = `If it is in ISO 8859-1, convert it: ${command}`;
    throw new PortreeveError('PROFILE_ENCODING', `${file} is not in UTF-8`, hint);
  }
}

function lineOf(bytes: Uint8Array, at: number): number {
  let line = 1;
  for (let i = 0; i < at; i++) if (bytes[i] === 10) line++;
  return line;
}

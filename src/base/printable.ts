// Escapes untrusted text for output, so that it cannot control the terminal or forge a line.

/** Escapes control characters (C0, DEL, C1) and line separators: "\x1b", "\x0a". */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, (char) => {
    return `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}

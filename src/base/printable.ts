// Text of strangers for the eyes of people: nothing in it can steer a terminal or look like a line of its own.

/** Every control character (C0, DEL, C1) as an escape: "\x1b", "\x0a". */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, (char) => {
    return `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}

// The digest of tables, by which two processes of portreeve recognize that ports, rules and numbers are the same.

/** The constants of MurmurHash3. */
const [FACTOR_A, FACTOR_B] = [0xcc9e_2d51, 0x1b87_3593];

/** A 64-bit digest of what is added, in order. It detects mistakes; it is not cryptographic. */
export class Digest {
  #a = 0;
  #b = 0;

  #add(word: number): void {
    const mixed = Math.imul(word, FACTOR_A);
    this.#a = (Math.imul(this.#a ^ ((mixed << 15) | (mixed >>> 17)), FACTOR_B) + 1) | 0;
    this.#b = Math.imul(this.#b ^ (word + this.#a), FACTOR_A) ^ (this.#b >>> 13);
  }

  /** Adds bytes, whose number must be a multiple of 4. */
  addBytes(bytes: Uint8Array): this {
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    this.#add(words.length);
    // There are hundreds of thousands of words, so #add() is inlined.
    let [a, b] = [this.#a, this.#b];
    for (const word of words) {
      const mixed = Math.imul(word, FACTOR_A);
      a = (Math.imul(a ^ ((mixed << 15) | (mixed >>> 17)), FACTOR_B) + 1) | 0;
      b = Math.imul(b ^ (word + a), FACTOR_A) ^ (b >>> 13);
    }
    [this.#a, this.#b] = [a, b];
    return this;
  }

  addText(text: string): this {
    this.#add(text.length);
    for (let i = 0; i < text.length; i++) this.#add(text.charCodeAt(i));
    return this;
  }

  addNumber(value: number): this {
    this.#add(value);
    return this;
  }

  get value(): bigint {
    return (BigInt(this.#a >>> 0) << 32n) | BigInt(this.#b >>> 0);
  }
}

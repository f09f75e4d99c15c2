// The digest of tables: two programs of ours that find the same one speak of the same ports, rules and numbers.

/** Odd constants whose bits are mixed, those of MurmurHash3. */
const [FACTOR_A, FACTOR_B] = [0xcc9e_2d51, 0x1b87_3593];

/** 64 bits of what is added, in its order. It guards against mistakes, not against somebody who wants to deceive. */
export class Digest {
  #a = 0;
  #b = 0;

  #add(word: number): void {
    const mixed = Math.imul(word, FACTOR_A);
    this.#a = (Math.imul(this.#a ^ ((mixed << 15) | (mixed >>> 17)), FACTOR_B) + 1) | 0;
    this.#b = Math.imul(this.#b ^ (word + this.#a), FACTOR_A) ^ (this.#b >>> 13);
  }

  /** Adds bytes: whole words of 32 bits. */
  addBytes(bytes: Uint8Array): this {
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    this.#add(words.length);
    // There are hundreds of thousands: what #add() does stands here as well.
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

// C structures: field offsets under natural alignment, and reading and writing of values.
import { PortreeveError } from './errors.ts';

/** An unsigned integer of C: uint8_t to uint64_t. */
export type Scalar = 'u8' | 'u16' | 'u32' | 'u64';

/**
 * An array in a structure, treated as bytes: an address, a name padded with zeros. It is an alias, which the
 * declaration of an exported layout can expand.
 */
type ByteArray = { readonly bytes: number; readonly alignment: number };

type FieldType = Scalar | ByteArray;

export interface Field<T extends FieldType = FieldType> {
  readonly name: string;
  readonly type: T;
  readonly offset: number;
  readonly bytes: number;
}

/** The fields of a structure in order. */
export type Shape = Readonly<Record<string, FieldType>>;

/** The JavaScript type of a field's value. */
type FieldValue<T extends FieldType> = T extends 'u64' ? bigint : T extends Scalar ? number : Uint8Array;

export type Values<S extends Shape> = { readonly [K in keyof S]: FieldValue<S[K]> };

const SCALAR_BYTES: Readonly<Record<Scalar, number>> = { u8: 1, u16: 2, u32: 4, u64: 8 };

/** Declares an array. `bytes` is its total size, `alignment` that of its elements. */
export function byteArray(bytes: number, alignment = 1): ByteArray {
  return { bytes, alignment };
}

const isScalar = (type: FieldType): type is Scalar => typeof type === 'string';

const alignmentOf = (type: FieldType): number => (isScalar(type) ? SCALAR_BYTES[type] : type.alignment);

/** Rounds up to a multiple of `alignment`. */
export function alignUp(bytes: number, alignment: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}

function placed(shape: Shape): Field[] {
  let end = 0;
  return Object.entries(shape).map(([name, type]) => {
    const offset = alignUp(end, alignmentOf(type));
    const bytes = isScalar(type) ? SCALAR_BYTES[type] : type.bytes;
    end = offset + bytes;
    return { name, type, offset, bytes };
  });
}

/** A structure as C compilers for x86_64 and arm64 lay it out. Integers are little-endian. */
export class Layout<const S extends Shape> {
  /** sizeof, including trailing padding. */
  readonly bytes: number;
  readonly fields: { readonly [K in keyof S]: Field<S[K]> };
  readonly #fields: readonly Field[];

  constructor(shape: S) {
    this.#fields = placed(shape);
    const last = this.#fields.at(-1);
    const alignment = Math.max(1, ...Object.values(shape).map(alignmentOf));
    this.bytes = alignUp(last ? last.offset + last.bytes : 0, alignment);
    this.fields = Object.fromEntries(this.#fields.map((field) => [field.name, field])) as typeof this.fields;
  }

  /** Reads a structure at an offset. Arrays are copied. Throws RangeError if `view` ends before the structure. */
  read(view: DataView, at = 0): Values<S> {
    return Object.fromEntries(
      this.#fields.map((field) => [field.name, readField(view, at + field.offset, field)]),
    ) as Values<S>;
  }

  /**
   * Writes a structure at an offset. Missing values and padding become zero.
   * Throws PortreeveError `LAYOUT_VALUE` (bug) if a value is out of range for its field.
   */
  write(view: DataView, at: number, values: Partial<Values<S>>): void {
    new Uint8Array(view.buffer, view.byteOffset + at, this.bytes).fill(0);
    const given: Readonly<Record<string, number | bigint | Uint8Array | undefined>> = values;
    for (const field of this.#fields) {
      const value = given[field.name];
      if (value !== undefined) writeField(view, at + field.offset, field, value);
    }
  }

  /** Encodes a structure as bytes. Throws like write(). */
  encode(values: Partial<Values<S>>): Uint8Array {
    const bytes = new Uint8Array(this.bytes);
    this.write(new DataView(bytes.buffer), 0, values);
    return bytes;
  }
}

function readField(view: DataView, at: number, { type, bytes }: Field): number | bigint | Uint8Array {
  switch (type) {
    case 'u8':
      return view.getUint8(at);
    case 'u16':
      return view.getUint16(at, true);
    case 'u32':
      return view.getUint32(at, true);
    case 'u64':
      return view.getBigUint64(at, true);
    default:
      return new Uint8Array(view.buffer, view.byteOffset + at, bytes).slice();
  }
}

function writeField(view: DataView, at: number, field: Field, value: number | bigint | Uint8Array): void {
  if (typeof value === 'bigint' && field.type === 'u64' && value === BigInt.asUintN(64, value)) {
    view.setBigUint64(at, value, true);
  } else if (typeof value === 'number' && isScalar(field.type) && isUnsigned(value, field.bytes)) {
    if (field.type === 'u8') view.setUint8(at, value);
    if (field.type === 'u16') view.setUint16(at, value, true);
    if (field.type === 'u32') view.setUint32(at, value, true);
  } else if (value instanceof Uint8Array && !isScalar(field.type) && value.length <= field.bytes) {
    new Uint8Array(view.buffer, view.byteOffset + at, field.bytes).set(value);
  } else {
    const what = value instanceof Uint8Array ? `an array of ${value.length} bytes` : `${value}`;
    const type = isScalar(field.type) ? field.type : `an array of ${field.bytes} bytes`;
    const message = `${what} is out of range for the field ${field.name} (${type})`;
    throw new PortreeveError('LAYOUT_VALUE', message, '', { field: field.name });
  }
}

/** A u64 requires a bigint: a number may already have lost bits. */
const isUnsigned = (value: number, bytes: number): boolean =>
  Number.isInteger(value) && bytes < 8 && value >= 0 && value < 2 ** (8 * bytes);

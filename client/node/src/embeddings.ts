import { type VectorBlock, VectorType } from "./gen/tihua/v1/types.js";

/** Unpacks a block of float32: `block.count` embeddings, each of `block.dim` numbers. */
export function embeddings(block: VectorBlock): Float32Array[] {
  const { count, data, dim, type } = block;
  if (type === VectorType.VECTOR_TYPE_FLOAT16 || data.length !== 4 * count * dim) {
    throw new RangeError(`${data.length} bytes of type ${type} are not ${count} embeddings of ${dim} float32`);
  }
  return Array.from({ length: count }, (_, row) =>
    Float32Array.from({ length: dim }, (_, column) => data.readFloatLE(4 * (row * dim + column))),
  );
}

package io.github.tihua;

import io.github.tihua.v1.VectorBlock;
import io.github.tihua.v1.VectorType;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;

/** Packed embeddings as numbers. */
public final class Embeddings {
  private Embeddings() {}

  /**
   * Unpacks a block of float32: {@code count} embeddings, each of {@code dim} numbers.
   *
   * @throws IllegalArgumentException the block is of another type or size.
   */
  public static float[][] unpack(VectorBlock block) {
    int count = block.getCount();
    int dim = block.getDim();
    int size = block.getData().size();
    if (block.getType() == VectorType.VECTOR_TYPE_FLOAT16 || size != 4L * count * dim) {
      throw new IllegalArgumentException(
          "%d bytes of type %s are not %d embeddings of %d float32"
              .formatted(size, block.getType(), count, dim));
    }
    FloatBuffer numbers =
        block.getData().asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
    float[][] rows = new float[count][dim];
    for (float[] row : rows) {
      numbers.get(row);
    }
    return rows;
  }
}

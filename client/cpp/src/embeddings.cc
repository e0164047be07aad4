#include "tihua/embeddings.h"

#include <bit>
#include <cstring>
#include <stdexcept>
#include <string>

namespace tihua {

static_assert(std::endian::native == std::endian::little, "packed embeddings are little-endian");

std::vector<std::vector<float>> embeddings(const v1::VectorBlock& block) {
  const std::size_t row_bytes = sizeof(float) * block.dim();
  if (block.type() == v1::VECTOR_TYPE_FLOAT16 || block.data().size() != block.count() * row_bytes) {
    throw std::invalid_argument(std::to_string(block.data().size()) + " bytes of type " +
                                v1::VectorType_Name(block.type()) + " are not " +
                                std::to_string(block.count()) + " embeddings of " +
                                std::to_string(block.dim()) + " float32");
  }
  std::vector<std::vector<float>> rows(block.count(), std::vector<float>(block.dim()));
  for (std::size_t row = 0; row < rows.size(); ++row) {
    std::memcpy(rows[row].data(), block.data().data() + row * row_bytes, row_bytes);
  }
  return rows;
}

}  // namespace tihua

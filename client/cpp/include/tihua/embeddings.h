#pragma once

#include <vector>

#include "tihua/v1/types.pb.h"

namespace tihua {

// Unpacks a block of float32: block.count() embeddings, each of block.dim() numbers. Throws
// std::invalid_argument for a block of another type or size.
std::vector<std::vector<float>> embeddings(const v1::VectorBlock& block);

}  // namespace tihua

// What the tour prints: a line of JSON for each step.
#pragma once

#include <google/protobuf/util/json_util.h>

#include <bit>
#include <cstdint>
#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <string>

#include "tihua/embeddings.h"
#include "tihua/refusal.h"

inline void show(const std::string& step, const std::string& json) {
  std::cout << R"({"step":")" << step << R"(","answer":)" << json << "}" << std::endl;
}

inline void show(const std::string& step, const google::protobuf::Message& answer) {
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(answer, &json).ok()) std::abort();
  show(step, json);
}

inline void show(const std::string& step, const grpc::Status& status) {
  const tihua::Refusal refusal = tihua::refusal_of(status);
  std::ostringstream json;
  json << R"({"code":)" << refusal.code << R"(,"reason":")" << refusal.reason << R"(","field":")"
       << refusal.field << R"(","retry_after_s":)" << refusal.retry_after.count() / 1e3 << "}";
  show(step, json.str());
}

// Shows the numbers of an embedding by their bits.
inline void show(const std::string& step, const tihua::v1::VectorBlock& block) {
  const auto embeddings = tihua::embeddings(block);
  std::ostringstream bits;
  for (const float number : embeddings.front()) {
    bits << std::hex << std::setw(8) << std::setfill('0') << std::bit_cast<std::uint32_t>(number);
  }
  show(step, '"' + bits.str() + '"');
}

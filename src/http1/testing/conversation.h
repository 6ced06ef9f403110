#pragma once
// A client's side of one HTTP/1 connection, for the unit tests and the fuzzer.

#include "http/testing/conversation.h"
#include "http1/codec.h"

namespace mew::http1 {

using http::Answers;

class Conversation final : public http::Conversation {
public:
    explicit Conversation(const http::Limits& limits, Answers answers = Answers::after_body)
        : http::Conversation(
              [](const http::Limits& bounds) -> std::unique_ptr<http::Codec> {
                  return std::make_unique<Codec>(bounds);
              },
              limits, answers) {}
};

}  // namespace mew::http1

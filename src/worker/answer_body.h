#pragma once
// The body of one answer against what its head announced (http-rules 30).

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "http/request_head.h"
#include "log/log.h"

namespace mew::worker {

class AnswerBody {
public:
    AnswerBody() = default;
    // `length` in bytes; UINT64_MAX: not known.
    AnswerBody(bool has_body, std::uint64_t length) : has_body_(has_body), length_(length) {}

    bool has_body() const { return has_body_; }
    std::uint64_t sent() const { return sent_; }
    void add(std::uint64_t size) { sent_ += size; }
    std::uint64_t room() const { return length_ == UINT64_MAX ? UINT64_MAX : length_ - sent_; }
    bool complete() const { return !has_body_ || length_ == UINT64_MAX || sent_ == length_; }
    // How much of `size` may follow; warns once where it is not all.
    std::uint64_t fit(const http::RequestHead& request, std::uint64_t size) {
        if (!has_body_) return 0;
        if (size <= room()) return size;
        warn(request);
        return room();
    }

private:
    void warn(const http::RequestHead& request) {
        if (warned_) return;
        warned_ = true;
        log::warning("answer-too-long",
                     "the app's answer to {} {} is longer than its Content-Length of {} bytes; the "
                     "rest was not sent",
                     request.method(), request.target(), length_);
    }

    bool has_body_ = true;
    bool warned_ = false;
    std::uint64_t length_ = UINT64_MAX;
    std::uint64_t sent_ = 0;
};

}  // namespace mew::worker

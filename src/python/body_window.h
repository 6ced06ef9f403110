#pragma once
// The part of a request body that an app may still ask for: what came and was not read yet, and,
// as long as the whole body fits the bound that post-buffering names, also what was read, so that
// the app may go back. No Python in it; wsgi_input puts the file-like face on it. One thread at a
// time. Invariant: a body that failed once fails for ever, and is never complete.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/exchange.h"

namespace mew::python {

class BodyWindow {
public:
    // `source` may be null (no body). `whole` is the size of the body where that is known.
    BodyWindow(http::BodySource* source, std::optional<std::uint64_t> whole, std::uint64_t bound);
    BodyWindow(const BodyWindow&) = delete;
    BodyWindow& operator=(const BodyWindow&) = delete;
    BodyWindow(BodyWindow&&) = delete;
    BodyWindow& operator=(BodyWindow&&) = delete;
    ~BodyWindow() = default;

    // Fetches one more piece, or finds that the body is complete; waits. False: failed.
    bool pull();
    // Bytes that are here and not read yet.
    std::string_view ahead() const { return window_.substr(at_); }
    void consume(std::size_t size);
    bool complete() const { return complete_; }
    std::uint64_t position() const { return base_ + at_; }

    // May every place of the body be gone to? For one of unknown size only once it is complete.
    bool seekable() const;
    // Back, or ahead within what is here; for seekable bodies.
    void move_to(std::uint64_t position) { at_ = static_cast<std::size_t>(position - base_); }

    const std::optional<http::BodyFailure>& failure() const { return failure_; }
    // The exchange is over and with it the memory that was lent: what was not read is gone, and
    // must not look as if it had never been there.
    void end();

private:
    bool keeps_all() const { return base_ == 0 && window_.size() <= bound_; }
    void let_go_of_piece();
    void forget();

    http::BodySource* source_;
    std::optional<std::uint64_t> whole_;
    std::uint64_t bound_;
    std::string kept_;
    std::string_view window_;  // into kept_, or a piece that the source lends until its next read
    bool lent_ = false;
    std::uint64_t base_ = 0;  // position of the window's first byte
    std::size_t at_ = 0;
    bool complete_;
    std::optional<http::BodyFailure> failure_;
};

}  // namespace mew::python

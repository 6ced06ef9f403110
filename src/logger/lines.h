#pragma once
// Bytes in, lines out: of a stream that is cut anywhere and may never hold a newline. Pure.

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace mew::logger {

// Longer lines come in parts of this size (a few bytes less where a character would be cut).
inline constexpr std::size_t kMostLine = 65536;

class Lines {
public:
    // `continues`: a part of a line that is too long; the next call has more of it.
    using Sink = std::function<void(std::string_view line, bool continues)>;

    explicit Lines(Sink sink) : sink_(std::move(sink)) {}
    void feed(std::string_view bytes);
    // The stream has ended: a last line without a newline counts as well.
    void finish();

private:
    void add(std::string_view part);

    Sink sink_;
    std::string begun_;  // of the line under way; never more than kMostLine
};

}  // namespace mew::logger

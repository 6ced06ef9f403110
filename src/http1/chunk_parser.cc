#include "http1/chunk_parser.h"

#include <algorithm>

#include "http/grammar.h"
#include "http/trailer.h"

namespace mew::http1 {

namespace {

namespace cls = http::char_class;

constexpr std::size_t kMostSizeDigits = 16;

// Skips a token or a quoted string; false if there is neither.
bool skip_extension_value(std::string_view& text) {
    if (text.empty() || text.front() != '"') {
        const std::size_t before = text.size();
        while (!text.empty() && http::has_class(text.front(), cls::kToken)) text.remove_prefix(1);
        return text.size() != before;
    }
    text.remove_prefix(1);
    while (!text.empty() && text.front() != '"') {
        if (text.front() == '\\') text.remove_prefix(1);
        if (text.empty() || !http::has_class(text.front(), cls::kValue)) return false;
        text.remove_prefix(1);
    }
    if (text.empty()) return false;
    text.remove_prefix(1);
    return true;
}

// *( ";" token [ "=" ( token / quoted-string ) ] ), without any blanks
bool are_extensions(std::string_view text) {
    while (!text.empty()) {
        if (text.front() != ';') return false;
        text.remove_prefix(1);
        if (text.empty() || text.front() == '"' || !skip_extension_value(text)) return false;
        if (text.empty() || text.front() != '=') continue;
        text.remove_prefix(1);
        if (!skip_extension_value(text)) return false;
    }
    return true;
}

}  // namespace

void ChunkParser::reset() {
    state_ = State::size;
    left_ = body_ = extensions_ = trailers_ = 0;
    trailer_fields_ = 0;
}

ChunkParser::Step ChunkParser::refuse(const http::Refusal& refusal) {
    refusal_ = refusal;
    return {Outcome::refused};
}

ChunkParser::Step ChunkParser::refuse(std::string_view reason, int status) {
    return refuse(http::Refusal{status, reason});
}

ChunkParser::Step ChunkParser::parse(std::string_view bytes) {
    switch (state_) {
        case State::size:
            return take_size(bytes);
        case State::data:
            return take_data(bytes);
        case State::data_end:
            return take_data_end(bytes);
        case State::trailers:
            return take_trailer(bytes);
        case State::complete:
            break;
    }
    return {Outcome::complete};
}

ChunkParser::Step ChunkParser::take_line(std::string_view bytes, std::uint64_t bound,
                                         const http::Refusal& too_long, std::string_view& line) {
    const std::size_t end = std::min(bytes.find('\n'), bytes.size());
    // Size before shape: the same answer however the bytes were split.
    if (end > bound + 1) return refuse(too_long);
    if (end == bytes.size()) return {Outcome::more};
    if (end == 0 || bytes[end - 1] != '\r') {
        return refuse("a line of the chunked body does not end with CR LF");
    }
    line = bytes.substr(0, end - 1);
    return {Outcome::data, end + 1};
}

bool ChunkParser::parse_size(std::string_view line) {
    std::size_t digits = 0;
    std::uint64_t size = 0;
    while (digits < line.size() && http::hex_digit(line[digits]) >= 0) {
        if (digits == kMostSizeDigits) return false;
        size = size * 16 + static_cast<std::uint64_t>(http::hex_digit(line[digits]));
        ++digits;
    }
    if (digits == 0 || size > static_cast<std::uint64_t>(INT64_MAX) - body_) return false;
    const std::string_view extensions = line.substr(digits);
    extensions_ += extensions.size();
    left_ = size;
    return are_extensions(extensions);
}

ChunkParser::Step ChunkParser::take_size(std::string_view bytes) {
    std::string_view line;
    const std::uint64_t bound = kMostSizeDigits + limits_.chunk_extension_bytes - extensions_;
    const Step step =
        take_line(bytes, bound,
                  {400, "a chunk size line is longer than http-max-chunk-extension allows"}, line);
    if (step.outcome != Outcome::data) return step;
    if (!parse_size(line)) return refuse("a chunk size is malformed");
    if (extensions_ > limits_.chunk_extension_bytes) {
        return refuse("the chunk extensions are longer than http-max-chunk-extension");
    }
    body_ += left_;
    if (limits_.body_bytes != 0 && body_ > limits_.body_bytes) {
        return refuse("the body is larger than limit-post", 413);
    }
    state_ = left_ == 0 ? State::trailers : State::data;
    return {Outcome::data, step.used, {}};
}

ChunkParser::Step ChunkParser::take_data(std::string_view bytes) {
    if (bytes.empty()) return {Outcome::more};
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
    left_ -= size;
    if (left_ == 0) state_ = State::data_end;
    return {Outcome::data, size, bytes.substr(0, size)};
}

ChunkParser::Step ChunkParser::take_data_end(std::string_view bytes) {
    if (!bytes.empty() && bytes[0] != '\r') return refuse("a chunk does not end with CR LF");
    if (bytes.size() < 2) return {Outcome::more};
    if (bytes[1] != '\n') return refuse("a chunk does not end with CR LF");
    state_ = State::size;
    return {Outcome::data, 2, {}};
}

ChunkParser::Step ChunkParser::take_trailer(std::string_view bytes) {
    std::string_view line;
    const Step step = take_line(bytes, limits_.trailer_bytes - trailers_,
                                {431, "the trailers are longer than http-max-trailer"}, line);
    if (step.outcome != Outcome::data) return step;
    if (line.empty()) {
        state_ = State::complete;
        return {Outcome::complete, step.used};
    }
    trailers_ += line.size();
    if (++trailer_fields_ > limits_.head_fields) {
        return refuse("the request has more trailers than http-max-headers", 431);
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !http::is_token(line.substr(0, colon)) ||
        !http::all_of_class(line.substr(colon + 1), cls::kValue)) {
        return refuse("a trailer line is not NAME: VALUE");
    }
    if (http::is_forbidden_trailer(http::find_field_name(line.substr(0, colon)))) {
        return refuse("a trailer may not frame, route or authenticate");
    }
    return {Outcome::data, step.used, {}};
}

}  // namespace mew::http1

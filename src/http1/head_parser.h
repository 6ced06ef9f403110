#pragma once
// The head of an HTTP/1.1 request, line by line, as strict as http-rules 1 to 18 ask. Lines are
// judged as soon as they are complete, so a bad one is answered at once and no byte is scanned
// twice however the head is split.

#include <optional>
#include <string_view>

#include "http/codec.h"

namespace mew::http1 {

class HeadParser {
public:
    explicit HeadParser(const http::Limits& limits) : limits_(limits) {}

    enum class Outcome : std::uint8_t { more, complete, refused };

    // `bytes` start at the head's first byte and are the same ones, with more behind, at each call
    // until the outcome is not `more`. Complete: size() bytes were the head.
    Outcome parse(std::string_view bytes, http::RequestHead& head);
    std::size_t size() const { return line_; }
    const http::Refusal& refusal() const { return refusal_; }
    // True once any byte of a request line was seen; the empty line that may stand before it is
    // none, so a connection on which only that came is still idle.
    bool begun() const { return have_request_line_ || scanned_ > line_; }
    void reset();

private:
    using Step = std::optional<http::Refusal>;  // nullopt: go on

    struct Seen {
        std::uint8_t host = 0;
        std::uint8_t content_type = 0;
        bool content_length = false;
        bool transfer_encoding = false;
        bool chunked = false;
        bool close = false;
        bool keep_alive = false;
    };

    Outcome refuse(http::Refusal refusal);
    Outcome need_more(std::string_view bytes);
    Outcome refuse_size();
    Step first_byte(char first) const;
    Step take_line(std::string_view line, http::RequestHead& head);
    Step request_line(std::string_view line, http::RequestHead& head);
    Step method(std::string_view text);
    Step version(std::string_view text, http::RequestHead& head);
    Step target(std::string_view text, http::RequestHead& head);
    Step absolute_target(std::string_view text, http::RequestHead& head);
    void split_query(http::Slice rest, std::string_view text, http::RequestHead& head);
    Step field(std::string_view line, http::RequestHead& head);
    Step known_field(const http::FieldSlices& field, std::string_view value,
                     http::RequestHead& head);
    Step host(const http::FieldSlices& field, std::string_view value, http::RequestHead& head);
    Step content_length(std::string_view value, http::RequestHead& head);
    Step transfer_encoding(std::string_view value, const http::RequestHead& head);
    Step expect(std::string_view value, http::RequestHead& head);
    Step finish(http::RequestHead& head);

    bool is_options(const http::RequestHead& head) const {
        return std::string_view(block_ + head.method_slice.at, head.method_slice.size) == "OPTIONS";
    }
    // Slice of a view into the block that is being parsed.
    http::Slice slice(std::string_view view) const {
        return {static_cast<std::uint32_t>(view.data() - block_),
                static_cast<std::uint32_t>(view.size())};
    }

    const http::Limits& limits_;
    const char* block_ = nullptr;
    std::size_t line_ = 0;     // where the current line starts
    std::size_t scanned_ = 0;  // searched for its end up to here
    bool have_request_line_ = false;
    bool skipped_empty_line_ = false;
    Seen seen_;
    http::Refusal refusal_;
};

}  // namespace mew::http1

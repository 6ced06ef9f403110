#pragma once
// The head of an HTTP/2 request, field by field as HPACK gives them, into the one neutral form
// (http-rules, section 2 C and H12). What nghttp2 has checked before (RFC 9113 8.2 and 8.3: names
// in lower case, order of pseudo fields, none that belong to a connection) is not checked again.
//
// Counts before it keeps: a field beyond the limits costs no memory.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/codec.h"

namespace mew::http2 {

class HeadReader {
public:
    explicit HeadReader(const http::Limits& limits) : limits_(limits) {}

    void begin();
    // False: so far beyond the limits that its connection is a flood.
    bool add(std::string_view name, std::string_view value);
    // All are there. The head's block is borrowed until begin(). `ends`: no body follows.
    std::optional<http::Refusal> finish(http::RequestHead& head, bool ends);

    std::string_view method() const { return text(method_); }

private:
    using Step = std::optional<http::Refusal>;  // nullopt: go on

    struct Field {
        http::Slice name;
        http::Slice value;
        http::FieldName id = http::FieldName::unknown;
    };

    void add_pseudo(std::string_view name, std::string_view value);
    http::Slice put(std::string_view text);
    Step check_pseudo(http::RequestHead& head);
    Step check_connect(http::RequestHead& head) const;
    Step check_target(http::RequestHead& head);
    Step take_authority(http::RequestHead& head);
    Step take_field(const Field& field, http::RequestHead& head);
    Step take_length(const Field& field, http::RequestHead& head);
    void add_cookies(http::RequestHead& head);
    void add_upgrade(http::RequestHead& head);

    std::string_view text(http::Slice slice) const {
        return std::string_view(block_).substr(slice.at, slice.size);
    }

    const http::Limits& limits_;
    std::string block_;
    std::vector<Field> fields_;
    http::Slice method_;
    http::Slice scheme_;
    http::Slice path_;
    http::Slice authority_;
    bool has_authority_ = false;
    bool has_protocol_ = false;  // extended CONNECT (RFC 8441)
    http::Slice protocol_;
    std::string cookies_;
    std::uint64_t bytes_ = 0;  // as RFC 9113 6.5.2 counts them: name, value and 32
    std::uint64_t count_ = 0;
    bool too_large_ = false;
    bool has_length_ = false;
    bool has_type_ = false;
    bool has_host_ = false;
};

}  // namespace mew::http2

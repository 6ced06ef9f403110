#pragma once
// Pieces of an answer's head as text, for the codecs whose heads are text: HTTP/1 and the gateways.
// Appends only; what is given has passed ResponseHead::check().

#include <charconv>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/check.h"
#include "http/response_head.h"
#include "http/status.h"

namespace mew::http {

inline void append_number(std::string& out, std::uint64_t number, int base = 10) {
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, number, base).ptr;
    out.append(digits, end);
}

// Fills memory that is known to suffice: growing a string part by part costs more than the parts.
class HeadWriter {
public:
    // Makes room behind `out` for `head` and what the codec itself adds, up to kOwnPart bytes.
    HeadWriter(std::string& out, const ResponseHead& head) : out_(out), before_(out.size()) {
        out.resize(before_ + most_bytes(head));
        at_ = out.data() + before_;
    }

    HeadWriter& put(std::string_view text) {
        if (text.empty()) return *this;
        std::memcpy(at_, text.data(), text.size());
        at_ += text.size();
        return *this;
    }
    HeadWriter& put(std::uint64_t number) {
        at_ = std::to_chars(at_, at_ + 20, number).ptr;
        return *this;
    }
    HeadWriter& put_header(std::string_view name, std::string_view value) {
        return put(name).put(": ").put(value).put("\r\n");
    }
    // "200 OK"
    HeadWriter& put_status(const ResponseHead& head) {
        if (head.status == 200 && (head.reason.empty() || head.reason == "OK"))
            return put("200 OK");
        put(static_cast<std::uint64_t>(head.status)).put(" ");
        return put(head.reason.empty() ? reason_phrase(head.status) : head.reason);
    }
    // The app's headers, and the length that the bridge found where the app gave none.
    HeadWriter& put_headers(const ResponseHead& head) {
        for (const Header& header : head.headers) {
            if (header.dropped) continue;
            // RFC 9110 8.6: no Content-Length with 204.
            if (header.id == FieldName::content_length && head.status == 204) continue;
            put_header(header.name, header.value);
        }
        const bool tells = head.status != 204 && head.status != 304;
        if (!head.content_length && head.implied_length && tells)
            put("Content-Length: ").put(*head.implied_length).put("\r\n");
        return *this;
    }
    // The head is whole; gives back what was not needed.
    void end() {
        const auto size = static_cast<std::size_t>(at_ - out_.data());
        MEW_CHECK(size <= out_.size());
        out_.resize(size);
    }

    static constexpr std::size_t kOwnPart = 256;

private:
    static std::size_t most_bytes(const ResponseHead& head) {
        std::size_t size = kOwnPart + head.reason.size();
        for (const Header& header : head.headers)
            size += header.name.size() + header.value.size() + 4;
        return size;
    }

    std::string& out_;
    std::size_t before_;
    char* at_;
};

}  // namespace mew::http

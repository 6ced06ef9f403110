#include "mailbox/reply_head.h"

#include <cstring>

#include "mailbox/layout.h"

namespace mew::mailbox {

void append_reply_head(std::string& out, const http::ResponseHead& head) {
    ReplyHead fixed;
    fixed.implied_length = head.implied_length.value_or(UINT64_MAX);
    fixed.reason_size = static_cast<std::uint32_t>(head.reason.size());
    fixed.status = static_cast<std::uint16_t>(head.status);
    fixed.wants_close = head.wants_close ? 1 : 0;
    std::size_t size = sizeof fixed + head.reason.size();
    for (const http::Header& header : head.headers) {
        if (header.dropped) continue;
        ++fixed.headers;
        size += sizeof(HeaderSizes) + header.name.size() + header.value.size();
    }
    const std::size_t before = out.size();
    out.resize(before + size);
    char* sizes = out.data() + before;
    char* text = sizes + sizeof fixed + fixed.headers * sizeof(HeaderSizes);
    const auto put = [](char*& at, const void* bytes, std::size_t count) {
        if (count != 0) std::memcpy(at, bytes, count);
        at += count;
    };
    put(sizes, &fixed, sizeof fixed);
    put(text, head.reason.data(), head.reason.size());
    for (const http::Header& header : head.headers) {
        if (header.dropped) continue;
        const HeaderSizes pair{static_cast<std::uint32_t>(header.name.size()),
                               static_cast<std::uint32_t>(header.value.size())};
        put(sizes, &pair, sizeof pair);
        put(text, header.name.data(), header.name.size());
        put(text, header.value.data(), header.value.size());
    }
}

bool read_reply_head(std::string_view bytes, http::ResponseHead& head, bool& wants_close) {
    ReplyHead fixed;
    if (bytes.size() < sizeof fixed) return false;
    std::memcpy(&fixed, bytes.data(), sizeof fixed);
    bytes.remove_prefix(sizeof fixed);
    if (fixed.headers > bytes.size() / sizeof(HeaderSizes)) return false;
    std::string_view sizes = bytes.substr(0, fixed.headers * sizeof(HeaderSizes));
    std::string_view text = bytes.substr(sizes.size());
    const auto take = [&text](std::size_t size, std::string_view& to) {
        if (size > text.size()) return false;
        to = text.substr(0, size);
        text.remove_prefix(size);
        return true;
    };
    head.clear();
    head.status = fixed.status;
    if (fixed.implied_length != UINT64_MAX) head.implied_length = fixed.implied_length;
    wants_close = fixed.wants_close != 0;
    if (!take(fixed.reason_size, head.reason)) return false;
    for (; !sizes.empty(); sizes.remove_prefix(sizeof(HeaderSizes))) {
        HeaderSizes pair;
        std::memcpy(&pair, sizes.data(), sizeof pair);
        http::Header header;
        if (!take(pair.name, header.name) || !take(pair.value, header.value)) return false;
        head.headers.push_back(header);
    }
    return true;
}

}  // namespace mew::mailbox

#pragma once
// Requests as web servers pack them, for the tests of this folder.

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace mew::gateway {

using Pairs = std::vector<std::pair<std::string, std::string>>;

// What nginx says of a GET, without its headers.
inline Pairs plain_get() {
    return {{"QUERY_STRING", "a=1&b=%20x"},
            {"REQUEST_METHOD", "GET"},
            {"CONTENT_TYPE", ""},
            {"CONTENT_LENGTH", ""},
            {"REQUEST_URI", "/hel%6Co?a=1&b=%20x"},
            {"PATH_INFO", "/hello"},
            {"DOCUMENT_ROOT", "/usr/share/nginx/html"},
            {"SERVER_PROTOCOL", "HTTP/1.1"},
            {"REQUEST_SCHEME", "http"},
            {"REMOTE_ADDR", "192.0.2.7"},
            {"REMOTE_PORT", "38180"},
            {"SERVER_PORT", "80"},
            {"SERVER_NAME", "example.org"},
            {"HTTP_HOST", "example.org"}};
}

// `pairs` with one replaced, or added where it was not there.
inline Pairs with(Pairs pairs, const std::string& name, const std::string& value) {
    for (auto& [known, text] : pairs) {
        if (known != name) continue;
        text = value;
        return pairs;
    }
    pairs.emplace_back(name, value);
    return pairs;
}
inline Pairs and_also(Pairs pairs, const Pairs& more) {
    pairs.insert(pairs.end(), more.begin(), more.end());
    return pairs;
}
inline Pairs without(Pairs pairs, std::string_view name) {
    std::erase_if(pairs, [&](const auto& pair) { return pair.first == name; });
    return pairs;
}
inline Pairs plain_post(std::size_t length) {
    return with(with(plain_get(), "REQUEST_METHOD", "POST"), "CONTENT_LENGTH",
                std::to_string(length));
}

constexpr auto row_name = [](const auto& row) { return std::string(row.param.name); };

inline std::string little_endian(std::size_t number) {
    return {static_cast<char>(number & 0xff), static_cast<char>(number >> 8 & 0xff)};
}

inline std::string uwsgi_header(int modifier1, std::size_t size, int modifier2 = 0) {
    return std::string(1, static_cast<char>(modifier1)) + little_endian(size) +
           std::string(1, static_cast<char>(modifier2));
}
inline std::string uwsgi_packet(const Pairs& pairs, int modifier1 = 0) {
    std::string payload;
    for (const auto& [name, value] : pairs) {
        payload += little_endian(name.size()) + name + little_endian(value.size()) + value;
    }
    return uwsgi_header(modifier1, payload.size()) + payload;
}

}  // namespace mew::gateway

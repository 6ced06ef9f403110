#pragma once
// Requests as web servers pack them, for the tests of this folder.

#include <cstddef>
#include <map>
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

inline std::string netstring(const std::string& content) {
    return std::to_string(content.size()) + ":" + content + ",";
}
inline std::string scgi_variables(const Pairs& pairs) {
    std::string content;
    for (const auto& [name, value] : pairs) content += name + '\0' + value + '\0';
    return content;
}
// With what SCGI asks for: CONTENT_LENGTH first, and SCGI.
inline std::string scgi_packet(const Pairs& pairs) {
    std::string length = "0";
    for (const auto& [name, value] : pairs) {
        if (name == "CONTENT_LENGTH" && !value.empty()) length = value;
    }
    const Pairs first = {{"CONTENT_LENGTH", length}, {"SCGI", "1"}};
    return netstring(scgi_variables(and_also(first, without(pairs, "CONTENT_LENGTH"))));
}

inline std::string fastcgi_record(int type, int request, const std::string& content,
                                  std::size_t padding = 0) {
    const auto big_endian = [](std::size_t number) {
        return std::string{static_cast<char>(number >> 8), static_cast<char>(number & 0xff)};
    };
    return std::string{'\x01', static_cast<char>(type)} +
           big_endian(static_cast<std::size_t>(request)) + big_endian(content.size()) +
           std::string{static_cast<char>(padding), '\0'} + content + std::string(padding, 'p');
}
inline std::string fastcgi_begin(int request, bool keep = false, int role = 1) {
    return fastcgi_record(
        1, request,
        std::string{'\0', static_cast<char>(role), keep ? '\1' : '\0'} + std::string(5, '\0'));
}
inline std::string fastcgi_length(std::size_t length) {
    if (length < 0x80) return std::string(1, static_cast<char>(length));
    return {static_cast<char>(0x80 | length >> 24), static_cast<char>(length >> 16),
            static_cast<char>(length >> 8), static_cast<char>(length)};
}
inline std::string fastcgi_pairs(const Pairs& pairs) {
    std::string text;
    for (const auto& [name, value] : pairs) {
        text += fastcgi_length(name.size()) + fastcgi_length(value.size()) + name + value;
    }
    return text;
}
inline std::string fastcgi_params(int request, const Pairs& pairs) {
    return fastcgi_record(4, request, fastcgi_pairs(pairs), 3) + fastcgi_record(4, request, "");
}
inline std::string fastcgi_input(int request, const std::string& body) {
    return (body.empty() ? "" : fastcgi_record(5, request, body, 5)) +
           fastcgi_record(5, request, "");
}
inline std::string fastcgi_request(int request, const Pairs& pairs, const std::string& body = "",
                                   bool keep = false) {
    return fastcgi_begin(request, keep) + fastcgi_params(request, pairs) +
           fastcgi_input(request, body);
}

// Records of the server, as text: type, request and content.
inline std::string fastcgi_text(std::string_view bytes) {
    static const std::map<int, std::string> kNames = {
        {3, "end"}, {6, "out"}, {10, "values"}, {11, "unknown"}};
    std::string text;
    while (bytes.size() >= 8) {
        const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
        const std::size_t size = at(4) * 256U + at(5);
        const std::string_view content = bytes.substr(8, size);
        text += kNames.at(at(1)) + std::to_string(at(2) * 256U + at(3)) + "[";
        if (at(1) == 3) {
            text += std::to_string(content.at(4));  // the protocol's status
        } else if (at(1) == 11) {
            text += std::to_string(content.at(0));
        } else {
            text += content;
        }
        text += "]";
        bytes.remove_prefix(8 + size + at(6));
    }
    return text + std::string(bytes);
}

}  // namespace mew::gateway

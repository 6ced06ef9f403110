#pragma once
// What a client of HTTP/1 makes of the bytes that it got: one answer for each of its requests, in
// order, each whole, or cut where the connection ends. Whatever an app or its worker does, nothing
// may stand behind an answer that could be taken for another one.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/pieces.h"
#include "http/grammar.h"

namespace mew::fuzz {

struct Asked {
    bool is_head = false;
    bool http10 = false;
    bool expects_continue = false;
};

struct Answered {
    std::size_t whole = 0;   // complete ones
    bool cut = false;        // behind those another one begins
    bool closes = false;     // the last whole one says that nothing follows
    bool until_end = false;  // only the end of the connection ends the last one
};

class AnswerReader {
public:
    AnswerReader(const std::vector<Asked>& asked, std::string_view wire)
        : asked_(asked), wire_(wire), rest_(wire) {}

    // Ends the process where the promise is broken.
    Answered read() {
        while (!rest_.empty() && !answers_.cut) {
            require(answers_.whole < asked_.size(), "bytes that no request asked for");
            require(!answers_.closes, "bytes behind an answer that was the last");
            one();
        }
        return answers_;
    }

private:
    struct Head {
        int status = 0;
        std::uint64_t length = UINT64_MAX;
        bool chunked = false;
        bool closes = false;
    };

    void require(bool holds, const char* promise) const {
        fuzz::require(holds, promise, [&] { return std::string(wire_); });
    }

    void one() {
        const Asked& asked = asked_[answers_.whole];
        Head head;
        if (!read_head(head)) return cut();
        if (head.status == 100) {
            require(asked.expects_continue && !continued_, "a 100 that nobody waits for");
            continued_ = true;
            return;
        }
        require(head.status >= 200, "an interim answer");
        const bool has_body = !asked.is_head && head.status != 204 && head.status != 304;
        if (has_body && !read_body(head, asked)) return cut();
        answers_.closes = head.closes;
        ++answers_.whole;
        continued_ = false;
    }

    void cut() {
        answers_.cut = true;
        rest_ = {};
    }

    // False: it is not whole.
    bool read_head(Head& head) {
        for (bool first = true;; first = false) {
            const std::size_t end = rest_.find("\r\n");
            if (end == std::string_view::npos) return false;
            const std::string_view line = rest_.substr(0, end);
            rest_.remove_prefix(end + 2);
            require(line.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos,
                    "a line holds a CR, a LF or a NUL");
            if (first)
                read_status(line, head);
            else if (line.empty())
                return true;
            else
                read_field(line, head);
        }
    }

    void read_status(std::string_view line, Head& head) const {
        require(line.starts_with("HTTP/1.1 ") && line.size() >= 13 && line[12] == ' ',
                "an answer does not begin with its status");
        for (const char c : line.substr(9, 3)) {
            require(c >= '0' && c <= '9', "a status is no number");
            head.status = head.status * 10 + (c - '0');
        }
    }

    void read_field(std::string_view line, Head& head) const {
        const std::size_t colon = line.find(": ");
        require(colon != std::string_view::npos && http::is_token(line.substr(0, colon)),
                "a line is not NAME: VALUE");
        const std::string_view name = line.substr(0, colon);
        const std::string_view value = line.substr(colon + 2);
        if (http::equals_ignoring_case("content-length", name)) {
            const auto length = http::parse_length(value);
            require(length && head.length == UINT64_MAX, "not one length");
            head.length = *length;
        } else if (http::equals_ignoring_case("transfer-encoding", name)) {
            require(value == "chunked" && !head.chunked, "not one coding");
            head.chunked = true;
        } else if (http::equals_ignoring_case("connection", name)) {
            head.closes = value == "close";
        }
    }

    bool read_body(const Head& head, const Asked& asked) {
        require(head.length == UINT64_MAX || !head.chunked, "both framings");
        if (head.chunked) {
            require(!asked.http10, "chunks for HTTP/1.0");
            return read_chunks();
        }
        if (head.length != UINT64_MAX) return read_piece(head.length);
        require(head.closes, "nothing tells the end of a body");
        answers_.until_end = true;
        return read_piece(rest_.size());
    }

    // Nothing that the targets send as a body looks like the start of an answer: where one stands,
    // a client would have taken it for body.
    bool read_piece(std::uint64_t size) {
        const auto there = static_cast<std::size_t>(std::min<std::uint64_t>(size, rest_.size()));
        const std::string_view piece = rest_.substr(0, there);
        require(piece.find("HTTP/1.") == std::string_view::npos, "an answer inside of a body");
        rest_.remove_prefix(there);
        return there == size;
    }

    bool read_chunks() {
        for (;;) {
            const std::size_t end = rest_.find("\r\n");
            if (end == std::string_view::npos) {
                require(rest_.size() <= 16, "a chunk without a size");
                return false;
            }
            std::uint64_t size = 0;
            require(end > 0 && end <= 16, "a chunk without a size");
            for (const char c : rest_.substr(0, end)) {
                require(http::hex_digit(c) >= 0, "the size of a chunk is no number");
                size = size * 16 + static_cast<std::uint64_t>(http::hex_digit(c));
            }
            rest_.remove_prefix(end + 2);
            if (!read_piece(size) || rest_.size() < 2) return false;
            require(rest_.starts_with("\r\n"), "a chunk is longer than it says");
            rest_.remove_prefix(2);
            if (size == 0) return true;
        }
    }

    const std::vector<Asked>& asked_;
    std::string_view wire_;
    std::string_view rest_;
    Answered answers_;
    bool continued_ = false;
};

}  // namespace mew::fuzz

#pragma once
// A client of HTTP/2 for tests: nghttp2's, which obeys the rules, and room for raw frames of one
// that does not.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nghttp2/nghttp2.h>

namespace mew::http2::testing {

using Fields = std::vector<std::pair<std::string, std::string>>;

struct Answer {
    int status = 0;
    std::vector<int> interim;
    Fields fields;
    std::string body;
    bool complete = false;
    bool closed = false;
    std::uint32_t error = 0;
};

class Client {
public:
    Client();
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    // Opens a stream; `body` empty: none. The pseudo fields are to be in `fields`.
    std::int32_t request(const Fields& fields, std::string body = {});
    std::int32_t get(const std::string& path) {
        return request(
            {{":method", "GET"}, {":scheme", "http"}, {":authority", "x"}, {":path", path}});
    }
    // One whose body goes on: say() adds to it, finish() ends it.
    std::int32_t open(const Fields& fields);
    void say(std::int32_t stream, std::string_view bytes);
    void finish(std::int32_t stream);
    void reset(std::int32_t stream, std::uint32_t error = NGHTTP2_CANCEL);
    void ping();

    // What it sends next.
    std::string take();
    // What the server sent. False: it is no HTTP/2.
    bool give(std::string_view bytes);

    Answer& answer(std::int32_t stream) { return answers_[stream]; }
    bool told_to_go() const { return goaway_; }
    std::uint32_t goaway_error() const { return goaway_error_; }
    std::int32_t last_stream() const { return last_stream_; }
    nghttp2_session* session() { return session_; }

    // A frame as it lies on the wire.
    static std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                             std::string_view payload);

private:
    friend struct ClientCallbacks;
    struct Body {
        std::string bytes;
        std::size_t at = 0;
        bool open = false;
    };
    std::int32_t submit(const Fields& fields, Body body);

    nghttp2_session* session_ = nullptr;
    std::map<std::int32_t, Answer> answers_;
    std::map<std::int32_t, Body> bodies_;
    bool goaway_ = false;
    std::uint32_t goaway_error_ = 0;
    std::int32_t last_stream_ = 0;
};

}  // namespace mew::http2::testing

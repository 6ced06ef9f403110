#pragma once
// The access log: one line a request. Workers append to a buffer of theirs and flush it once per
// turn of the loop, so that a busy turn costs one write(2). On the hot path: no formatting library,
// no allocation once the buffer has grown.
//
// Text is uWSGI's default line, which log analysers know:
// "[pid: 12|app: 0|req: 3/7] 10.0.0.1 () {28 vars in 334 bytes} [Sun Nov 22 22:40:01 2026] GET /
//  => generated 11 bytes in 2 msecs (HTTP/1.1 200) 1 headers in 44 bytes (1 switches on core 0)"
// JSON (log_json) is one object with the keys that every event has, and numbers as numbers.
// What the client chose reaches either escaped: see log/escape.h.

#include <sys/types.h>

#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>

namespace mew::log {

struct AccessRecord {
    std::string_view address;  // of the client; empty for UNIX sockets
    std::string_view user;     // REMOTE_USER
    std::string_view method;
    std::string_view uri;
    std::string_view protocol;  // "HTTP/1.1"
    pid_t pid = 0;
    std::uint64_t app_requests = 0;    // R of "req: R/T": of this app in this worker
    std::uint64_t total_requests = 0;  // T: of this worker
    std::uint64_t vars = 0;            // keys of the environ that came from the request
    std::uint64_t request_bytes = 0;   // of the head
    std::time_t time = 0;              // unix time at the end of the request
    int status = 0;
    std::uint64_t body_bytes = 0;  // generated
    std::uint64_t micros = 0;      // whole exchange
    std::uint64_t headers = 0;
    std::uint64_t header_bytes = 0;
    int core = 0;
};

// One line, as text or JSON as the log is configured.
void append_access(std::string& buffer, const AccessRecord& record);
void append_access_text(std::string& buffer, const AccessRecord& record);
void append_access_json(std::string& buffer, const AccessRecord& record);

// Writes `buffer` to the log and empties it; its memory stays for the next turn.
void flush_access(std::string& buffer);

}  // namespace mew::log

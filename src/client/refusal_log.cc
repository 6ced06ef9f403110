#include "client/refusal_log.h"

#include "log/log.h"

namespace mew::client {

namespace {
std::string_view shown(std::string_view address) {
    return address.empty() ? std::string_view("a UNIX socket") : address;
}
}  // namespace

bool RefusalLog::has_room(base::MonotonicTime now) {
    if (now - second_ >= std::chrono::seconds(1)) {
        if (left_out_ > 0) {
            log::warning("request-refused", "{} more requests were refused within a second",
                         left_out_);
        }
        second_ = now;
        lines_ = 0;
        left_out_ = 0;
    }
    if (++lines_ <= kLinesPerSecond) return true;
    ++left_out_;
    return false;
}

void RefusalLog::write(base::MonotonicTime now, std::string_view address, int status,
                       std::string_view reason) {
    if (!has_room(now)) return;
    log::warning("request-refused", "refused a request from {} with {}: {}", shown(address), status,
                 reason);
}

void RefusalLog::write_connection(base::MonotonicTime now, std::string_view address,
                                  std::string_view reason, std::string_view advice) {
    if (!has_room(now)) return;
    log::warning("connection-refused", "closed a connection from {}: {}{}{}", shown(address),
                 reason, advice.empty() ? "" : "; ", advice);
}

}  // namespace mew::client

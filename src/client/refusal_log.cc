#include "client/refusal_log.h"

#include "log/log.h"

namespace mew::client {

void RefusalLog::write(base::MonotonicTime now, std::string_view address, int status,
                       std::string_view reason) {
    if (now - second_ >= std::chrono::seconds(1)) {
        if (left_out_ > 0) {
            log::warning("request-refused", "{} more requests were refused within a second",
                         left_out_);
        }
        second_ = now;
        lines_ = 0;
        left_out_ = 0;
    }
    if (++lines_ > kLinesPerSecond) {
        ++left_out_;
        return;
    }
    log::warning("request-refused", "refused a request from {} with {}: {}",
                 address.empty() ? std::string_view("a UNIX socket") : address, status, reason);
}

}  // namespace mew::client

#pragma once
// Says why requests and connections were refused, without letting a hostile client write the log
// full: at most kLinesPerSecond lines, then one line with the number that was left out.

#include <cstdint>
#include <string_view>

#include "base/clock.h"

namespace mew::client {

class RefusalLog {
public:
    static constexpr std::uint32_t kLinesPerSecond = 10;

    void write(base::MonotonicTime now, std::string_view address, int status,
               std::string_view reason);
    // A connection that is closed before it can bring a request; `advice` may be empty.
    void write_connection(base::MonotonicTime now, std::string_view address,
                          std::string_view reason, std::string_view advice);

private:
    bool has_room(base::MonotonicTime now);

    base::MonotonicTime second_{};
    std::uint32_t lines_ = 0;
    std::uint64_t left_out_ = 0;
};

}  // namespace mew::client

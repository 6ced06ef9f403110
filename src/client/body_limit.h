#pragma once
// How long a client may take for one body: limits of silence, of pace and of the whole time. Counts
// only the time that somebody waits for it.

#include <cstdint>
#include <string_view>

#include "client/pace.h"
#include "client/settings.h"

namespace mew::client {

enum class BodyFault : std::uint8_t {
    none,
    silent,  // http-body-timeout
    slow,    // http-min-rate
    late,    // http-body-total-timeout
};
std::string_view text_of(BodyFault fault);

class BodyLimit {
public:
    void restart() { pace_.restart(); }
    void start(base::MonotonicTime now) { pace_.start(now); }
    void stop(base::MonotonicTime now) { pace_.stop(now); }
    // `received` bytes so far, `silence` the longest silence.
    BodyFault fault(const Settings& settings, base::MonotonicTime now, std::uint64_t received,
                    base::Milliseconds silence) const;
    // Until there would be one, if nothing more came; at least a millisecond.
    base::Milliseconds left(const Settings& settings, base::MonotonicTime now,
                            std::uint64_t received, base::Milliseconds silence) const;

private:
    Pace pace_;
};

}  // namespace mew::client

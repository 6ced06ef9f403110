#include "client/body_limit.h"

#include <algorithm>

namespace mew::client {

std::string_view text_of(BodyFault fault) {
    switch (fault) {
        case BodyFault::silent:
            return "no byte of the body came within http-body-timeout";
        case BodyFault::slow:
            return "the client sent its body more slowly than http-min-rate allows, beyond "
                   "http-body-timeout";
        case BodyFault::late:
            return "the request body took longer than http-body-total-timeout";
        case BodyFault::none:
            break;
    }
    return {};
}

BodyFault BodyLimit::fault(const Settings& settings, base::MonotonicTime now,
                           std::uint64_t received, base::Milliseconds silence) const {
    if (settings.body_total_time.count() > 0 && pace_.waited(now) > settings.body_total_time)
        return BodyFault::late;
    const bool slow = pace_.too_slow(now, received, settings.min_rate, silence);
    return slow ? BodyFault::slow : BodyFault::none;
}

base::Milliseconds BodyLimit::left(const Settings& settings, base::MonotonicTime now,
                                   std::uint64_t received, base::Milliseconds silence) const {
    const Pace::Duration waited = pace_.waited(now);
    Pace::Duration left = silence;
    if (settings.min_rate != 0) {
        const std::chrono::milliseconds earned(received * 1000 / settings.min_rate);
        left = std::min<Pace::Duration>(left, silence + earned - waited);
    }
    if (settings.body_total_time.count() > 0)
        left = std::min<Pace::Duration>(left, settings.body_total_time - waited);
    return std::max(std::chrono::ceil<base::Milliseconds>(left), base::Milliseconds{1});
}

}  // namespace mew::client

#include "http/date.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace mew::http {

namespace {
// Not strftime: its names follow the process's locale, which an app may change.
constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
}  // namespace

std::string_view date_text(std::time_t now) {
    thread_local std::time_t made_for = 0;
    thread_local std::array<char, 64> text{};
    thread_local std::size_t size = 0;
    if (now != made_for || size == 0) {
        std::tm utc{};
        ::gmtime_r(&now, &utc);
        const int written =
            std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                          kDays[static_cast<std::size_t>(utc.tm_wday)], utc.tm_mday,
                          kMonths[static_cast<std::size_t>(utc.tm_mon)], utc.tm_year + 1900,
                          utc.tm_hour, utc.tm_min, utc.tm_sec);
        size = std::min(static_cast<std::size_t>(written), text.size() - 1);
        made_for = now;
    }
    return {text.data(), size};
}

}  // namespace mew::http

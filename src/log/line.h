#pragma once
// What log/ and the logger role share below the level of an event: times as they stand in a line,
// and the way of finished lines to the target.

#include <string>
#include <string_view>

namespace mew::log {

void append_local_time(std::string& out);  // "2026-11-22 22:40:01.123"
void append_utc_time(std::string& out);    // "2026-11-22T22:40:01.123Z"

// Lines that end in a newline each. False: (some of them) did not get through; counted.
bool write_ready_lines(std::string_view lines);

}  // namespace mew::log

#pragma once
// Text from a format string that is checked while compiling: the face of the fmt library that the
// rest of our code includes. Only format.cc compiles the library itself; including all of it
// everywhere took most of a build's time.

#include <string>
#include <string_view>

#include <fmt/core.h>

namespace mew::base {

std::string format_erased(fmt::string_view format, fmt::format_args arguments);

template <class... Args>
std::string format(fmt::format_string<Args...> format, Args&&... args) {
    return format_erased(format, fmt::make_format_args(args...));
}

// "a, b, c" of a range of strings.
template <class Range>
std::string join(const Range& texts, std::string_view separator) {
    std::string all;
    bool first = true;
    for (const auto& text : texts) {
        if (!first) all += separator;
        all += text;
        first = false;
    }
    return all;
}

}  // namespace mew::base

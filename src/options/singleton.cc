#include "options/singleton.h"

#include <algorithm>

#include "base/format.h"
#include "options/parse_value.h"

namespace mew::options {
namespace {

constexpr std::size_t kLongestName = 64;

bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= kLongestName &&
           std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '_' || c == '-' || c == '.';
           });
}

bool is_target(std::string_view text) {
    const auto colon = text.find(':');
    return colon != std::string_view::npos && is_dotted_name(text.substr(0, colon)) &&
           is_dotted_name(text.substr(colon + 1));
}

}  // namespace

base::Result<Singleton> parse_singleton(std::string_view text) {
    const auto equals = text.find('=');
    const bool named = equals != std::string_view::npos;
    const std::string_view target = named ? text.substr(equals + 1) : text;
    if (!is_target(target))
        return base::fail(
            base::format("singleton = {} does not name a function; write pkg.mod:function or "
                         "name=pkg.mod:function",
                         printable(text)));
    const std::string_view name = named ? text.substr(0, equals) : target;
    if (named && !is_name(name))
        return base::fail(base::format(
            "singleton = {}: a name has 1 to {} letters, digits, dots, dashes or underscores",
            printable(text), kLongestName));
    return Singleton{std::string(name), std::string(target)};
}

}  // namespace mew::options

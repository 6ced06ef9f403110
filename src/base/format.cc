// The one place where the library is compiled; see format.h. Defined here and not for the target,
// so that nobody else takes in the whole of it; and before format.h, which includes its core.
#define FMT_HEADER_ONLY  // NOLINT(readability-identifier-naming): its name, not ours
#include "base/format.h"

#include <fmt/format.h>

namespace mew::base {

std::string format_erased(fmt::string_view format, fmt::format_args arguments) {
    return fmt::vformat(format, arguments);
}

}  // namespace mew::base

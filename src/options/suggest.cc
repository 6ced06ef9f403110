// Spelling help for option names; used for messages only.

#include "options/suggest.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "options/row.h"
#include "options/uwsgi_names.h"

namespace mew::options {
namespace {

constexpr std::size_t kLongestName = 64;  // longer input is not a name that somebody mistyped

struct Nearest {
    std::string_view name;
    std::size_t distance;

    void offer(std::string_view candidate, std::string_view wanted) {
        const std::size_t d = edit_distance(candidate, wanted, distance);
        if (d >= distance) return;
        distance = d;
        name = candidate;
    }
};

}  // namespace

std::size_t edit_distance(std::string_view one, std::string_view other, std::size_t limit) {
    const std::size_t gap =
        one.size() > other.size() ? one.size() - other.size() : other.size() - one.size();
    if (gap > limit) return limit + 1;
    // Three rows of the usual table; the oldest is for swaps.
    std::vector<std::size_t> before(other.size() + 1);
    std::vector<std::size_t> previous(other.size() + 1);
    std::vector<std::size_t> current(other.size() + 1);
    std::iota(previous.begin(), previous.end(), std::size_t{0});
    for (std::size_t i = 1; i <= one.size(); ++i) {
        current[0] = i;
        for (std::size_t j = 1; j <= other.size(); ++j) {
            const std::size_t replace = previous[j - 1] + (one[i - 1] == other[j - 1] ? 0 : 1);
            current[j] = std::min({previous[j] + 1, current[j - 1] + 1, replace});
            if (i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1])
                current[j] = std::min(current[j], before[j - 2] + 1);
        }
        std::swap(before, previous);
        std::swap(previous, current);
    }
    return previous[other.size()];
}

std::string nearest_name(std::string_view name) {
    if (name.empty() || name.size() > kLongestName) return {};
    std::string wanted(name);
    std::transform(wanted.begin(), wanted.end(), wanted.begin(), [](char c) {
        if (c == '_') return '-';
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    // A third of the letters may be wrong; one more than that is another word.
    Nearest nearest{{}, std::min<std::size_t>(wanted.size() / 3, 3) + 1};
    for (const Row& row : table()) {
        nearest.offer(row.name, wanted);
        for (const std::string_view alias : words(row.aliases)) nearest.offer(alias, wanted);
    }
    if (!nearest.name.empty()) return std::string(nearest.name);
    for (const UwsgiName& known : uwsgi_names()) nearest.offer(known.name, wanted);
    return std::string(nearest.name);
}

std::string did_you_mean(std::string_view name) {
    const std::string near = nearest_name(name);
    return near.empty() ? std::string() : "; did you mean " + near + "?";
}

}  // namespace mew::options

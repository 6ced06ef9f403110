#pragma once
// $(ENV), @(file) and %(placeholder), in this order, in the values of all options.

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "options/item.h"
#include "options/load.h"

namespace mew::options {

// NAME=VALUE texts as a map; the first of a name counts, as in getenv.
using Environment = std::unordered_map<std::string, std::string>;

class Expander {
public:
    // Borrows all three.
    Expander(const std::vector<Item>& items, const Environment& environment,
             std::vector<Mistake>& mistakes, std::vector<Mistake>& warnings);

    // Value of item `index`, expanded once and remembered.
    const std::string& value_of(std::size_t index);
    // A text that is not (yet) among the items; with what they say.
    std::string expand(std::string_view text, const std::string& origin);
    // True if some %(name) took the value of an item of this name.
    bool was_used(const std::string& name) const { return used_.count(name) != 0; }

private:
    enum class State : std::uint8_t { raw, under_way, done };

    std::optional<std::string> lookup(std::string_view name, const std::string& origin);
    std::string replace_environment(std::string_view text, const std::string& origin);
    std::string replace_files(std::string_view text, const std::string& origin);
    std::string replace_placeholders(std::string_view text, const std::string& origin);
    std::optional<std::string> evaluate(std::string_view inside, const std::string& origin);
    void say(const std::string& origin, std::string text);

    const std::vector<Item>& items_;
    const Environment& environment_;
    std::vector<Mistake>& mistakes_;
    std::vector<Mistake>& warnings_;
    std::unordered_map<std::string, std::size_t> by_name_;
    std::vector<State> states_;
    std::vector<std::string> values_;
    std::set<std::string> used_;
    std::size_t depth_ = 0;
    std::size_t total_ = 0;
    bool overflowed_ = false;
};

}  // namespace mew::options

// Expansion of values for gather.cc and load.cc. Input may be hostile: recursion, single values
// and the sum of all are bounded.

#include "options/expand.h"

#include <cstdint>

#include "base/format.h"
#include "options/config_file.h"
#include "options/parse_value.h"
#include "options/row.h"

namespace mew::options {
namespace {

constexpr std::size_t kMaxDepth = 32;
constexpr std::size_t kMaxValue = 1U << 20U;
constexpr std::size_t kMaxTotal = 64U << 20U;

// Calls `replace` with what stands between each `mark`( and the next ); where it returns nothing,
// the text stays.
template <class Replace>
std::string replace_marked(std::string_view text, std::string_view mark, Replace replace) {
    std::string out;
    for (;;) {
        const auto at = text.find(mark);
        const auto close = at == std::string_view::npos ? at : text.find(')', at);
        if (close == std::string_view::npos) break;
        out += text.substr(0, at);
        const auto inside = text.substr(at + mark.size(), close - at - mark.size());
        if (const std::optional<std::string> value = replace(inside))
            out += *value;
        else
            out += text.substr(at, close + 1 - at);
        text.remove_prefix(close + 1);
        if (out.size() > kMaxValue) break;
    }
    return out.append(text);
}

std::int64_t number_in(std::string_view text) {
    const auto number = parse_integer(trim(text));
    return number ? *number : 0;
}

// As uWSGI: 64 bits that wrap round, and nothing divided by nothing is nothing.
std::int64_t calculate(std::int64_t left, char operation, std::int64_t right) {
    const auto a = static_cast<std::uint64_t>(left);
    const auto b = static_cast<std::uint64_t>(right);
    switch (operation) {
        case '+':
            return static_cast<std::int64_t>(a + b);
        case '-':
            return static_cast<std::int64_t>(a - b);
        case '*':
            return static_cast<std::int64_t>(a * b);
        default:
            if (right == 0) return 0;
            if (right == -1) return static_cast<std::int64_t>(0 - a);
            return left / right;
    }
}

}  // namespace

Expander::Expander(const std::vector<Item>& items, const Environment& environment,
                   std::vector<Mistake>& mistakes, std::vector<Mistake>& warnings)
    : items_(items),
      environment_(environment),
      mistakes_(mistakes),
      warnings_(warnings),
      states_(items.size(), State::raw),
      values_(items.size()) {
    // The first one counts, so that `--set root=/x --ini app.ini` overrides the file's own root.
    for (std::size_t i = 0; i < items.size(); ++i) {
        by_name_.emplace(items[i].name, i);
        if (const Row* const row = find_row(items[i].name))
            by_name_.emplace(std::string(row->name), i);
    }
}

void Expander::say(const std::string& origin, std::string text) {
    mistakes_.push_back({origin, std::move(text)});
}

const std::string& Expander::value_of(std::size_t index) {
    if (states_[index] == State::done) return values_[index];
    const Item& item = items_[index];
    states_[index] = State::under_way;
    std::string value = expand(item.value, item.origin);
    total_ += value.size();
    if (total_ > kMaxTotal && !overflowed_) {
        overflowed_ = true;
        say(item.origin, "the values grow beyond 64 MiB together, which cannot be meant");
    }
    values_[index] = overflowed_ ? std::string() : std::move(value);
    states_[index] = State::done;
    return values_[index];
}

std::string Expander::expand(std::string_view text, const std::string& origin) {
    std::string value = replace_environment(text, origin);
    value = replace_files(value, origin);
    value = replace_placeholders(value, origin);
    if (value.size() <= kMaxValue) return value;
    say(origin, "the value grows beyond 1 MiB, which cannot be meant");
    return {};
}

std::string Expander::replace_environment(std::string_view text, const std::string& origin) {
    return replace_marked(text, "$(", [&](std::string_view inside) -> std::optional<std::string> {
        const auto dash = inside.find('-');
        const bool if_empty = dash != std::string_view::npos && dash > 0 && inside[dash - 1] == ':';
        const std::string name(inside.substr(0, if_empty ? dash - 1 : dash));
        const auto found = environment_.find(name);
        if (found != environment_.end() && !(if_empty && found->second.empty()))
            return found->second;
        if (dash != std::string_view::npos) return std::string(inside.substr(dash + 1));
        warnings_.push_back(
            {origin, base::format("the environment has no {0}, so $({0}) is empty; $({0}-text) "
                                  "gives a default",
                                  printable(name))});
        return std::string();
    });
}

std::string Expander::replace_files(std::string_view text, const std::string& origin) {
    return replace_marked(text, "@(", [&](std::string_view inside) -> std::optional<std::string> {
        if (inside.find("://") != std::string_view::npos) {
            say(origin,
                base::format("@({}): only files can be read, not addresses", printable(inside)));
            return std::string();
        }
        auto content = read_text_file(std::string(inside));
        if (!content) {
            say(origin, content.error().text);
            return std::string();
        }
        if (content->ends_with('\n')) content->pop_back();
        return *std::move(content);
    });
}

std::string Expander::replace_placeholders(std::string_view text, const std::string& origin) {
    return replace_marked(text, "%(",
                          [&](std::string_view inside) { return evaluate(inside, origin); });
}

std::optional<std::string> Expander::lookup(std::string_view name, const std::string& origin) {
    const auto found = by_name_.find(std::string(name));
    if (found == by_name_.end()) return std::nullopt;
    const std::size_t index = found->second;
    used_.insert(items_[index].name);
    if (states_[index] == State::under_way) {
        say(origin, base::format("%({}) leads back to itself; break the circle", printable(name)));
        return std::string();
    }
    if (depth_ >= kMaxDepth) {
        say(origin,
            base::format("%({}) leads through more than {} others", printable(name), kMaxDepth));
        return std::string();
    }
    ++depth_;
    std::string value = value_of(index);
    --depth_;
    return items_[index].bare ? "1" : value;
}

// One name, or names and literals with operators between them, from left to right.
std::optional<std::string> Expander::evaluate(std::string_view inside, const std::string& origin) {
    if (inside.find(' ') == std::string_view::npos) return lookup(inside, origin);
    std::string result;
    char pending = '\0';
    bool found_any = false;
    for (const std::string_view token : words(inside)) {
        if (token == "++" || token == "--") {
            result = std::to_string(calculate(number_in(result), token.front(), 1));
            found_any = true;
            continue;
        }
        if (token == "+" || token == "-" || token == "*" || token == "/") {
            pending = token.front();
            found_any = true;
            continue;
        }
        const std::optional<std::string> known = lookup(token, origin);
        found_any = found_any || known.has_value();
        const std::string value = known ? *known : std::string(token);
        if (pending == '\0') {
            result += value;
        } else {
            result = std::to_string(calculate(number_in(result), pending, number_in(value)));
        }
        pending = '\0';
        if (result.size() > kMaxValue) break;
    }
    if (!found_any) return std::nullopt;  // "%(something else)" is no expression of ours
    return result;
}

}  // namespace mew::options

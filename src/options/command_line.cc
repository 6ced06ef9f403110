// argv: long options as --name VALUE and --name=VALUE, --no-name for booleans, short ones also in
// clusters (-ML, -p4), "--" before what is no option. Names of uWSGI that we lack are known with
// their arguments, so that these are not taken for something else.

#include <optional>
#include <string_view>

#include "base/format.h"
#include "options/apply.h"
#include "options/parse_value.h"
#include "options/row.h"
#include "options/sources.h"
#include "options/suggest.h"
#include "options/uwsgi_names.h"

namespace mew::options {
namespace {

constexpr const char* kOrigin = "command line";

struct Known {
    std::string name;
    Argument argument;
    const Row* row;  // nullptr: uWSGI's
};

Known known_row(const Row& row, std::string_view name) {
    Argument argument = Argument::required;
    if (row.value_name.empty()) argument = Argument::none;
    if (!row.value_name.empty() && (row.flags & kOptionalValue) != 0) argument = Argument::optional;
    return {std::string(name), argument, &row};
}

std::optional<Known> find_known(std::string_view name) {
    if (name == "else") return Known{"else", Argument::none, nullptr};
    if (const Row* const row = find_row(name)) return known_row(*row, name);
    if (const UwsgiName* const theirs = find_uwsgi_name(name))
        return Known{std::string(name), theirs->argument, nullptr};
    return std::nullopt;
}

std::optional<Known> find_known_short(char letter) {
    if (const Row* const row = find_short(letter)) return known_row(*row, row->name);
    if (const UwsgiName* const theirs = find_uwsgi_short(letter))
        return Known{std::string(theirs->name), theirs->argument, nullptr};
    return std::nullopt;
}

bool is_option(const std::string& argument) {
    if (argument.starts_with("--"))
        return find_known(std::string_view(argument).substr(2, argument.find('=') - 2)).has_value();
    return argument.size() == 2 && argument[0] == '-' && find_known_short(argument[1]);
}

class Reader {
public:
    Reader(const std::vector<std::string>& arguments, Gatherer& gatherer)
        : arguments_(arguments), gatherer_(gatherer) {}

    void read() {
        while (next_ < arguments_.size()) {
            const std::string& argument = arguments_[next_++];
            if (only_positional_ || argument.size() < 2 || argument.front() != '-')
                gatherer_.add_positional(argument);
            else if (argument == "--")
                only_positional_ = true;
            else if (argument[1] == '-')
                read_long(std::string_view(argument).substr(2));
            else
                read_short(std::string_view(argument).substr(1));
        }
    }

private:
    void read_long(std::string_view text) {
        const auto equals = text.find('=');
        const std::string_view name = text.substr(0, equals);
        std::optional<std::string> value;
        if (equals != std::string_view::npos) value = std::string(text.substr(equals + 1));
        if (const auto known = find_known(name)) {
            give(*known, std::move(value));
            return;
        }
        if (negate(name, value)) return;
        const std::string near = nearest_name(name);
        gatherer_.set_incomplete();
        gatherer_.mistake(kOrigin,
                          base::format("--{} is no option; {}", printable(name),
                                       near.empty() ? "mewsgi --help lists all of them"
                                                    : base::format("did you mean --{}?", near)));
        // What was meant for it is not taken for an app.
        if (const auto meant = find_known(near); meant && !value) following_value(*meant);
    }

    bool negate(std::string_view name, const std::optional<std::string>& value) {
        if (!name.starts_with("no-")) return false;
        const Row* const row = find_row(name.substr(3));
        if (row == nullptr || row->type != Type::boolean) return false;
        if (value)
            gatherer_.mistake(kOrigin, base::format("--{} takes no value", name));
        else
            gatherer_.add({std::string(name.substr(3)), "false", false, kOrigin});
        return true;
    }

    void read_short(std::string_view letters) {
        while (!letters.empty()) {
            const auto known = find_known_short(letters.front());
            if (!known) {
                gatherer_.mistake(kOrigin,
                                  base::format("-{} is no option; mewsgi --help lists all of them",
                                               printable(letters.substr(0, 1))));
                return;
            }
            letters.remove_prefix(1);
            if (known->argument != Argument::none) {
                std::optional<std::string> rest;
                if (!letters.empty()) rest = std::string(letters);
                give(*known, std::move(rest));
                return;
            }
            give(*known, std::nullopt);
        }
    }

    void give(const Known& known, std::optional<std::string> value) {
        if (!value) value = following_value(known);
        if (!value && known.argument == Argument::required) {
            const bool swallowed = next_ < arguments_.size();
            gatherer_.mistake(
                kOrigin,
                base::format("--{} needs a value{}", known.name,
                             swallowed ? base::format(", and {} is an option; write --{}=... if it "
                                                      "is meant",
                                                      printable(arguments_[next_]), known.name)
                                       : base::format(": --{} {}", known.name,
                                                      known.row ? known.row->value_name : "...")));
            return;
        }
        const bool bare = !value;
        gatherer_.add({known.name, value.value_or(""), bare, kOrigin});
    }

    std::optional<std::string> following_value(const Known& known) {
        if (next_ >= arguments_.size()) return std::nullopt;
        const std::string& following = arguments_[next_];
        if (!takes(known, following)) return std::nullopt;
        ++next_;
        return following;
    }

    // Optional values are taken only where they cannot be anything else.
    static bool takes(const Known& known, const std::string& following) {
        switch (known.argument) {
            case Argument::required:
                return !is_option(following);
            case Argument::none:
                return known.row != nullptr && known.row->type == Type::boolean &&
                       (following == "true" || following == "false");
            case Argument::optional:
                break;
        }
        if (known.row == nullptr || following.starts_with("-")) return false;
        if (known.row->type == Type::action) return true;  // --help TOPIC
        Options scratch;
        return apply_value(scratch, *known.row, following).has_value();
    }

    const std::vector<std::string>& arguments_;
    Gatherer& gatherer_;
    std::size_t next_ = 0;
    bool only_positional_ = false;
};

}  // namespace

void read_command_line(const std::vector<std::string>& arguments, Gatherer& gatherer) {
    Reader(arguments, gatherer).read();
}

}  // namespace mew::options

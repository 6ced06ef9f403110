// --help and docs/options.md, both from the table. Lines fit 100 columns.

#include <algorithm>
#include <array>

#include "base/format.h"
#include "options/load.h"
#include "options/parse_value.h"
#include "options/row.h"
#include "options/suggest.h"
#include "options/uwsgi_names.h"

namespace mew::options {
namespace {

constexpr std::size_t kWidth = 100;
constexpr std::size_t kHelpColumn = 38;
constexpr std::array kGroupOrder = {Group::app,      Group::processes, Group::async,
                                    Group::sockets,  Group::http,      Group::tls,
                                    Group::stopping, Group::log,       Group::configuration};

constexpr std::string_view kUsage =
    "usage: mewsgi APP                     serve it on http://127.0.0.1:8000\n"
    "       mewsgi dev APP                 the same while you write it: reloads, shows errors\n"
    "       mewsgi [OPTION]... APP         APP: pkg.mod, pkg.mod:app, pkg.mod:make_app(), file.py\n"
    "       mewsgi --ini FILE[:SECTION]    options from a file\n"
    "       mewsgi reload|upgrade|stop|status --pidfile FILE\n";

constexpr std::string_view kFoot =
    "Sizes take k, m, g; times are seconds or take ms, s, m, h. --no-NAME turns a switch off.\n"
    "In a file: [mewsgi] or [uwsgi], then NAME = VALUE. In the environment: MEWSGI_NAME=VALUE.\n"
    "mewsgi --help GROUP (";

struct Style {
    bool colour;
    std::string bold(std::string_view text) const {
        return colour ? base::format("\033[1m{}\033[0m", text) : std::string(text);
    }
};

// Breaks at blanks; every line but the first is indented.
std::string wrap(std::string_view text, std::size_t indent, std::size_t used) {
    std::string out;
    std::size_t column = used;
    bool first = true;
    for (const std::string_view word : words(text)) {
        if (!first && column + 1 + word.size() > kWidth) {
            out += '\n';
            out.append(indent, ' ');
            column = indent;
            first = true;
        }
        if (!first) {
            out += ' ';
            ++column;
        }
        out += word;
        column += word.size();
        first = false;
    }
    return out;
}

std::string left_side(const Row& row) {
    std::string left = row.short_form == '\0' ? "    " : base::format("-{}, ", row.short_form);
    left += base::format("--{}", row.name);
    if (!row.value_name.empty())
        left += (row.flags & kOptionalValue) != 0 ? base::format("[={}]", row.value_name)
                                                  : base::format(" {}", row.value_name);
    return left;
}

std::string help_line(const Row& row) {
    std::string line = "  " + left_side(row);
    std::string help(row.help);
    if (!row.default_text.empty() && row.default_text != "false")
        help += base::format(" [{}]", row.default_text);
    if (line.size() + 2 > kHelpColumn) {
        line += '\n';
        line.append(kHelpColumn, ' ');
    } else {
        line.append(kHelpColumn - line.size(), ' ');
    }
    return line + wrap(help, kHelpColumn, kHelpColumn) + "\n";
}

std::string help_of_group(Group group, const Style& style, bool with_no_effect) {
    std::string out = style.bold(group_title(group)) + "\n";
    for (const Row& row : table()) {
        if (row.group != group) continue;
        if (row.status == Status::works)
            out += help_line(row);
        else if (with_no_effect)
            out += "  " + left_side(row) + "\n      " +
                   wrap(base::format("No effect: {}.", row.reason), 6, 6) + "\n";
    }
    return out;
}

std::string_view type_text(Type type) {
    switch (type) {
        case Type::boolean:
            return "switch";
        case Type::integer:
            return "number";
        case Type::bytes:
            return "size";
        case Type::duration:
            return "time";
        case Type::text:
            return "text";
        case Type::path:
            return "path";
        case Type::address:
            return "address";
        case Type::octal:
            return "octal mode";
        case Type::choice:
            return "choice";
        case Type::setting:
            return "NAME=VALUE";
        case Type::action:
            return "action";
    }
    return {};
}

std::string_view change_text(Change change) {
    switch (change) {
        case Change::live:
            return "at once";
        case Change::new_generation:
            return "at a reload";
        case Change::restart:
            return "at a restart";
    }
    return {};
}

std::string bounds_text(const Row& row) {
    if (row.bounds.low == row.bounds.high) return {};
    if (row.type == Type::duration)
        return base::format("{} to {}", show_duration(Milliseconds(row.bounds.low)),
                            show_duration(Milliseconds(row.bounds.high)));
    if (row.bounds.high == INT64_MAX) return base::format("{} or more", row.bounds.low);
    return base::format("{} to {}", row.bounds.low, row.bounds.high);
}

std::string help_of_option(const Row& row, const Style& style) {
    std::string out = style.bold(left_side(row).substr(row.short_form == '\0' ? 4 : 0)) + "\n\n  " +
                      wrap(row.help, 2, 2) + "\n\n";
    const auto fact = [&](std::string_view name, std::string_view text) {
        if (!text.empty()) out += base::format("  {:<16}{}\n", name, wrap(text, 18, 18));
    };
    if (row.status == Status::no_effect) fact("no effect:", row.reason);
    fact("default:", row.default_text);
    fact("allowed:", row.choices.empty()
                         ? bounds_text(row)
                         : base::format("{}", base::join(words(row.choices), ", ")));
    fact("alone means:", row.bare);
    fact("also called:", base::format("{}", base::join(words(row.aliases), ", ")));
    if ((row.flags & kRepeatable) != 0) fact("repeatable:", "yes, values gather in order");
    if (row.type != Type::action && row.status == Status::works)
        fact("takes effect:", change_text(row.change));
    fact("group:", group_name(row.group));
    fact("uWSGI:", row.uwsgi ? "has it too" : "does not have it");
    return out;
}

std::string unknown_topic(const std::string& topic) {
    if (find_uwsgi_name(topic) != nullptr) {
        const std::string_view advice = advice_for(topic);
        return base::format("{} is an option of uWSGI that mewsgi does not have yet{}{}.\n", topic,
                            advice.empty() ? "" : "; ", advice);
    }
    return base::format("{} is no option and no group of options{}\n", printable(topic),
                        did_you_mean(topic));
}

// A bar inside a cell would end it.
std::string cell(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '|') out += '\\';
        out += c;
    }
    return out;
}

std::string markdown_row(const Row& row) {
    std::vector<std::string> names{base::format("`{}`", row.name)};
    if (row.short_form != '\0') names.push_back(base::format("`-{}`", row.short_form));
    for (const std::string_view alias : words(row.aliases))
        names.push_back(base::format("`{}`", alias));
    std::string about(row.help);
    if (row.status == Status::no_effect) about += base::format(" No effect: {}.", row.reason);
    if (const std::string bounds = bounds_text(row); !bounds.empty())
        about += base::format(" Allowed: {}.", bounds);
    if ((row.flags & kRepeatable) != 0) about += " Repeatable.";
    const bool acts = row.type == Type::action || row.status == Status::no_effect;
    return base::format("| {} | {} | {} | {} | {} | {} |\n", base::join(names, " "),
                        type_text(row.type), cell(row.default_text),
                        acts ? "" : change_text(row.change), row.uwsgi ? "yes" : "", cell(about));
}

}  // namespace

std::string help_text(const std::string& topic, bool colour) {
    const Style style{colour};
    if (!topic.empty()) {
        const std::string name = topic.starts_with("--") ? topic.substr(2) : topic;
        for (const Group group : kGroupOrder)
            if (name == group_name(group)) return help_of_group(group, style, true);
        if (const Row* const row = find_row(name)) return help_of_option(*row, style);
        return unknown_topic(name);
    }
    std::string out(kUsage);
    std::vector<std::string_view> names;
    for (const Group group : kGroupOrder) {
        out += "\n" + help_of_group(group, style, false);
        names.push_back(group_name(group));
    }
    return out + "\n" + std::string(kFoot) + base::format("{}", base::join(names, ", ")) +
           ")\nmewsgi --help OPTION tells more.\n";
}

std::string markdown() {
    std::string out =
        "# Options\n\n"
        "<!-- Written from src/options/table.cc by options_test; do not edit. -->\n\n"
        "On the command line `--name value` or `--name=value`, `--no-name` to turn a switch off; "
        "in a file\n`name = value` below `[mewsgi]` or `[uwsgi]`; in the environment "
        "`MEWSGI_NAME=value` (dashes become\nunderscores). Read in this order: `UWSGI_*`, then "
        "`MEWSGI_*`, then the command line from left to\nright, a file at the place where it is "
        "named. The last value counts; repeatable options gather.\n\n"
        "Sizes are bytes or take `k`, `m`, `g` (binary). Times are seconds or take `ms`, `s`, "
        "`m`, `h`.\n";
    for (const Group group : kGroupOrder) {
        out += base::format(
            "\n## {}\n\n| Option | Kind | Default | A change acts | In uWSGI | |\n"
            "|---|---|---|---|---|---|\n",
            group_title(group));
        for (const Row& row : table()) {
            if (row.group != group) continue;
            out += markdown_row(row);
        }
    }
    return out;
}

}  // namespace mew::options

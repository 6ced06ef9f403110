// The whole way: environment and command line are gathered, expanded, applied row by row, and
// looked at as a whole. Every step goes on after a mistake, so that all are told at once.

#include "options/load.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/format.h"
#include "options/apply.h"
#include "options/dev.h"
#include "options/expand.h"
#include "options/gather.h"
#include "options/parse_value.h"
#include "options/row.h"
#include "options/sources.h"
#include "options/suggest.h"
#include "options/uwsgi_names.h"
#include "options/validate.h"

namespace mew::options {
namespace {

Environment as_map(const std::vector<std::string>& environment) {
    Environment map;
    for (const std::string& variable : environment) {
        const auto equals = variable.find('=');
        if (equals != std::string::npos && equals > 0)
            map.emplace(variable.substr(0, equals), variable.substr(equals + 1));
    }
    return map;
}

// A blank and then ; or #: people mean a comment by it, and INI has none.
std::string_view without_comment(std::string_view value) {
    for (std::size_t i = 1; i < value.size(); ++i) {
        const bool blank = value[i - 1] == ' ' || value[i - 1] == '\t';
        if (blank && (value[i] == ';' || value[i] == '#')) return trim(value.substr(0, i));
    }
    return value;
}

bool is_single_word(Type type) {
    return type == Type::boolean || type == Type::integer || type == Type::bytes ||
           type == Type::duration || type == Type::octal || type == Type::choice;
}

class Applier {
public:
    Applier(const Gatherer& gatherer, Expander& expander, Loaded& loaded)
        : gatherer_(gatherer), expander_(expander), loaded_(loaded) {}

    void run() {
        // All values first: only then it is known which names are placeholders in use.
        for (std::size_t i = 0; i < gatherer_.items().size(); ++i) expander_.value_of(i);
        for (std::size_t i = 0; i < gatherer_.items().size(); ++i)
            apply_item(gatherer_.items()[i], expander_.value_of(i));
    }

private:
    void apply_item(const Item& item, const std::string& value) {
        const Row* const row = item.placeholder ? nullptr : find_row(item.name);
        const std::string name = row == nullptr ? item.name : std::string(row->name);
        loaded_.given.push_back({name, value, item.bare, item.origin, item.name});
        if (row != nullptr)
            apply_row(item, *row, value);
        else if (!item.placeholder)
            judge_unknown(item);
    }

    void apply_row(const Item& item, const Row& row, const std::string& value) {
        if (row.type == Type::action) return;  // has acted
        std::string_view text = value;
        if (item.bare) text = row.type == Type::boolean ? "true" : row.bare;
        if (item.bare && text.empty() && row.status == Status::works) {
            mistake(item.origin, base::format("{} needs a value: {} = {}", item.name, item.name,
                                              row.value_name));
            return;
        }
        if (item.from_file) text = look_for_comment(item, row, text);
        if (row.type == Type::boolean && !is_usual_boolean(text))
            warning(item.origin, base::format("{} = {} is taken for true; write true or false",
                                              item.name, printable(text)));
        if (row.status == Status::no_effect) return;
        if (auto applied = apply_value(loaded_.options, row, text); !applied)
            mistake(item.origin, base::format("{}: {}", item.name, applied.error().text));
    }

    std::string_view look_for_comment(const Item& item, const Row& row, std::string_view text) {
        const std::string_view cut = without_comment(text);
        if (cut.size() == text.size()) return text;
        const bool word = is_single_word(row.type);
        warning(item.origin,
                base::format("{} = {}: INI has no comments after a value; {}. Put the comment on a "
                             "line of its own",
                             item.name, printable(text),
                             word ? base::format("\"{}\" is taken", printable(cut))
                                  : "all of it is the value"));
        return word ? cut : text;
    }

    void judge_unknown(const Item& item) {
        const std::string shown = printable(item.name);
        if (find_uwsgi_name(item.name) != nullptr) {
            not_there_yet(item, shown);
            return;
        }
        if (item.set_by_name || expander_.was_used(item.name)) return;
        const bool refused =
            item.source == Source::strict || (item.source == Source::lenient && gatherer_.strict());
        std::string text = base::format("{} is no option", shown);
        if (suggestions_left_ > 0) text += did_you_mean(item.name);
        if (suggestions_left_ > 0) --suggestions_left_;
        if (refused) {
            mistake(item.origin, std::move(text));
            return;
        }
        text += " (it is kept as a placeholder)";
        warning(item.origin, std::move(text));
    }

    void not_there_yet(const Item& item, const std::string& shown) {
        const std::string_view advice = advice_for(item.name);
        std::string text =
            base::format("{} is an option of uWSGI that mewsgi does not have yet", shown);
        const bool strict_file = item.from_file && item.source == Source::strict;
        const bool fatal = must_not_be_ignored(item.name) || strict_file;
        if (!fatal) text += "; it is ignored";
        if (!advice.empty()) text += base::format("; {}", advice);
        fatal ? mistake(item.origin, std::move(text)) : warning(item.origin, std::move(text));
    }

    void mistake(const std::string& origin, std::string text) {
        loaded_.mistakes.push_back({origin, std::move(text)});
    }
    void warning(const std::string& origin, std::string text) {
        loaded_.warnings.push_back({origin, std::move(text)});
    }

    const Gatherer& gatherer_;
    Expander& expander_;
    Loaded& loaded_;
    int suggestions_left_ = 50;  // a search each: not for a file that is something else
};

// An option that stands for an app or a listener, here or in uWSGI, right or wrong.
bool stands_for_more(const Given& given) {
    const Row* const row = find_row(given.name);
    return (row != nullptr && row->type == Type::address) || must_not_be_ignored(given.name);
}

bool serves_passed(const std::vector<net::Inherited>& passed, const Options& options) {
    return std::any_of(passed.begin(), passed.end(), [&](const net::Inherited& one) {
        return one.fd != 0 || !options.skip_zero;
    });
}

void complete_short_form(const Gatherer& gatherer, Loaded& loaded) {
    if (!gatherer.positional_app() && !loaded.options.dev) return;
    if (!loaded.options.listen_addresses.empty()) return;
    if (std::any_of(loaded.given.begin(), loaded.given.end(), stands_for_more)) return;
    loaded.options.listen_addresses.push_back(
        {ListenAddress::Protocol::http, "http", base::format("{}:{}", kOwnHost, kOwnPort)});
}

// A listener (or its like) was given, and was wrong: which has been told already.
bool lacks_what_was_meant(const Loaded& loaded) {
    return loaded.options.listen_addresses.empty() &&
           std::any_of(loaded.given.begin(), loaded.given.end(), stands_for_more);
}

// A value that several others refer to is expanded more than once while files are read.
void drop_repeated(std::vector<Mistake>& mistakes) {
    std::set<std::pair<std::string, std::string>> seen;
    std::erase_if(mistakes, [&](const Mistake& mistake) {
        return !seen.insert({mistake.origin, mistake.text}).second;
    });
}

}  // namespace

Loaded load(const std::vector<std::string>& arguments, const std::vector<std::string>& environment,
            Request& request, const std::vector<net::Inherited>& passed) {
    Loaded loaded;
    const Environment variables = as_map(environment);
    Gatherer gatherer(variables, loaded, request);
    read_environment(environment, gatherer);
    read_command_line(arguments, gatherer);
    gatherer.finish();
    if (request.kind != Request::Kind::serve) return loaded;
    Expander expander(gatherer.items(), variables, loaded.mistakes, loaded.warnings);
    Applier(gatherer, expander, loaded).run();
    const bool served = serves_passed(passed, loaded.options);
    if (!served) complete_short_form(gatherer, loaded);
    if (loaded.options.dev) complete_for_dev(loaded);
    Expected expected;
    expected.all = !gatherer.incomplete() && !lacks_what_was_meant(loaded);
    expected.address = !served;
    validate(loaded, expected);
    if (loaded.options.dev) confine_dev(loaded);
    drop_repeated(loaded.warnings);
    drop_repeated(loaded.mistakes);
    return loaded;
}

}  // namespace mew::options

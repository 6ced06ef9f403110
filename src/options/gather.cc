// The queue of options; filled by environment.cc and command_line.cc, read by load.cc.

#include "options/gather.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/format.h"
#include "options/parse_value.h"
#include "options/row.h"
#include "options/suggest.h"

namespace mew::options {
namespace {

constexpr std::size_t kMaxNesting = 16;
constexpr std::size_t kMaxItems = 200'000;

Environment::const_iterator find_variable(const Environment& environment, std::string_view name) {
    return environment.find(std::string(name));
}

}  // namespace

Gatherer::Gatherer(const Environment& environment, Loaded& loaded, Request& request)
    : environment_(environment),
      loaded_(loaded),
      request_(request),
      logic_(
          [this](std::string_view name) -> std::optional<std::string> {
              const auto found = find_variable(environment_, name);
              if (found == environment_.end()) return std::nullopt;
              return found->second;
          },
          [this](std::string_view name) { return given_value(name); },
          [this](const std::string& origin, std::string text) {
              mistake(origin, std::move(text));
          }) {}

void Gatherer::mistake(const std::string& origin, std::string text) {
    loaded_.mistakes.push_back({origin, std::move(text)});
}
void Gatherer::warning(const std::string& origin, std::string text) {
    loaded_.warnings.push_back({origin, std::move(text)});
}

std::optional<std::string> Gatherer::given_value(std::string_view name) const {
    const Row* const wanted = find_row(name);
    for (const Item& item : items_)
        if (item.name == name || (wanted != nullptr && find_row(item.name) == wanted))
            return item.value;
    return std::nullopt;
}

void Gatherer::add(Item item) {
    const bool condition = item.name.starts_with("if") || item.name.starts_with("for");
    if (condition && item.value.find('(') != std::string::npos) item.value = expand_now(item);
    for (Item& passed : logic_.take(std::move(item))) accept(std::move(passed));
}

void Gatherer::accept(Item item) {
    if (items_.size() >= kMaxItems) {
        if (items_.size() == kMaxItems) {
            mistake(item.origin,
                    base::format("more than {} options, which cannot be meant", kMaxItems));
            items_.push_back(std::move(item));
        }
        return;
    }
    const Row* const row = item.placeholder ? nullptr : find_row(item.name);
    if (row == nullptr || row->type != Type::action) {
        items_.push_back(std::move(item));
        return;
    }
    // Before what it brings along: uwsgi.opt shows the order in which options were met.
    items_.push_back(item);
    if (act(item, row->name)) items_.pop_back();
}

// Whether the item was used up by acting on it; then nothing was queued behind it.
bool Gatherer::act(const Item& item, std::string_view canonical) {
    if (canonical == "ini" || canonical == "config") {
        load_config(item);
        return false;
    }
    if (canonical == "set" || canonical == "set-placeholder") {
        define(item, canonical == "set-placeholder");
        return false;
    }
    if (canonical == "strict") {
        strict_ = item.bare || parse_boolean(item.value);
        return false;
    }
    if (item.from_file || item.source == Source::environment) {
        warning(item.origin, base::format("{} is for the command line only", canonical));
        return true;
    }
    if (request_.kind == Request::Kind::serve) {
        request_.kind = canonical == "help" ? Request::Kind::help : Request::Kind::version;
        request_.topic = item.value;
    }
    return true;
}

std::string Gatherer::expand_now(const Item& item) {
    Expander expander(items_, environment_, loaded_.mistakes, loaded_.warnings);
    return expander.expand(item.value, item.origin);
}

void Gatherer::define(const Item& item, bool placeholder) {
    const auto equals = item.value.find('=');
    Item defined = item;
    defined.name = std::string(trim(std::string_view(item.value).substr(0, equals)));
    defined.bare = equals == std::string::npos;
    defined.value =
        defined.bare ? "" : std::string(trim(std::string_view(item.value).substr(equals + 1)));
    defined.placeholder = placeholder;
    defined.set_by_name = !placeholder;
    if (defined.name.empty()) {
        mistake(item.origin, base::format("{} needs NAME=VALUE", item.name));
        return;
    }
    if (placeholder && find_row(defined.name) != nullptr) {
        mistake(item.origin, base::format("{} is an option, not a placeholder; use set = {}",
                                          defined.name, printable(item.value)));
        return;
    }
    accept(std::move(defined));
}

void Gatherer::load_config(const Item& item) {
    const std::string text = expand_now(item);
    if (text.empty()) {
        mistake(item.origin, base::format("{} needs the name of a file", item.name));
        return;
    }
    const ConfigName name = parse_config_name(text, last_config_);
    const bool was_incomplete = std::exchange(incomplete_, true);  // until it has been read
    const bool is_ini = name.path.ends_with(".ini") || !looks_like_config(name.path);
    if (name.path.empty() || !is_ini) {
        mistake(item.origin,
                name.path.empty()
                    ? base::format("{}: no file was read before it", printable(text))
                    : base::format("{}: only INI files can be read so far", printable(name.path)));
        return;
    }
    std::error_code error;
    const std::string identity =
        std::filesystem::weakly_canonical(name.path, error).string() + ":" + name.section;
    const bool circle = std::any_of(open_files_.begin(), open_files_.end(),
                                    [&](const auto& open) { return open.identity == identity; });
    if (circle || open_files_.size() >= kMaxNesting) {
        mistake(item.origin, base::format("{} is read while it is being read; break the circle",
                                          printable(text)));
        return;
    }
    auto file = read_config(name, open_files_.empty() ? nullptr : &open_files_.front().facts);
    if (!file) {
        mistake(item.origin, file.error().text);
        return;
    }
    std::move(file->warnings.begin(), file->warnings.end(), std::back_inserter(loaded_.warnings));
    std::move(file->mistakes.begin(), file->mistakes.end(), std::back_inserter(loaded_.mistakes));
    last_config_ = name.path;
    incomplete_ = was_incomplete;
    open_files_.push_back({identity, file->facts});
    for (Item& entry : file->items) add(std::move(entry));
    open_files_.pop_back();
}

void Gatherer::add_positional(const std::string& argument) {
    if (argument.empty() || argument.front() == '[') return;  // uWSGI: a process title
    Item item{"", argument, false, "command line"};
    if (looks_like_config(argument)) {
        item.name = "config";
        add(std::move(item));
        return;
    }
    std::error_code error;
    const bool slash = argument.find('/') != std::string::npos;
    const bool file = argument.ends_with(".py") || (slash && argument.ends_with(".wsgi")) ||
                      (argument.ends_with(".wsgi") && std::filesystem::exists(argument, error));
    if (slash && !file) {
        set_incomplete();
        mistake("command line",
                base::format("{}: neither an app (pkg.mod:app, path/file.py, path/file.wsgi) nor a "
                             "config file (file.ini)",
                             printable(argument)));
        return;
    }
    if (positional_app_) {
        mistake("command line",
                base::format("{}: an app was named before it; one is served", printable(argument)));
        return;
    }
    positional_app_ = true;
    item.name = file ? "wsgi-file" : "module";
    add(std::move(item));
}

}  // namespace mew::options

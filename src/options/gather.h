#pragma once
// Gathers the options of all sources into one queue, in the order in which they count. What acts
// at once does so here: config files, placeholders, blocks, help.

#include <string>
#include <string_view>
#include <vector>

#include "options/config_file.h"
#include "options/expand.h"
#include "options/item.h"
#include "options/load.h"
#include "options/logic.h"
#include "options/magic.h"

namespace mew::options {

class Gatherer {
public:
    Gatherer(const Environment& environment, Loaded& loaded, Request& request);
    Gatherer(const Gatherer&) = delete;
    Gatherer(Gatherer&&) = delete;
    Gatherer& operator=(const Gatherer&) = delete;
    Gatherer& operator=(Gatherer&&) = delete;
    ~Gatherer() = default;

    void add(Item item);
    // An argument that is no option: a config file, or the app.
    void add_positional(const std::string& argument);
    void mistake(const std::string& origin, std::string text);
    void warning(const std::string& origin, std::string text);
    void finish() { logic_.finish(); }

    const std::vector<Item>& items() const { return items_; }
    // The app was named without an option: the short form.
    bool positional_app() const { return positional_app_; }
    bool strict() const { return strict_; }
    // Something that was meant is missing (an unreadable file, an unknown name), so that absence of
    // an option proves nothing.
    bool incomplete() const { return incomplete_; }
    void set_incomplete() { incomplete_ = true; }

private:
    void accept(Item item);
    bool act(const Item& item, std::string_view canonical);
    void load_config(const Item& item);
    void define(const Item& item, bool placeholder);
    std::string expand_now(const Item& item);
    std::optional<std::string> given_value(std::string_view name) const;

    const Environment& environment_;
    Loaded& loaded_;
    Request& request_;
    Logic logic_;
    std::vector<Item> items_;
    struct OpenFile {
        std::string identity;  // resolved path and section
        MagicFacts facts;
    };
    std::vector<OpenFile> open_files_;  // from the outermost to the one being read
    std::string last_config_;
    bool positional_app_ = false;
    bool strict_ = false;
    bool incomplete_ = false;
};

}  // namespace mew::options

// Block logic of config files (and of the command line); used by gather.cc only.
// A loop's body is recorded unread, ifs within it included, and read when it is unrolled.

#include "options/logic.h"

#include <glob.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/format.h"
#include "options/config_file.h"
#include "options/parse_value.h"

namespace mew::options {
namespace {

constexpr std::size_t kMaxUnrolled = 100'000;
constexpr std::string_view kLoopValue = "%(_)";

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
    return std::find(names.begin(), names.end(), name) != names.end();
}
bool is_loop(std::string_view name) {
    return is_one_of(name, {"for", "for-glob", "for-times", "for-readline"});
}
bool is_loop_end(std::string_view name) { return is_one_of(name, {"endfor", "end-for"}); }
bool is_condition(std::string_view name) {
    return name.starts_with("if-") ||
           is_one_of(name, {"ifenv", "ifdir", "ifexists", "iffile", "ifopt", "ifplugin"});
}
bool is_condition_end(std::string_view name) { return is_one_of(name, {"endif", "end-if"}); }

void replace_all(std::string& text, std::string_view what, std::string_view with) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
        text.replace(at, what.size(), with);
}

// NAME, or NAME=VALUE.
bool matches(std::string_view wanted, const Logic::Find& find) {
    const auto equals = wanted.find('=');
    const auto value = find(wanted.substr(0, equals));
    if (!value) return false;
    return equals == std::string_view::npos || *value == wanted.substr(equals + 1);
}

std::vector<std::string> split_blanks(std::string_view text) {
    std::vector<std::string> parts;
    for (text = trim(text); !text.empty(); text = trim(text)) {
        const auto blank = text.find_first_of(" \t");
        parts.emplace_back(text.substr(0, blank));
        if (blank == std::string_view::npos) break;
        text.remove_prefix(blank);
    }
    return parts;
}

std::vector<std::string> glob_paths(const std::string& pattern) {
    std::vector<std::string> paths;
    glob_t found{};
    if (::glob(pattern.c_str(), 0, nullptr, &found) == 0)
        paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
    ::globfree(&found);
    return paths;
}

}  // namespace

std::vector<Item> Logic::take(Item item) {
    const std::string name = item.name;
    if (Block* const loop = innermost_loop(); loop != nullptr && !is_loop_end(name)) {
        if (is_loop(name))
            mistake_(item.origin, "a for inside a for is not supported; close it with endfor");
        else if (loop->open)
            loop->body.push_back(std::move(item));
        return {};
    }
    if (is_loop_end(name)) return close_block(item, Block::Kind::loop);
    if (is_condition_end(name)) return close_block(item, Block::Kind::condition);
    if (name == "else") {
        switch_branch(item);
        return {};
    }
    if (open_block(item, name)) return {};
    if (!open()) return {};
    return {std::move(item)};
}

Logic::Block* Logic::innermost_loop() {
    if (blocks_.empty() || blocks_.back().kind != Block::Kind::loop) return nullptr;
    return &blocks_.back();
}

bool Logic::open_block(const Item& item, std::string_view name) {
    if (is_loop(name)) {
        begin_loop(item, name);
        return true;
    }
    if (!is_condition(name)) return false;
    Block block;
    block.outer_open = open();
    block.opener = name;
    block.origin = item.origin;
    if (block.outer_open) {
        std::string_view condition = name.substr(name.starts_with("if-") ? 3 : 2);
        const bool negated = condition.starts_with("not-");
        if (negated) condition.remove_prefix(4);
        const std::optional<bool> holds = test(item, condition);
        if (!holds)
            mistake_(item.origin, base::format("{} is not there yet; known are if-env, if-opt, "
                                               "if-exists, if-file, if-dir and if-hostname, each "
                                               "also as if-not-...",
                                               printable(name)));
        block.open = holds.has_value() && *holds != negated;
        block.was_open = block.open || !holds;
    }
    blocks_.push_back(std::move(block));
    return true;
}

std::optional<bool> Logic::test(const Item& item, std::string_view condition) {
    std::error_code error;
    if (condition == "env") return matches(item.value, environment_);
    if (condition == "opt") return matches(item.value, option_);
    if (condition == "exists") return std::filesystem::exists(item.value, error);
    if (condition == "file") return std::filesystem::is_regular_file(item.value, error);
    if (condition == "dir" || condition == "directory")
        return std::filesystem::is_directory(item.value, error);
    if (condition == "hostname") {
        std::array<char, 256> name{};
        return ::gethostname(name.data(), name.size() - 1) == 0 && item.value == name.data();
    }
    return std::nullopt;
}

void Logic::begin_loop(const Item& item, std::string_view name) {
    Block block;
    block.kind = Block::Kind::loop;
    block.outer_open = open();
    block.open = block.outer_open;
    block.opener = name;
    block.origin = item.origin;
    if (block.open && name == "for") block.values = split_blanks(item.value);
    if (block.open && name == "for-glob") block.values = glob_paths(item.value);
    if (block.open && name == "for-times") {
        const auto times = parse_integer(item.value);
        if (!times || *times < 0 || *times > static_cast<std::int64_t>(kMaxUnrolled))
            mistake_(item.origin, base::format("for-times needs a number from 0 to {}, not \"{}\"",
                                               kMaxUnrolled, printable(item.value)));
        else
            for (std::int64_t i = 1; i <= *times; ++i) block.values.push_back(std::to_string(i));
    }
    if (block.open && name == "for-readline") {
        auto text = read_text_file(item.value);
        if (!text) mistake_(item.origin, "for-readline: " + text.error().text);
        std::string_view rest = text ? std::string_view(*text) : std::string_view();
        while (!rest.empty()) {
            const auto end = rest.find('\n');
            block.values.emplace_back(trim(rest.substr(0, end)));
            if (end == std::string_view::npos) break;
            rest.remove_prefix(end + 1);
        }
    }
    blocks_.push_back(std::move(block));
}

void Logic::switch_branch(const Item& item) {
    if (blocks_.empty() || blocks_.back().kind != Block::Kind::condition) {
        mistake_(item.origin, "else without an if-... before it");
        return;
    }
    Block& block = blocks_.back();
    block.open = block.outer_open && !block.was_open;
    block.was_open = true;
}

std::vector<Item> Logic::close_block(const Item& item, Block::Kind kind) {
    if (blocks_.empty() || blocks_.back().kind != kind) {
        mistake_(item.origin, base::format("{} without {} before it", printable(item.name),
                                           kind == Block::Kind::loop ? "a for" : "an if-..."));
        return {};
    }
    const Block block = std::move(blocks_.back());
    blocks_.pop_back();
    std::vector<Item> through;
    for (const std::string& value : block.values) {
        unrolled_ += block.body.size();
        if (unrolled_ > kMaxUnrolled) {
            mistake_(block.origin, base::format("the loops make more than {} options, which "
                                                "cannot be meant",
                                                kMaxUnrolled));
            return {};
        }
        const std::size_t depth = blocks_.size();
        for (Item copy : block.body) {
            replace_all(copy.name, kLoopValue, value);
            replace_all(copy.value, kLoopValue, value);
            for (Item& passed : take(std::move(copy))) through.push_back(std::move(passed));
        }
        while (blocks_.size() > depth) {
            mistake_(blocks_.back().origin,
                     base::format("{} is not closed before endfor", blocks_.back().opener));
            blocks_.pop_back();
        }
    }
    return through;
}

void Logic::finish() {
    for (const Block& block : blocks_)
        mistake_(block.origin, base::format("{} is not closed; add {}", block.opener,
                                            block.kind == Block::Kind::loop ? "endfor" : "endif"));
    blocks_.clear();
}

}  // namespace mew::options

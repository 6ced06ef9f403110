#include "control/watch_list.h"

#include <algorithm>
#include <charconv>

namespace mew::control {
namespace {

struct TriggerRow {
    Trigger trigger;
    char letter;
    std::string_view option;
};
constexpr TriggerRow kRows[] = {
    {Trigger::touch_reload, 'r', "touch-reload"},
    {Trigger::touch_workers_reload, 'w', "touch-workers-reload"},
    {Trigger::touch_chain_reload, 'c', "touch-chain-reload"},
    {Trigger::fs_reload, 'f', "fs-reload"},
    {Trigger::touch_logreopen, 'l', "touch-logreopen"},
    {Trigger::module_file, 'm', "py-autoreload"},
    {Trigger::certificates, 't', "certificate"},
};
static_assert(std::size(kRows) == kTriggers);

const TriggerRow& row_of(Trigger trigger) { return kRows[static_cast<std::size_t>(trigger)]; }

// Takes a number and the blank behind it off `record`.
template <class Number>
bool take_number(std::string_view& record, Number& number) {
    const char* const start = record.data();
    const char* const end = start + record.size();
    const auto [rest, error] = std::from_chars(start, end, number);
    if (error != std::errc{} || rest == end || *rest != ' ') return false;
    record.remove_prefix(static_cast<std::size_t>(rest - start) + 1);
    return true;
}

bool take_state(std::string_view& record, FileState& state) {
    return take_number(record, state.modified_ns) && take_number(record, state.size) &&
           take_number(record, state.inode);
}

bool read_record(std::string_view record, WatchedPath& path) {
    const auto* const row =
        std::find_if(std::begin(kRows), std::end(kRows),
                     [&](const TriggerRow& r) { return record.starts_with(r.letter); });
    if (row == std::end(kRows)) return false;
    path.trigger = row->trigger;
    record.remove_prefix(1);
    if (row->trigger == Trigger::module_file && !take_state(record, path.loaded.emplace()))
        return false;
    path.path = record;
    return record.starts_with('/');
}

}  // namespace

std::string_view option_of(Trigger trigger) { return row_of(trigger).option; }

std::string encode_paths(const std::vector<WatchedPath>& paths) {
    std::string list;
    for (const WatchedPath& path : paths) {
        list += row_of(path.trigger).letter;
        if (path.trigger == Trigger::module_file) {
            const FileState state = path.loaded.value_or(FileState{});
            list += std::to_string(state.modified_ns) + " " + std::to_string(state.size) + " " +
                    std::to_string(state.inode) + " ";
        }
        list += path.path;
        list += '\0';
    }
    return list;
}

base::Result<std::vector<WatchedPath>> decode_paths(std::string_view list) {
    std::vector<WatchedPath> paths;
    while (!list.empty()) {
        const std::size_t end = list.find('\0');
        WatchedPath path;
        if (end == std::string_view::npos || !read_record(list.substr(0, end), path))
            return base::fail("record " + std::to_string(paths.size() + 1) +
                              " of a list of files to watch is damaged");
        paths.push_back(std::move(path));
        list.remove_prefix(end + 1);
    }
    return paths;
}

}  // namespace mew::control

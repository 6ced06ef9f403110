#include "watcher/watched.h"

#include <algorithm>
#include <unordered_set>

#include "watcher/state.h"

namespace mew::watcher {

namespace {

// inotify's limits concern all folders of a large app at once.
constexpr std::size_t kMostTold = 8;

// Of a folder what is in it counts.
bool looks_inside(control::Trigger trigger) {
    return trigger == control::Trigger::fs_reload || trigger == control::Trigger::certificates;
}

}  // namespace

using control::Trigger;
using control::WatchedPath;

control::FileState Watched::state_now(const Key& key) const {
    return state_of(key.second, looks_inside(key.first));
}

// The way first, then the file: a change between the two is heard.
void Watched::place(const Key& key, Entry& entry) {
    entry.trail = follow(folders_, key.second, key.first != Trigger::module_file);
    const std::string& folder = entry.trail.last_folder;
    entry.far = !entry.trail.why_deaf.empty() || !hears_all_(folder);
    if (!entry.far || told_.size() >= kMostTold || !told_.insert(folder).second) return;
    if (told_.size() == kMostTold) return tell_("many folders (further ones are not named)");
    tell_(entry.trail.why_deaf.empty()
              ? folder + " lies on a file system that may change from elsewhere"
              : entry.trail.why_deaf);
}

void Watched::index_all() {
    index_.clear();
    any_far_ = false;
    std::unordered_set<int> used;
    for (auto& [key, entry] : entries_) {
        any_far_ = any_far_ || entry.far;
        for (const Trail::Step& step : entry.trail.steps) {
            index_[step.folder].emplace(step.name, &entry);
            used.insert(step.folder);
        }
    }
    folders_.forget_all_but(used);
}

void Watched::stir(base::MonotonicTime now) {
    if (!first_event_) first_event_ = now;
    last_event_ = now;
}

void Watched::suspect_all() {
    for (auto& [key, entry] : entries_) entry.suspect = true;
}

void Watched::drop(const std::function<bool(const Owner&)>& dropped) {
    for (auto& [key, entry] : entries_) std::erase_if(entry.owners, dropped);
    std::erase_if(entries_, [&](const auto& item) {
        return item.first.first == Trigger::module_file && item.second.owners.empty();
    });
}

// A path of the options that was not watched before.
void Watched::begin(const Key& key, Entry& entry, base::MonotonicTime now) {
    place(key, entry);
    // Far away the clocks may differ. Here they go in steps: in doubt it was after.
    if (!entry.far && changed_at(key.second) >= terms_.since_ns) {
        entry.suspect = true;
        stir(now);
    } else {
        entry.known = state_now(key);
    }
}

void Watched::set_options(const std::vector<WatchedPath>& paths, const Terms& terms,
                          base::MonotonicTime now) {
    terms_ = terms;
    next_far_look_ = now + terms.interval;
    std::set<Key> wanted;
    for (const WatchedPath& path : paths) wanted.emplace(path.trigger, path.path);
    std::erase_if(entries_, [&](const auto& item) {
        return item.first.first != Trigger::module_file && !wanted.contains(item.first);
    });
    for (const Key& key : wanted) {
        const auto [place_of, is_new] = entries_.try_emplace(key);
        if (is_new) begin(key, place_of->second, now);
    }
    drop([&terms](const Owner& owner) { return owner.first < terms.oldest; });
    index_all();
}

void Watched::set_files(std::uint32_t generation, std::uint32_t slot,
                        const std::vector<WatchedPath>& paths, base::MonotonicTime now) {
    if (generation < terms_.oldest) return;
    drop([&](const Owner& owner) {
        const bool serves = owner.first == terms_.committed || owner.first == terms_.oldest;
        const bool failed = owner.first < generation && !serves;
        return failed || owner == Owner{generation, slot};
    });
    for (const WatchedPath& path : paths) {
        if (path.trigger != Trigger::module_file || !path.loaded) continue;
        const Key key{path.trigger, path.path};
        const auto [place_of, is_new] = entries_.try_emplace(key);
        Entry& entry = place_of->second;
        entry.owners.emplace(generation, slot);
        if (is_new) place(key, entry);
        // What the newest code was made from is what counts; one generation may load a file twice,
        // but a change between the two must not be forgotten.
        if (!is_new && generation <= entry.newest) continue;
        entry.newest = generation;
        entry.known = *path.loaded;
        if (state_now(key) == entry.known) continue;
        entry.suspect = true;
        stir(now);
    }
    index_all();
}

void Watched::hold(bool on, base::MonotonicTime now) {
    held_ = on;
    const bool waiting = std::any_of(entries_.begin(), entries_.end(),
                                     [](const auto& item) { return item.second.suspect; });
    if (!on && waiting) stir(now);
}

bool Watched::suspect(const Heard& heard) {
    const auto folder = index_.find(heard.folder);
    if (folder == index_.end()) return false;
    bool any = false;
    for (auto& [name, entry] : folder->second) {
        if (heard.what != Heard::What::gone && !name.empty() && name != heard.name) continue;
        entry->suspect = any = true;
    }
    return any;
}

void Watched::hear(base::MonotonicTime now) {
    folders_.read([&](const Heard& heard) {
        const bool missed = heard.what == Heard::What::missed;
        if (missed) suspect_all();
        if (missed || suspect(heard)) stir(now);
    });
}

void Watched::look_at_far_ones(base::MonotonicTime now) {
    if (!any_far_ || now < next_far_look_) return;
    next_far_look_ = now + terms_.interval;
    for (auto& [key, entry] : entries_) {
        if (!entry.far || is_held(key) || entry.suspect) continue;
        const control::FileState state = state_now(key);
        if (!state.exists() || state == entry.known) continue;
        entry.suspect = true;
        stir(now);
    }
}

bool Watched::has_changed(const Key& key, Entry& entry) {
    entry.suspect = false;
    place(key, entry);
    const control::FileState state = state_now(key);
    // A certificate that went away would be missed at the next start: somebody should know by now.
    const bool counts = state.exists() || key.first == Trigger::certificates;
    if (!counts || state == entry.known) return false;
    entry.known = state;
    return true;
}

std::vector<Change> Watched::look(base::MonotonicTime now) {
    look_at_far_ones(now);
    std::vector<Change> changes;
    if (!first_event_ || now < std::min(last_event_ + kQuiet, *first_event_ + kPatience))
        return changes;
    first_event_.reset();
    for (auto& [key, entry] : entries_) {
        if (!entry.suspect || is_held(key) || !has_changed(key, entry)) continue;
        // They come in the order of triggers.
        if (!changes.empty() && changes.back().trigger == key.first)
            ++changes.back().others;
        else
            changes.push_back({key.first, key.second, 0});
    }
    index_all();
    return changes;
}

std::optional<base::MonotonicTime> Watched::due() const {
    std::optional<base::MonotonicTime> due;
    if (first_event_) due = std::min(last_event_ + kQuiet, *first_event_ + kPatience);
    if (any_far_) due = due ? std::min(*due, next_far_look_) : next_far_look_;
    return due;
}

}  // namespace mew::watcher

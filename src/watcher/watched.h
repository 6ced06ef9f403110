#pragma once
// The watcher's memory: which paths are watched for whom, what their files were, and so which
// events are changes. Asked by the watcher's loop; unit-tested on real folders with a clock of its
// own.
//
// An event makes a path suspect. Once there was quiet for kQuiet, and at the latest kPatience after
// the first event, all suspects are looked at: one whose file differs from what it was has changed.
// That a file went away is no change: it will be back, or it is not missed. Only a certificate is.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "control/watch_list.h"
#include "watcher/folders.h"
#include "watcher/trail.h"

namespace mew::watcher {

struct Change {
    control::Trigger trigger;
    std::string path;
    std::uint32_t others = 0;  // of the same trigger, at the same time
};

class Watched {
public:
    static constexpr base::Milliseconds kQuiet{100};
    static constexpr base::Milliseconds kPatience{1000};

    using HearsAll = std::function<bool(const std::string& folder)>;
    using Tell = std::function<void(const std::string& text)>;
    // `tell` gets what an administrator should know: that a folder is looked at by the clock.
    Watched(Folders& folders, HearsAll hears_all, Tell tell)
        : folders_(folders), hears_all_(std::move(hears_all)), tell_(std::move(tell)) {}

    struct Terms {
        base::Milliseconds interval{1000};  // between two looks by the clock
        // Files of generations before `oldest` are let go: that is the committed one, or the one
        // that stands by for it.
        std::uint32_t committed = 0;
        std::uint32_t oldest = 0;
        // ns since 1970: when the list was made. A file that changed since has changed, although
        // nobody had looked at it before.
        std::int64_t since_ns = INT64_MAX;
    };
    // The paths of the options, all of them.
    void set_options(const std::vector<control::WatchedPath>& paths, const Terms& terms,
                     base::MonotonicTime now);
    // The files of one process: its whole list, which takes the place of the one before. Those of
    // an attempt that failed go when the next one's come.
    void set_files(std::uint32_t generation, std::uint32_t slot,
                   const std::vector<control::WatchedPath>& paths, base::MonotonicTime now);
    // While code is loaded, its files may be written by itself: they are judged at the end, by what
    // they were when they were read.
    void hold(bool on, base::MonotonicTime now);

    // inotify has something to say.
    void hear(base::MonotonicTime now);
    // What has changed by now.
    std::vector<Change> look(base::MonotonicTime now);
    // When `look` is due; nothing: only after an event.
    std::optional<base::MonotonicTime> due() const;

private:
    using Key = std::pair<control::Trigger, std::string>;
    using Owner = std::pair<std::uint32_t, std::uint32_t>;  // generation, slot
    struct Entry {
        control::FileState known;
        Trail trail;
        bool far = false;  // looked at by the clock
        bool suspect = false;
        std::uint32_t newest = 0;  // the generation that said what the file was
        std::set<Owner> owners;    // module files
    };

    void place(const Key& key, Entry& entry);
    void index_all();
    void stir(base::MonotonicTime now);
    void suspect_all();
    bool suspect(const Heard& heard);
    void look_at_far_ones(base::MonotonicTime now);
    bool has_changed(const Key& key, Entry& entry);
    bool is_held(const Key& key) const {
        return held_ && key.first == control::Trigger::module_file;
    }
    void drop(const std::function<bool(const Owner&)>& dropped);
    void begin(const Key& key, Entry& entry, base::MonotonicTime now);
    control::FileState state_now(const Key& key) const;

    Folders& folders_;
    HearsAll hears_all_;
    Tell tell_;
    std::map<Key, Entry> entries_;
    // By folder, and by the name in it.
    std::unordered_map<int, std::unordered_multimap<std::string, Entry*>> index_;
    std::set<std::string> told_;
    bool held_ = false;
    bool any_far_ = false;
    Terms terms_;
    std::optional<base::MonotonicTime> first_event_;
    base::MonotonicTime last_event_;
    base::MonotonicTime next_far_look_;
};

}  // namespace mew::watcher

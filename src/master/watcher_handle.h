#pragma once
// The master's view of the watcher: a process that hears of changed files (src/watcher). Runs while
// an option asks for it, and is replaced when it dies; so what it was told is kept here, the lists
// of modules as the descriptors that zygotes and workers sent, which the master never reads.
//
// Held by Holdings; the supervisor says what to watch and gets what changed.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "control/watch_list.h"
#include "master/children.h"
#include "master/log_target.h"
#include "master/peer.h"
#include "master/respawn.h"
#include "master/state.h"
#include "options/options.h"
#include "os/users.h"

namespace mew::master {

class WatcherHandle final : public PeerOwner, public ChildWatcher {
public:
    // Body of the process, which gets its end of the control pair.
    using Body = std::function<int(int control)>;
    // `what` names the option and the file: "touch-reload /run/app.touch".
    using OnChange = std::function<void(control::Trigger trigger, const std::string& what)>;

    WatcherHandle(net::EventLoop& loop, Children& children, LogTarget& log_target,
                  const Body& body);
    ~WatcherHandle() override;

    void run_as(std::optional<os::Identity> identity) { identity_ = std::move(identity); }
    void on_change(OnChange on_change) { on_change_ = std::move(on_change); }

    // What the one of the master before the upgrade knew; that process itself ends.
    void take_over(const state::Watcher& from);
    state::Watcher to_state() const;

    // The options in force, those of generation `committed` (0: none is yet); `oldest` is that one,
    // or the one that stands by for it. Starts the process, or lets it go.
    void apply(const options::Options& options, std::uint32_t committed, std::uint32_t oldest);
    // Instead, where nothing else is looked after: these paths, relative ones from the folder that
    // the server was started in. What changed after `since_ns` has changed.
    void watch(std::vector<control::WatchedPath> paths, std::int64_t since_ns);
    // What the kernel dates changes of files by: ns since 1970.
    static std::int64_t file_clock();
    // From a zygote (slot 0) or a worker: the files of its modules.
    void take_files(std::uint32_t generation, std::uint32_t slot, control::Message& message);
    bool knows_files_of(std::uint32_t generation) const;
    // A generation is being loaded, or that is over.
    void hold(bool on);
    void reopen_log(int fd);
    // The server stops: nothing is watched any more.
    void close();

    void on_message(control::Message& message) override;
    void on_peer_closed(const std::string& reason) override;
    void on_child_end(pid_t pid, int wait_status) override;

private:
    void go_on();
    base::Result<void> start();
    void start_or_retry();
    void retry_later(bool lived);
    void send(const control::Message& message, int descriptor = -1);
    void send_options();
    void send_files(const std::pair<std::uint32_t, std::uint32_t>& owner, int descriptor);
    void send_hold();

    net::EventLoop& loop_;
    Children& children_;
    LogTarget& log_target_;
    const Body& body_;
    std::optional<os::Identity> identity_;
    OnChange on_change_;
    std::string start_folder_;  // where relative paths begin
    bool wanted_ = false;
    pid_t pid_ = 0;
    std::unique_ptr<Peer> peer_;
    Respawn respawn_;
    base::MonotonicTime started_;
    // What a successor must be told.
    std::string list_;
    base::Milliseconds interval_{0};
    std::uint32_t committed_ = 0;
    std::uint32_t oldest_ = 0;
    std::int64_t since_ns_ = 0;  // of what changed after that nothing was heard yet
    bool held_ = false;
    std::map<std::pair<std::uint32_t, std::uint32_t>, os::Fd> files_;  // generation, slot
};

}  // namespace mew::master

#include "master/watcher_handle.h"

#include <unistd.h>

#include <array>
#include <climits>
#include <ctime>

#include "log/log.h"
#include "options/parse_value.h"
#include "os/memory_file.h"
#include "os/process.h"
#include "os/signals.h"

namespace mew::master {
namespace {

using base::Milliseconds;
using control::Kind;
using control::Trigger;

constexpr Milliseconds kSteady{1000};         // one that lived so long starts again at once
constexpr Milliseconds kTouchInterval{1000};  // where events are not to be had
constexpr std::size_t kLongestShown = PATH_MAX;

struct Source {
    Trigger trigger;
    std::vector<std::string> options::Options::*paths;
};
constexpr Source kSources[] = {
    {Trigger::touch_reload, &options::Options::touch_reload},
    {Trigger::touch_workers_reload, &options::Options::touch_workers_reload},
    {Trigger::touch_chain_reload, &options::Options::touch_chain_reload},
    {Trigger::fs_reload, &options::Options::fs_reload},
    {Trigger::touch_logreopen, &options::Options::touch_logreopen},
};

std::string own_folder() {
    std::array<char, PATH_MAX> path;
    return ::getcwd(path.data(), path.size()) != nullptr ? path.data() : "";
}

std::string below(const std::string& folder, const std::string& path) {
    if (path.empty()) return folder;
    return path.starts_with('/') ? path : folder + "/" + path;
}

std::string list_of(const options::Options& options, const std::string& folder) {
    std::vector<control::WatchedPath> list;
    for (const Source& source : kSources) {
        for (const std::string& path : options.*source.paths)
            list.push_back({source.trigger, below(folder, path), std::nullopt});
    }
    return control::encode_paths(list);
}

}  // namespace

WatcherHandle::WatcherHandle(net::EventLoop& loop, Children& children, LogTarget& log_target,
                             const Body& body)
    : loop_(loop),
      children_(children),
      log_target_(log_target),
      body_(body),
      start_folder_(own_folder()),
      respawn_(loop) {}

WatcherHandle::~WatcherHandle() {
    if (pid_ != 0) children_.forget(pid_);
}

std::int64_t WatcherHandle::file_clock() {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

void WatcherHandle::apply(const options::Options& options, std::uint32_t committed,
                          std::uint32_t oldest) {
    // As uWSGI, which changes its folder first.
    list_ = list_of(options, below(start_folder_, options.chdir));
    interval_ = options.py_autoreload.count() > 0 ? options.py_autoreload : kTouchInterval;
    since_ns_ = file_clock();
    committed_ = committed;
    oldest_ = oldest;
    wanted_ = body_ && (!list_.empty() || options.py_autoreload.count() > 0);
    std::erase_if(files_, [&](const auto& item) { return item.first.first < oldest; });
    go_on();
}

void WatcherHandle::watch(std::vector<control::WatchedPath> paths, std::int64_t since_ns) {
    for (control::WatchedPath& watched : paths) watched.path = below(start_folder_, watched.path);
    list_ = control::encode_paths(paths);
    interval_ = kTouchInterval;
    since_ns_ = since_ns;
    wanted_ = body_ && !list_.empty();
    go_on();
}

void WatcherHandle::go_on() {
    if (!wanted_) {
        respawn_.cancel();
        if (peer_) peer_->close();  // it ends with its socket
    } else if (pid_ != 0) {
        send_options();
    } else if (!respawn_.waiting()) {
        start_or_retry();
    }
}

void WatcherHandle::take_files(std::uint32_t generation, std::uint32_t slot,
                               control::Message& message) {
    if (!wanted_ || message.descriptors.empty() || generation < oldest_) return;
    // The watcher does the same: of attempts that failed the last one counts.
    std::erase_if(files_, [&](const auto& item) {
        const std::uint32_t whose = item.first.first;
        return whose < generation && whose != committed_ && whose != oldest_;
    });
    os::Fd& held = files_[{generation, slot}];
    held = std::move(message.descriptors.front());
    send_files({generation, slot}, held.get());
}

bool WatcherHandle::knows_files_of(std::uint32_t generation) const {
    const auto found = files_.lower_bound({generation, 0});
    return found != files_.end() && found->first.first == generation;
}

void WatcherHandle::hold(bool on) {
    if (held_ == on) return;
    held_ = on;
    send_hold();
}

void WatcherHandle::reopen_log(int fd) {
    control::Message order;
    order.kind = Kind::reopen_log;
    send(order, fd);
}

void WatcherHandle::close() {
    wanted_ = false;
    respawn_.cancel();
    if (peer_) peer_->close();
    // It holds the log, and may hang where a file system does.
    if (pid_ != 0) Children::kill(pid_);
}

// --- the process

base::Result<void> WatcherHandle::start() {
    auto pair = control::make_pair();
    if (!pair) return std::move(pair).failure();
    const int far = pair->far.get();
    os::SpawnPlan plan;
    plan.body = [this, far] { return body_(far); };
    plan.descriptors = log_target_.inherited();
    plan.descriptors.push_back({far, far});
    plan.identity = identity_;
    auto pid = os::spawn(plan);
    if (!pid) return std::move(pid).failure();
    pid_ = *pid;
    started_ = loop_.now();
    int status = 0;
    children_.watch(pid_, *this, status);  // cannot have been reaped: the loop has not run
    if (peer_) loop_.defer_delete(std::move(peer_));
    peer_ = std::make_unique<Peer>(loop_, std::move(pair->near), *this);
    if (auto opened = peer_->open(); !opened) {
        Children::kill(pid_);
        return opened;
    }
    log::debug("watcher-started", "watcher started (pid: {})", pid_);
    send_hold();
    send_options();
    for (const auto& [owner, descriptor] : files_) send_files(owner, descriptor.get());
    return {};
}

void WatcherHandle::start_or_retry() {
    if (auto started = start(); !started) {
        log::error("watcher-failed", "cannot start the watcher: {}", started.error().text);
        if (pid_ == 0) retry_later(false);
    }
}

void WatcherHandle::retry_later(bool lived) {
    respawn_.on_death(lived);
    respawn_.schedule([this] { start_or_retry(); });
}

void WatcherHandle::on_child_end(pid_t pid, int wait_status) {
    pid_ = 0;
    if (peer_) peer_->drain();
    if (peer_) peer_->close();
    if (!wanted_) return;
    log::error("watcher-died", "the watcher (pid {}) {}; starting another", pid,
               os::describe_end(wait_status));
    retry_later(loop_.now() - started_ >= kSteady);
}

void WatcherHandle::on_peer_closed(const std::string& reason) {
    if (!reason.empty()) log::error("watcher-lost", "the watcher: {}", reason);
    if (pid_ != 0) Children::kill(pid_);
}

// --- messages

void WatcherHandle::send(const control::Message& message, int descriptor) {
    if (pid_ == 0 || !peer_ || !peer_->is_open()) return;
    std::vector<int> descriptors;
    if (descriptor >= 0) descriptors.push_back(descriptor);
    const auto sent = peer_->send(message, descriptors);
    if (sent) return;
    // Where a file system hangs so does the watcher. Its successor is told all of it.
    log::error("watcher-stuck", "the watcher (pid {}): {}; killing it", pid_, sent.error().text);
    Children::kill(pid_);
}

void WatcherHandle::send_options() {
    const auto memory = os::make_constant_memory("mewsgi-watch", list_);
    if (!memory) {
        log::error("watch-failed", "files are not watched: {}", memory.error().text);
        return;
    }
    control::Message order;
    order.kind = Kind::watch;
    order.generation = committed_;
    order.slot = oldest_;
    order.text = std::to_string(since_ns_);
    order.value = static_cast<std::uint64_t>(interval_.count());
    send(order, memory->get());
}

void WatcherHandle::send_files(const std::pair<std::uint32_t, std::uint32_t>& owner,
                               int descriptor) {
    control::Message order;
    order.kind = Kind::files;
    std::tie(order.generation, order.slot) = owner;
    send(order, descriptor);
}

void WatcherHandle::send_hold() {
    control::Message order;
    order.kind = Kind::hold;
    order.value = held_ ? 1 : 0;
    send(order);
}

void WatcherHandle::on_message(control::Message& message) {
    if (message.kind != Kind::changed || message.value >= control::kTriggers) {
        log::warning("odd-message", "the watcher sent message {}, which it never does",
                     static_cast<int>(message.kind));
        return;
    }
    since_ns_ = file_clock();
    const auto trigger = static_cast<Trigger>(message.value);
    std::string what = std::string(control::option_of(trigger)) + " " +
                       options::printable(message.text, kLongestShown);
    if (message.slot != 0)
        what += " and " + std::to_string(message.slot) + (message.slot == 1 ? " other" : " others");
    if (wanted_ && on_change_) on_change_(trigger, what);
}

}  // namespace mew::master

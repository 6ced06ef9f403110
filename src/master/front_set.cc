#include "master/front_set.h"

#include <unistd.h>

#include <algorithm>

#include "base/format.h"
#include "master/holdings.h"
#include "master/listeners.h"

namespace mew::master {
namespace {

using base::Milliseconds;

constexpr std::chrono::seconds kShortLife{1};
// A front that is killed again and again is no reason to let clients wait; one that dies of what
// clients send, over and over, is.
constexpr unsigned kMostShortLives = 10;
constexpr const char* kNobody = "65534";

}  // namespace

base::Result<std::optional<os::Identity>> front_identity(const options::Options& options) {
    const std::string user = options.http_uid.empty() ? options.uid : options.http_uid;
    // A user of its own brings its group along.
    std::string group = options.http_gid;
    if (group.empty() && options.http_uid.empty()) group = options.gid;
    const bool as_root = user.empty() && ::geteuid() == 0;
    if (!as_root && user.empty() && group.empty()) return std::optional<os::Identity>();
    auto identity = os::resolve_identity(as_root ? "nobody" : user, group);
    // A machine without that name: the number that stands for it everywhere.
    if (!identity && as_root)
        identity = os::resolve_identity(kNobody, group.empty() ? kNobody : group);
    if (!identity) return std::move(identity).failure();
    return std::optional(std::move(*identity));
}

FrontSet::FrontSet(Holdings& holdings, FrontSetOwner& owner, const options::Options& options,
                   std::optional<os::Identity> identity)
    : holdings_(holdings), owner_(owner), options_(options), identity_(std::move(identity)) {
    const int count = std::max(options_.http_processes, 1);
    for (int i = 0; i < count; ++i) places_.emplace_back(holdings.loop);
    options_.env.clear();  // secrets of the app's
}

base::Result<void> FrontSet::open_gate() {
    auto reader = holdings_.gate.reader();
    if (!reader) return std::move(reader).failure();
    gate_reader_ = std::move(*reader);
    return {};
}

base::Result<void> FrontSet::start() {
    if (auto grown = grow_listeners(holdings_, Serving::fronts, static_cast<int>(size())); !grown)
        return grown;
    if (auto opened = open_gate(); !opened) return opened;
    auto board = stats::FrontBoard::create(size());
    if (!board) return std::move(board).failure();
    board_ = std::move(*board);
    for (std::uint32_t number = 1; number <= size(); ++number) {
        if (auto spawned = spawn(number); !spawned) return spawned;
    }
    return {};
}

control::FrontBoot FrontSet::describe_boot(const FrontPlace& place) const {
    control::FrontBoot boot;
    boot.options = options_;
    boot.build_id = control::build_id();
    boot.master_pid = ::getpid();
    boot.number = place.number;
    boot.incarnation = place.incarnation;
    boot.board_fd = board_.fd();
    boot.gate_fd = gate_reader_.get();
    boot.log_fd = holdings_.log_target.event_fd();
    boot.log_colour = holdings_.log_target.colour();
    boot.tls_fd = holdings_.certificates.memory();
    boot.ticket_keys = holdings_.certificates.packed_keys();
    for (const net::Listener& listener : holdings_.listeners) {
        net::ListenerInfo& info = boot.listeners.emplace_back(listener.info);
        std::vector<int> share;
        if (info.routed) share = info.fds_of(place.number, size());
        info.fd = share.empty() ? -1 : share.front();
        if (info.slot_fds.empty()) continue;
        info.slot_fds = std::move(share);
    }
    return boot;
}

base::Result<void> FrontSet::spawn(std::uint32_t number) {
    const FrontPlace place{number, owner_.next_front_incarnation()};
    auto front = std::make_unique<FrontHandle>(holdings_, *this, block(number), place);
    if (auto started = front->start(describe_boot(place), identity_); !started)
        return base::fail(base::format("front {}: {}", number, started.error().text));
    places_[number - 1].front = std::move(front);
    return {};
}

void FrontSet::spawn_later(std::uint32_t number) {
    places_[number - 1].respawn.schedule([this, number] { spawn_or_retry(number); });
}

void FrontSet::spawn_or_retry(std::uint32_t number) {
    const auto spawned = spawn(number);
    if (spawned) return;
    Respawn& respawn = places_[number - 1].respawn;
    const Milliseconds delay = respawn.on_death(false);
    log::error("spawn-failed", "{}; the next try is in {:.1f} s", spawned.error().text,
               std::chrono::duration<double>(delay).count());
    spawn_later(number);
}

void FrontSet::retire(Milliseconds mercy, bool succeeded) {
    retiring_ = true;
    for (Place& place : places_) place.respawn.cancel();
    for (FrontHandle* front : fronts()) front->retire(mercy, succeeded);
}

void FrontSet::kill(const std::string& why) {
    retiring_ = true;
    for (Place& place : places_) place.respawn.cancel();
    for (FrontHandle* front : fronts()) front->end_at_once(why);
}

void FrontSet::reopen_log(int fd) {
    for (FrontHandle* front : fronts()) front->reopen_log(fd);
}

bool FrontSet::ready() const {
    return std::all_of(places_.begin(), places_.end(), [](const Place& place) {
        return place.front && place.front->phase() == FrontPhase::ready;
    });
}

std::vector<FrontHandle*> FrontSet::fronts() const {
    std::vector<FrontHandle*> all;
    for (const Place& place : places_) {
        if (place.front) all.push_back(place.front.get());
    }
    return all;
}

void FrontSet::on_front_ready(FrontHandle& front) {
    const std::uint32_t number = front.place().number;
    places_[number - 1].respawn.on_ready();
    log::write(log::Level::info, "front-spawned",
               base::format("spawned mewsgi front {} (pid: {})", number, front.pid()),
               {{"front", std::int64_t{number}}, {"front_pid", std::int64_t{front.pid()}}});
    served_ = served_ || ready();
    owner_.on_front_ready(*this, front);
}

void FrontSet::on_front_complains(FrontHandle& front, const control::Message& message) {
    owner_.on_front_complains(front, message);
}

void FrontSet::log_end(const FrontEnd& end) const {
    if (end.expected && !end.cut_off) {
        log::debug("front-left", "{}", end.text);
    } else if (end.expected) {
        log::warning("front-killed", "{}", end.text);
    } else {
        log::error("front-died", "{}", end.text);
    }
}

void FrontSet::on_front_dead(FrontHandle& front, const FrontEnd& end) {
    const std::uint32_t number = front.place().number;
    Place& place = places_[number - 1];
    log_end(end);
    board_.clear_present(number);
    holdings_.loop.defer_delete(std::move(place.front));
    if (!retiring_) {
        place.short_lives = end.lived < kShortLife ? place.short_lives + 1 : 0;
        const Milliseconds delay =
            place.respawn.on_death(end.was_ready && place.short_lives <= kMostShortLives);
        if (delay.count() > 0)
            log::warning("respawn-delayed", "front {} starts again in {:.1f} s", number,
                         std::chrono::duration<double>(delay).count());
        spawn_later(number);
    }
    owner_.on_front_gone(*this, front);
}

}  // namespace mew::master

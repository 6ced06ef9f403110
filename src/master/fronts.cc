#include "master/fronts.h"

#include <algorithm>
#include <cerrno>
#include <tuple>

#include "base/format.h"
#include "control/layouts.h"
#include "mailbox/channel.h"
#include "master/holdings.h"
#include "master/listeners.h"

namespace mew::master {
namespace {

using base::Milliseconds;
using control::Kind;

constexpr Milliseconds kJoinAgain{20};
static_assert(control::kMailboxVersion == mailbox::kVersion);

std::uint64_t get(const stats::Counter& counter) { return counter.load(std::memory_order_relaxed); }

}  // namespace

Fronts::Fronts(Holdings& holdings) : holdings_(holdings), join_again_(holdings.loop) {}

Fronts::~Fronts() = default;

// --- sets

// Users are looked up at the start and where they changed: that may be slow.
base::Result<std::optional<os::Identity>> Fronts::identity_for(
    const options::Options& options) const {
    const auto names = [](const options::Options& of) {
        return std::tie(of.http_uid, of.http_gid, of.uid, of.gid);
    };
    const FrontSet* const set = current();
    if (set != nullptr && names(set->options()) == names(options)) return set->identity();
    return front_identity(options);
}

base::Result<void> Fronts::start_set(const options::Options& options) {
    auto identity = identity_for(options);
    if (!identity) return std::move(identity).failure();
    auto set = std::make_unique<FrontSet>(holdings_, *this, options, std::move(*identity));
    auto started = set->start();
    if (started) {
        sets_.push_back(std::move(set));
        return {};
    }
    // In front of the one of now, which stays: some of its processes may live already.
    set->kill("its set could not be started");
    sets_.insert(sets_.begin(), std::move(set));
    drop_empty();
    return started;
}

base::Result<void> Fronts::start(const options::Options& options) {
    mercy_ = options.worker_reload_mercy;
    if (!has_routed_listeners(holdings_)) return {};
    return start_set(options);
}

void Fronts::apply(const options::Options& options) {
    mercy_ = options.worker_reload_mercy;
    if (stopping_ || !has_routed_listeners(holdings_)) return;
    const FrontSet* const before = current();
    if (before != nullptr) {
        const auto changes = options::front_changes(before->options(), options);
        if (changes.empty()) return;
        log::info("fronts-change", "fronts start anew, since they use what changed: {}",
                  base::join(changes, ", "));
        retire_unserved();
    }
    renew(options);
}

// Nobody waits any more for those that never came to serve, if others do.
void Fronts::retire_unserved() {
    const auto serves = [](const auto& set) { return set->served() && !set->retiring(); };
    if (std::none_of(sets_.begin(), sets_.end(), serves)) return;
    for (const auto& set : sets_) {
        if (!set->served() && !set->retiring()) set->retire(mercy_, true);
    }
    drop_empty();
}

void Fronts::renew(const options::Options& options) {
    mercy_ = options.worker_reload_mercy;
    if (!has_routed_listeners(holdings_)) {
        // A build that has none, or none any more.
        for (const auto& set : sets_) set->retire(mercy_, true);
    } else if (auto started = start_set(options); !started) {
        log::error("fronts-failed", "{}; {}", started.error().text,
                   sets_.empty() ? "nobody serves `http`" : "those of before go on");
    }
}

void Fronts::on_front_ready(FrontSet& set, FrontHandle&) {
    join_all();
    if (&set == current() && set.ready()) retire_older();
}

void Fronts::retire_older() {
    for (const auto& set : sets_) {
        if (set.get() != current() && !set->retiring()) set->retire(mercy_, true);
    }
    drop_empty();
}

void Fronts::on_front_gone(FrontSet&, FrontHandle& front) {
    for (auto& [key, worker] : workers_) worker.fronts.erase(front.place().incarnation);
    drop_empty();
    if (on_gone_) on_gone_();
}

void Fronts::on_front_drained() {
    if (on_gone_) on_gone_();
}

bool Fronts::drained() const {
    return std::all_of(sets_.begin(), sets_.end(), [](const auto& set) {
        const std::vector<FrontHandle*> fronts = set->fronts();
        return std::all_of(fronts.begin(), fronts.end(),
                           [](const FrontHandle* front) { return front->drained(); });
    });
}

// What they counted stays.
void Fronts::drop_empty() {
    std::erase_if(sets_, [this](std::unique_ptr<FrontSet>& set) {
        if (!set->retiring() || !set->empty()) return false;
        carry(*set);
        holdings_.loop.defer_delete(std::move(set));
        return true;
    });
}

void Fronts::stop(Milliseconds mercy) {
    stopping_ = true;
    for (const auto& set : sets_) set->retire(mercy, false);
    drop_empty();
}

void Fronts::kill_all(const std::string& why) {
    stopping_ = true;
    join_again_.cancel();
    for (const auto& set : sets_) set->kill(why);
    drop_empty();
}

void Fronts::reopen_log(int fd) {
    for (const auto& set : sets_) set->reopen_log(fd);
}

void Fronts::tell_all(const std::function<control::Message()>& make) {
    for (const auto& set : sets_) {
        if (set->retiring()) continue;
        for (FrontHandle* front : set->fronts()) front->tell(make());
    }
}

bool Fronts::empty() const {
    return std::all_of(sets_.begin(), sets_.end(), [](const auto& set) { return set->empty(); });
}

// --- counters

Fronts::Counts Fronts::counts_of(FrontSet& set, std::uint32_t number) {
    Counts counts;
    stats::FrontSlot& block = set.block(number);
    counts.deaths = get(block.deaths);
    for (const stats::FrontCounter& counter : stats::front_counters())
        counts.values.push_back(get(block.*counter.counter));
    return counts;
}

void Fronts::carry(FrontSet& set) {
    const auto counters = stats::front_counters();
    for (std::uint32_t number = 1; number <= set.size(); ++number) {
        if (carried_.size() < number) carried_.emplace_back();
        Counts& to = carried_[number - 1];
        to.values.resize(counters.size());
        const Counts last = counts_of(set, number);
        to.deaths += last.deaths;
        for (std::size_t i = 0; i < counters.size(); ++i)
            to.values[i] += counters[i].gauge ? 0 : last.values[i];
    }
}

// Numbers that are not there any more count for those that are.
void Fronts::add_carried(std::uint32_t number, std::uint32_t of, Counts& to) const {
    for (std::size_t i = number - 1; i < carried_.size(); i += of) {
        to.deaths += carried_[i].deaths;
        for (std::size_t value = 0; value < carried_[i].values.size(); ++value)
            to.values[value] += carried_[i].values[value];
    }
}

std::vector<Fronts::Row> Fronts::rows() const {
    std::vector<Row> rows;
    for (auto set = sets_.rbegin(); set != sets_.rend(); ++set) {
        const bool now = set == sets_.rbegin();
        for (std::uint32_t number = 1; number <= (*set)->size(); ++number) {
            const FrontHandle* const front = (*set)->front(number);
            if (!now && front == nullptr) continue;
            Counts counts = counts_of(**set, number);
            if (now) add_carried(number, (*set)->size(), counts);
            Row& row = rows.emplace_back(Row{number, front, counts.deaths, {}});
            const auto counters = stats::front_counters();
            for (std::size_t i = 0; i < counters.size(); ++i)
                row.counters.emplace_back(counters[i].name, counts.values[i]);
        }
    }
    return rows;
}

// --- workers

void Fronts::attach(const WorkerId& key, int cores, ChannelTaker& worker) {
    workers_[key] = {&worker, cores, false, {}};
    join_all();
}

void Fronts::let_go(const WorkerId& key) {
    if (const auto found = workers_.find(key); found != workers_.end())
        found->second.retires = true;
}

void Fronts::ended(const WorkerId& key, const std::string& why_not_again) {
    const auto found = workers_.find(key);
    if (found == workers_.end()) return;
    const std::set<std::uint64_t> knew = std::move(found->second.fronts);
    workers_.erase(found);
    for (const auto& set : sets_) {
        for (FrontHandle* front : set->fronts()) {
            if (!front->is_joinable() || !knew.contains(front->place().incarnation)) continue;
            control::Message news = control::message_about(Kind::ended, key);
            news.text = why_not_again;
            front->tell(std::move(news));
        }
    }
}

void Fronts::attach_again(const WorkerId& key, int cores, ChannelTaker& worker, bool retires) {
    Worker& known = workers_[key] = {&worker, cores, retires, {}};
    for (const auto& set : sets_) {
        for (const FrontHandle* front : set->fronts()) {
            if (front->is_joinable()) known.fronts.insert(front->place().incarnation);
        }
    }
}

void Fronts::on_front_complains(FrontHandle& front, const control::Message& message) {
    const auto found = workers_.find(control::worker_of(message));
    const bool knows =
        found != workers_.end() && found->second.fronts.contains(front.place().incarnation);
    if (!knows)  // it may have died in the same moment
        return log::debug("late-complaint", "{} complains of a worker that is gone: {}",
                          front.describe(), message.text);
    found->second.taker->kill(
        base::format("broke the rules of its channel to {}: {}", front.describe(), message.text));
}

void Fronts::join_later() {
    join_again_.schedule([this] { join_all(); }, kJoinAgain);
}

// By keys: a worker that is killed for not listening leaves the list at once.
void Fronts::join_all() {
    std::vector<WorkerId> keys;
    for (const auto& [key, worker] : workers_) {
        if (!worker.retires) keys.push_back(key);
    }
    for (const auto& set : sets_) {
        for (FrontHandle* front : set->fronts()) {
            if (!front->is_joinable()) continue;
            for (const WorkerId& key : keys) {
                if (!join(*set, *front, key)) return join_later();
            }
        }
    }
}

// False: it could not be done just now.
bool Fronts::join(const FrontSet& set, FrontHandle& front, const WorkerId& key) {
    const auto found = workers_.find(key);
    if (found == workers_.end()) return true;
    Worker& worker = found->second;
    if (worker.fronts.contains(front.place().incarnation)) return true;
    const options::Options& options = set.options();
    auto memory = mailbox::make_channel(
        mailbox::head_room(options.buffer_size, options.http_max_headers),
        std::clamp(static_cast<std::uint32_t>(worker.cores), mailbox::kSlots, mailbox::kMostSlots));
    auto pair = control::make_pair();
    if (!memory || !pair) {
        log::warning("join-delayed", "{} and worker {} do not get together yet: {}",
                     front.describe(), key.slot, (memory ? pair.error() : memory.error()).text);
        return false;
    }
    const auto given = worker.taker->take_channel(front.place(), memory->get(), pair->far.get());
    if (!given && given.error().code == ETOOMANYREFS) return false;
    if (!given) {
        worker.taker->kill("does not read its orders");
        return true;
    }
    control::Message news = control::message_about(Kind::channel, key);
    news.text = std::to_string(worker.cores);
    news.descriptors.push_back(std::move(*memory));
    news.descriptors.push_back(std::move(pair->near));
    front.tell(std::move(news));
    worker.fronts.insert(front.place().incarnation);
    return true;
}

}  // namespace mew::master

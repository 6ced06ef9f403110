#include "worker/worker.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "client/codecs.h"
#include "log/access.h"
#include "log/log.h"
#include "os/forked.h"
#include "worker/connection.h"
#include "worker/routed_exchange.h"

namespace mew::worker {

namespace {
constexpr base::Milliseconds kHandoverRetry{5};
// At a stop, what a client has begun to send may still come, for so long.
constexpr base::Milliseconds kHalfSentGrace{1000};
// What waits for a core of this worker for so long goes to another one, if there is one.
constexpr base::Milliseconds kWaitForCore{5};
// After so long a call, idle connections leave too: should this worker have to be killed, they are
// not lost. No more than kMostIdleMoved at once: moving costs the takers.
constexpr base::Milliseconds kLongCall{250};
constexpr int kMostIdleMoved = 256;
}  // namespace

// With a pool the loop's thread is outside the language, whose signal handlers must run on it all
// the same: the language writes to a descriptor when one is due.
class Worker::Interrupt final : public net::EventHandler {
public:
    Interrupt(Worker& worker, int fd) : worker_(worker), fd_(fd) {}
    void on_event(std::uint32_t) override {
        char bytes[64];
        while (::read(fd_, bytes, sizeof bytes) > 0) {
        }
        if (!worker_.hooks_.turn(worker_.hooks_.context)) worker_.loop_.stop();
    }

private:
    Worker& worker_;
    int fd_;
};

Worker::Worker(const Settings& settings, const options::Options& options, stats::Slot& slot,
               Running running, Wiring wiring)
    : settings_(settings),
      options_(options),
      loop_(clock_),
      context_(loop_, settings, slot),
      wiring_(wiring),
      running_(std::move(running)),
      taker_(context_, wiring.handover_take_fd,
             [this] {
                 for (const auto& acceptor : acceptors_) acceptor->look_again();
             }),
      mailboxes_(context_),
      pulse_(slot) {
    client::set_durations(context_.deadlines, options);
    context_.pid = ::getpid();
    context_.gate = wiring.gate;
    context_.generation = wiring.generation;
    context_.handover_fd = wiring.handover_fd;
    requests_before_ = slot.requests.load(std::memory_order_relaxed);
    // A slot is used again by the next incarnation; its totals go on, what is open now does not.
    slot.connections.store(0, std::memory_order_relaxed);
    slot.request_started_us.store(0, std::memory_order_relaxed);
}

Worker::~Worker() {
    if (pool_) pool_->stop();
    rescue_.reset();
    while (!context_.connections.empty()) context_.connections.front().close();
}

base::Result<void> Worker::open(const LanguageHooks& hooks) {
    if (auto opened = loop_.open(); !opened) return opened;
    hooks_ = hooks;
    pulse_.set_probe(hooks.probe, hooks.probe_context);
    os::watch_forks();
    if (auto opened = open_cores(hooks); !opened) return opened;
    add_acceptors();
    return loop_.add(wiring_.control_fd, EPOLLIN, *this);
}

base::Result<void> Worker::open_cores(const LanguageHooks& hooks) {
    if (running_.cores != 0) {
        context_.core_count = running_.cores;
        context_.goes_on = true;
        async_cores_ = std::make_unique<AsyncCores>(*running_.bridges.front());
        context_.cores = async_cores_.get();
        if (running_.bridges.size() == 1) return {};
        return open_pool(hooks, {running_.bridges.begin() + 1, running_.bridges.end()});
    }
    context_.core_count = static_cast<int>(running_.bridges.size());
    if (running_.bridges.size() == 1) {
        inline_core_ = std::make_unique<InlineCore>(*running_.bridges.front());
        inline_core_->set_wait_hooks(hooks.wait);
        context_.cores = inline_core_.get();
        loop_.set_wait_hooks(hooks.wait);
        return open_rescue();
    }
    context_.first_waiting = {[](void* self) { static_cast<Worker*>(self)->on_first_waiting(); },
                              this};
    auto opened = open_pool(hooks, running_.bridges);
    context_.cores = pool_.get();
    return opened;
}

base::Result<void> Worker::open_pool(const LanguageHooks& hooks,
                                     const std::vector<http::AppBridge*>& bridges) {
    pool_ = std::make_unique<Pool>(context_, bridges);
    if (async_cores_) async_cores_->set_pool(pool_.get());
    if (hooks.interrupt_fd >= 0) {
        interrupt_ = std::make_unique<Interrupt>(*this, hooks.interrupt_fd);
        if (auto added = loop_.add(hooks.interrupt_fd, EPOLLIN, *interrupt_); !added) return added;
    }
    return pool_->start(hooks.threads, std::size_t{options_.threads_stack_size} * 1024);
}

base::Result<void> Worker::open_rescue() {
    Rescue::Duty duty;
    duty.begin = [this] {
        stats::add(context_.slot.rescues);
        context_.receive_index = 1;  // the call may hold on to what is in the other one
        deafen(false);
        hand_on_waiting();
    };
    duty.turn = [this, moved = false](base::Milliseconds so_far) mutable {
        hand_on_waiting();
        if (context_.is(Phase::retiring) || context_.is(Phase::stopping)) let_go();
        const bool due = so_far >= kLongCall;
        if (due && !moved) hand_on_idle();
        moved = due;
        pulse_.beat(so_far);
    };
    duty.end = [this] {
        context_.receive_index = 0;
        listen();
    };
    rescue_ = std::make_unique<Rescue>(loop_, std::move(duty));
    inline_core_->set_rescue(rescue_.get());
    return rescue_->start();
}

void Worker::add_acceptors() {
    if (wiring_.bell_fd >= 0 && wiring_.gate != nullptr) {
        token_ = std::make_unique<AcceptToken>(
            context_, *wiring_.gate, wiring_.bell_fd,
            [this] {
                for (const auto& acceptor : acceptors_) (void)acceptor->start();
            },
            [this] {
                for (const auto& acceptor : acceptors_) acceptor->stop();
            });
    }
    for (std::uint32_t i = 0; i < settings_.listeners.size(); ++i) {
        const net::ListenerInfo& listener = settings_.listeners[i];
        if (listener.routed) continue;
        const auto fds =
            listener.fds_of(wiring_.slot, static_cast<std::uint32_t>(settings_.processes));
        for (const int fd : fds)
            acceptors_.push_back(std::make_unique<Acceptor>(
                context_, i, fd, !listener.slot_fds.empty(), token_.get()));
    }
}

void Worker::tell(control::Kind kind, std::uint64_t value) {
    control::Message message;
    message.kind = kind;
    message.slot = wiring_.slot;
    message.generation = wiring_.generation;
    message.pid = context_.pid;
    message.value = value;
    if (auto sent = control::send(wiring_.control_fd, message); !sent)
        log::debug("master-deaf", "{}", sent.error().text);
}

void Worker::begin() {
    context_.slot.state.store(stats::WorkerState::ready);
    tell(control::Kind::ready, static_cast<std::uint64_t>(context_.core_count));
}

// Nothing to do at once, and whoever has news rings.
bool Worker::prepare_sleep() {
    const bool runnable = !context_.runnable.empty() && !context_.busy();
    return mailboxes_.prepare_sleep() && !runnable && context_.over.empty() &&
           context_.news.empty();
}

void Worker::run_turn(base::Milliseconds limit) {
    loop_.run_once(limit);
    mailboxes_.awake();
    run_over();
    run_news();
    run_runnable();
    mailboxes_.run();
    finish_turn();
}

void Worker::run() {
    begin();
    while (!loop_.stopped()) {
        run_turn(base::Milliseconds{prepare_sleep() ? -1 : 0});
        if (!pool_ && hooks_.turn && !hooks_.turn(hooks_.context)) loop_.stop();
    }
    end();
}

bool Worker::turn() {
    run_turn(base::Milliseconds{0});
    if (loop_.stopped()) return false;
    if (!prepare_sleep()) context_.ask_for_turn();
    return true;
}

// Those that went on and are over: their connections go on with what came meanwhile.
void Worker::run_over() {
    while (!context_.over.empty()) {
        Job& job = context_.over.front();
        static_cast<base::ListNode<OverTag>&>(job).unlink();
        job.on_core_done();
    }
}

void Worker::run_news() {
    while (!context_.news.empty()) {
        RoutedExchange& exchange = context_.news.front();
        static_cast<base::ListNode<NewsTag>&>(exchange).unlink();
        exchange.on_news();
    }
}

void Worker::end() {
    if (pool_) pool_->stop();
    rescue_.reset();
    if (!context_.access_lines.empty()) log::flush_access(context_.access_lines);
    tell(control::Kind::left);
}

// Each connection that was runnable when the turn ended gets one go; what becomes runnable by it
// waits for the next turn, and what finds no free core goes on waiting.
void Worker::run_runnable() {
    if (context_.runnable.empty()) return;
    while (!context_.runnable.empty()) now_.push_back(context_.runnable.front());
    while (!now_.empty()) {
        Connection& connection = now_.front();
        if (context_.busy()) {
            context_.runnable.push_back(connection);
            continue;
        }
        static_cast<base::ListNode<RunnableTag>&>(connection).unlink();
        connection.run_further();
    }
}

void Worker::finish_turn() {
    if (pool_ && !context_.goes_on && context_.busy_cores > 0 && pulse_timer_ == 0) watch_calls();
    if (!context_.access_lines.empty()) log::flush_access(context_.access_lines);
    if (context_.is(Phase::serving)) {
        if (!context_.busy()) listen();
        if (options_.max_requests != 0 && !worn_) count_worn();
    } else if (!context_.is(Phase::waiting)) {
        let_go();
    }
}

// --- connections that move

void Worker::hand_on_waiting() {
    if (!context_.has_takers()) return;
    for (auto* list : {&now_, &context_.runnable}) {
        Connection* next = list->first();
        while (next != nullptr) {
            Connection& connection = *next;
            next = list->after(connection);
            if (connection.movable() && !hand_over(context_, connection)) return;
        }
    }
}

void Worker::hand_on_idle() {
    if (!context_.has_takers()) return;
    int moved = 0;
    Connection* next = context_.connections.first();
    while (next != nullptr && moved < kMostIdleMoved) {
        Connection& connection = *next;
        next = context_.connections.after(connection);
        if (!connection.movable()) continue;
        if (!hand_over(context_, connection)) return;
        ++moved;
    }
}

// With a pool: all cores were busy when a request came.
void Worker::on_first_waiting() {
    if (waiting_timer_ != 0) return;
    waiting_timer_ = loop_.start_timer(kWaitForCore, [this] {
        waiting_timer_ = 0;
        if (!context_.busy()) return;
        hand_on_waiting();
        if (!context_.runnable.empty()) on_first_waiting();
    });
}

// --- orders

void Worker::on_event(std::uint32_t) {
    for (;;) {
        control::Message message;
        const auto received = control::receive(wiring_.control_fd, message);
        if (!received) {
            log::error("control-broken", "{}", received.error().text);
            ::_exit(1);
        }
        if (*received == control::Receipt::closed) ::_exit(1);  // the master is gone
        if (*received == control::Receipt::nothing_yet) return;
        on_message(message);
    }
}

void Worker::on_message(control::Message& message) {
    switch (message.kind) {
        case control::Kind::check:
            return answer_check(message);
        case control::Kind::serve:
            return start_serving();
        case control::Kind::channel:
            return attach_front(message);
        case control::Kind::retire:
            return retire(message.generation);
        case control::Kind::leave:
            return loop_.stop();
        case control::Kind::reopen_log:
            return reopen_log(message);
        default:
            log::warning("control-unknown", "the master sent an order that workers do not know");
    }
}

void Worker::start_serving() {
    if (!context_.is(Phase::waiting)) return;
    context_.phase = Phase::serving;
    context_.slot.state.store(stats::WorkerState::idle);
    listen();
}

// To a front that serves; one more for each, and for each that takes a dead one's place.
void Worker::attach_front(control::Message& message) {
    if (message.descriptors.size() != 2 || context_.is(Phase::waiting)) return;
    const auto attached =
        mailboxes_.attach(message.descriptors[0], std::move(message.descriptors[1]));
    if (!attached) log::error("mailbox-refused", "{}", attached.error().text);
}

// reload-check: one request of the master's, while nobody else is served. HTTP, whatever the
// sockets speak, and as if it came by the first of them that speaks it.
void Worker::answer_check(control::Message& message) {
    if (message.descriptors.empty() || !context_.is(Phase::waiting)) return;
    const auto http = std::find_if(
        settings_.listeners.begin(), settings_.listeners.end(),
        [](const net::ListenerInfo& one) { return one.protocol == net::Protocol::http; });
    const auto listener = http == settings_.listeners.end()
                              ? 0U
                              : static_cast<std::uint32_t>(http - settings_.listeners.begin());
    sockaddr_storage nowhere{};
    nowhere.ss_family = AF_UNIX;
    auto* connection =
        new Connection(context_, std::move(message.descriptors.front()), PeerText(nowhere),
                       listener, client::make_http_codec(settings_));
    connection->open({});
}

// Takes new connections, and those of others, as far as this worker may; what is on stays on.
void Worker::listen() {
    if (!context_.is(Phase::serving) || context_.superseded()) return;
    if (token_) token_->start();
    for (const auto& acceptor : acceptors_) {
        if (token_) break;
        if (auto started = acceptor->start(); !started)
            log::error("listen-failed", "{}", started.error().text);
    }
    if (auto started = taker_.start(); !started)
        log::error("handover-failed", "{}", started.error().text);
}

void Worker::deafen(bool all) {
    if (token_) token_->stop();
    for (const auto& acceptor : acceptors_) {
        if (all || !acceptor->own()) acceptor->give_way();
    }
    taker_.stop();
}

void Worker::retire(std::uint32_t successor) {
    context_.phase = successor != 0 ? Phase::retiring : Phase::stopping;
    context_.slot.state.store(stats::WorkerState::retiring);
    deafen(true);
    mailboxes_.leave();
    if (on_retire_) on_retire_();
    if (context_.is(Phase::stopping)) {
        loop_.start_timer(kHalfSentGrace, [this] { half_sent_grace_over_ = true; });
    }
    let_go();
}

// Hands on or closes every connection that is between requests, and leaves with the last one and
// once the fronts have let go.
void Worker::let_go() {
    bool blocked = false;
    Connection* next = context_.connections.first();
    while (next != nullptr) {
        Connection& connection = *next;
        next = context_.connections.after(connection);
        if (context_.is(Phase::stopping)) {
            if (connection.quiet())
                connection.close();
            else if (half_sent_grace_over_)
                connection.give_up_half_sent();
        } else if (!blocked && connection.movable()) {
            blocked = !hand_over(context_, connection);
        }
    }
    if (context_.connections.empty() && mailboxes_.empty() && context_.taken_over == 0)
        return loop_.stop();
    if (!blocked || let_go_timer_ != 0) return;
    // The pair is full: its takers are busy. The turn after this timer tries again.
    let_go_timer_ = loop_.start_timer(kHandoverRetry, [this] { let_go_timer_ = 0; });
}

// With a pool, where the loop sleeps beside calls: a timer looks whether one of them lasts. Under
// load it fires once a second, and once more after the last call.
void Worker::watch_calls() {
    const auto started = context_.slot.request_started_us.load(std::memory_order_relaxed);
    const base::MonotonicTime begun{std::chrono::microseconds(started)};
    const auto so_far = std::chrono::duration_cast<base::Milliseconds>(loop_.now() - begun);
    pulse_.beat(so_far);
    const base::Milliseconds next =
        so_far < Pulse::kLong ? Pulse::kLong - so_far : Pulse::kInterval;
    pulse_timer_ = loop_.start_timer(next, [this] {
        pulse_timer_ = 0;
        if (context_.busy_cores > 0) watch_calls();
    });
}

// max-requests: the master sends a substitute, and orders this worker to retire when that is ready.
void Worker::count_worn() {
    const std::uint64_t served =
        context_.slot.requests.load(std::memory_order_relaxed) - requests_before_;
    const std::uint64_t limit =
        options_.max_requests + std::uint64_t{wiring_.slot - 1} * options_.max_requests_delta;
    if (served < limit) return;
    worn_ = true;
    tell(control::Kind::worn, served);
}

void Worker::reopen_log(control::Message& message) {
    if (message.descriptors.empty()) return;
    log::flush_access(context_.access_lines);
    log::replace_target(message.descriptors.front().get());
}

}  // namespace mew::worker

#include "worker/worker.h"

#include <unistd.h>

#include "log/access.h"
#include "log/log.h"
#include "worker/connection.h"

namespace mew::worker {

namespace {
constexpr base::Milliseconds kLinger{2000};
constexpr base::Milliseconds kHandoverRetry{5};
// At a stop, what a client has begun to send may still come, for so long.
constexpr base::Milliseconds kHalfSentGrace{1000};

base::Milliseconds milliseconds(options::Milliseconds value) { return base::Milliseconds(value); }
}  // namespace

Settings settings_from(const options::Options& options, std::vector<net::ListenerInfo> listeners) {
    Settings settings;
    settings.limits.head_bytes = options.buffer_size;
    settings.limits.head_fields = options.http_max_headers;
    settings.limits.body_bytes = options.limit_post;
    settings.post_buffering = options.post_buffering;
    settings.response_buffer = options.response_buffer;
    settings.keep_alive = options.http_keepalive.count() > 0;
    settings.access_log = !options.disable_logging;
    settings.listeners = std::move(listeners);
    return settings;
}

Worker::Worker(const Settings& settings, const options::Options& options, stats::Slot& slot,
               http::AppBridge& bridge, Wiring wiring)
    : settings_(settings),
      loop_(clock_),
      context_(loop_, settings, slot, bridge),
      wiring_(wiring),
      taker_(context_, wiring.handover_take_fd) {
    Deadlines& deadlines = context_.deadlines;
    deadlines.set_duration(Limit::header, milliseconds(options.http_header_timeout));
    deadlines.set_duration(Limit::body, milliseconds(options.http_body_timeout));
    deadlines.set_duration(Limit::keepalive, milliseconds(options.http_keepalive));
    deadlines.set_duration(Limit::send, milliseconds(options.http_send_timeout));
    deadlines.set_duration(Limit::linger, kLinger);
    context_.pid = ::getpid();
    // A slot is used again by the next incarnation; its totals go on, what is open now does not.
    slot.connections.store(0, std::memory_order_relaxed);
    slot.request_started_us.store(0, std::memory_order_relaxed);
}

Worker::~Worker() {
    while (!context_.connections.empty()) context_.connections.front().close();
}

base::Result<void> Worker::open() {
    if (auto opened = loop_.open(); !opened) return opened;
    for (std::uint32_t i = 0; i < settings_.listeners.size(); ++i) {
        acceptors_.push_back(std::make_unique<Acceptor>(context_, i));
    }
    return loop_.add(wiring_.control_fd, EPOLLIN, *this);
}

void Worker::set_wait_hooks(WaitHooks hooks) {
    context_.wait_hooks = hooks;
    loop_.set_wait_hooks(hooks);
}

void Worker::run(bool (*turn)(void*), void* turn_context) {
    control::Message ready;
    ready.kind = control::Kind::ready;
    ready.slot = wiring_.slot;
    ready.generation = wiring_.generation;
    ready.pid = ::getpid();
    context_.slot.state.store(stats::WorkerState::ready);
    if (!control::send(wiring_.control_fd, ready)) return;
    while (!loop_.stopped()) {
        loop_.run_once(context_.runnable.empty() ? base::Milliseconds{-1} : base::Milliseconds{0});
        run_runnable();
        finish_turn();
        if (!turn(turn_context)) loop_.stop();
    }
    if (!context_.access_lines.empty()) log::flush_access(context_.access_lines);
    control::Message left;
    left.kind = control::Kind::left;
    left.slot = wiring_.slot;
    left.generation = wiring_.generation;
    (void)control::send(wiring_.control_fd, left);
}

// Each connection that was runnable when the turn ended gets one go; what becomes runnable by it
// waits for the next turn.
void Worker::run_runnable() {
    if (context_.runnable.empty()) return;
    base::IntrusiveList<Connection, RunnableTag> batch;
    while (!context_.runnable.empty()) batch.push_back(context_.runnable.front());
    while (!batch.empty()) {
        Connection& connection = batch.front();
        static_cast<base::ListNode<RunnableTag>&>(connection).unlink();
        connection.run_further();
    }
}

void Worker::finish_turn() {
    if (!context_.access_lines.empty()) log::flush_access(context_.access_lines);
    if (context_.phase == Phase::retiring || context_.phase == Phase::stopping) let_go();
}

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
        case control::Kind::serve:
            return start_serving();
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
    if (context_.phase != Phase::waiting) return;
    context_.phase = Phase::serving;
    context_.slot.state.store(stats::WorkerState::idle);
    for (const auto& acceptor : acceptors_) {
        if (auto started = acceptor->start(); !started) {
            log::error("listen-failed", "{}", started.error().text);
        }
    }
    if (auto started = taker_.start(); !started) {
        log::error("handover-failed", "{}", started.error().text);
    }
}

void Worker::retire(std::uint32_t successor) {
    context_.phase = successor != 0 ? Phase::retiring : Phase::stopping;
    context_.slot.state.store(stats::WorkerState::retiring);
    for (const auto& acceptor : acceptors_) acceptor->stop();
    taker_.stop();
    if (context_.phase == Phase::stopping) {
        loop_.start_timer(kHalfSentGrace, [this] { half_sent_grace_over_ = true; });
    }
    let_go();
}

// Hands on or closes every connection that is between requests, and leaves with the last one.
void Worker::let_go() {
    bool blocked = false;
    Connection* next = context_.connections.empty() ? nullptr : &context_.connections.front();
    while (next != nullptr) {
        Connection& connection = *next;
        next = context_.connections.after(connection);
        if (context_.phase == Phase::stopping) {
            if (connection.quiet())
                connection.close();
            else if (half_sent_grace_over_)
                connection.give_up_half_sent();
        } else if (!blocked && connection.movable()) {
            blocked = !hand_over(wiring_.handover_fd, connection);
        }
    }
    if (context_.connections.empty()) return loop_.stop();
    if (!blocked || let_go_timer_ != 0) return;
    // The pair is full: its takers are busy. The turn after this timer tries again.
    let_go_timer_ = loop_.start_timer(kHandoverRetry, [this] { let_go_timer_ = 0; });
}

void Worker::reopen_log(control::Message& message) {
    if (message.descriptors.empty()) return;
    log::flush_access(context_.access_lines);
    log::replace_target(message.descriptors.front().get());
}

}  // namespace mew::worker

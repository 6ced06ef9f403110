#include "front/front.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <charconv>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "control/boot.h"
#include "control/gate.h"
#include "control/message.h"
#include "front/acceptor.h"
#include "front/certificates.h"
#include "front/context.h"
#include "front/dispatch.h"
#include "front/http2_connection.h"
#include "log/log.h"
#include "os/landlock.h"
#include "os/process.h"
#include "os/process_title.h"
#include "os/seccomp.h"
#include "os/signals.h"

namespace mew::front {
namespace {

using control::Kind;

// At a stop, what a client has begun to send may still come, for so long.
constexpr base::Milliseconds kHalfSentGrace{1000};
// Of the mercy of a front that others succeed: connections that are still idle then are closed.
constexpr int kLastPart = 8;

Retry retry_from(const std::string& word) {
    if (word == "off") return Retry::off;
    return word == "queued" ? Retry::queued : Retry::safe;
}

Settings settings_from(const control::FrontBoot& boot) {
    const options::Options& options = boot.options;
    Settings settings;
    settings.client = client::settings_from(options, boot.listeners);
    settings.queue = options.http_queue;
    settings.queue_timeout = options.http_queue_timeout;
    settings.retry = retry_from(options.http_retry);
    settings.request_buffer = options.request_buffer_max;
    settings.response_buffer_max = options.response_buffer_max;
    settings.http2.streams = options.http2_max_streams;
    settings.http2_cleartext = options.h2c;
    settings.export_certificate = options.https_export_cert;
    const auto hsts = std::chrono::duration_cast<std::chrono::seconds>(options.hsts).count();
    if (hsts > 0) settings.transport_security = "max-age=" + std::to_string(hsts);
    for (const net::ListenerInfo& listener : boot.listeners) {
        if (settings.https_port.empty() && listener.option.starts_with("https"))
            settings.https_port = listener.server_port;
    }
    return settings;
}

class Front final : private net::EventHandler {
public:
    Front(int control, const control::FrontBoot& boot, stats::FrontBoard board, control::Gate gate)
        : control_(control),
          boot_(boot),
          settings_(settings_from(boot)),
          board_(std::move(board)),
          gate_(std::move(gate)),
          loop_(clock_),
          context_(loop_, settings_, board_.slot(boot.number)),
          dispatch_(context_, gate_, [this](const WorkerId& worker, const std::string& what) {
              tell_broken(worker, what);
          }) {}

    base::Result<void> open() {
        if (auto opened = loop_.open(); !opened) return opened;
        client::set_durations(context_.deadlines, boot_.options);
        context_.deadlines.set_duration(client::Limit::queue, settings_.queue_timeout);
        for (stats::Counter* now : {&context_.slot.connections, &context_.slot.queued,
                                    &context_.slot.channels, &context_.slot.outstanding})
            now->store(0, std::memory_order_relaxed);  // of the incarnation before
        auto folder = SpillFolder::open();
        if (folder)
            context_.spill_folder = *std::move(folder);
        else
            log::warning("no-spill-folder", "{}; large bodies stay in memory", folder.error().text);
        for (std::uint32_t i = 0; i < boot_.listeners.size(); ++i) {
            const net::ListenerInfo& listener = boot_.listeners[i];
            if (!listener.routed) continue;
            for (const int fd : fds_of(listener)) {
                (void)os::set_inheritable(fd, false);
                acceptors_.push_back(std::make_unique<Acceptor>(context_, i, fd));
            }
        }
        if (auto taken = take_boot_certificates(context_.tls, boot_); !taken) return taken;
        confine();
        return loop_.add(control_, EPOLLIN, *this);
    }

    int run() {
        tell(Kind::ready);
        while (!loop_.stopped()) {
            const bool sleeps = context_.unsent.empty() && dispatch_.prepare_sleep();
            loop_.run_once(base::Milliseconds{sleeps ? -1 : 0});
            dispatch_.awake();
            dispatch_.turn();
            Http2Connection::send_all_pending(context_);
            if (context_.stopping) let_go();
        }
        tell(Kind::left);
        return 0;
    }

private:
    static std::vector<int> fds_of(const net::ListenerInfo& listener) {
        return listener.slot_fds.empty() ? std::vector<int>{listener.fd} : listener.slot_fds;
    }

    // Last of all: what is needed is open, and there are no threads but the reader's.
    void confine() {
        if (!boot_.options.front_seccomp) return;
        // Bodies are opened again for reading, so that workers cannot write to them.
        os::Opens opens = os::Opens::nameless;
        if (context_.spill_folder.on_disk()) {
            if (const auto confined = os::confine_files(context_.spill_folder.fd()))
                opens = os::Opens::for_reading;
            else
                log::debug("no-landlock", "{}", confined.error().text);
        }
        if (const auto started = context_.reader.start(); !started)
            log::warning("no-readers", "{}", started.error().text);
        if (const auto filtered = os::install_front_filter(context_.slot.syscalls_denied, opens);
            !filtered)
            log::warning("no-seccomp", "{}", filtered.error().text);
    }

    void tell(Kind kind) {
        control::Message message;
        message.kind = kind;
        message.slot = boot_.number;
        message.pid = ::getpid();
        message.value = boot_.incarnation;
        (void)control::send(control_, message);
    }

    void tell_broken(const WorkerId& worker, const std::string& what) {
        control::Message message = control::message_about(Kind::broken, worker);
        message.text = what;
        (void)control::send(control_, message);
    }

    void on_event(std::uint32_t) override {
        for (;;) {
            control::Message message;
            const auto received = control::receive(control_, message);
            if (!received) log::error("control-broken", "{}", received.error().text);
            // Without a master nobody would replace what dies here.
            if (!received || *received == control::Receipt::closed) ::_exit(1);
            if (*received == control::Receipt::nothing_yet) return;
            on_message(message);
        }
    }

    void on_message(control::Message& message) {
        switch (message.kind) {
            case Kind::channel:
                return attach(message);
            case Kind::ended:
                return dispatch_.on_ended(control::worker_of(message), message.text);
            case Kind::certificates:
                return take_certificates(context_.tls, boot_, message);
            case Kind::ticket_keys:
                return take_ticket_keys(context_.tls, message);
            case Kind::retire:
                return retire(message);
            case Kind::leave:
                return loop_.stop();
            case Kind::reopen_log:
                if (!message.descriptors.empty())
                    log::replace_target(message.descriptors.front().get());
                return;
            default:
                log::warning("control-unknown", "the master sent an order that fronts do not know");
        }
    }

    // What the text says: how many requests that worker runs at once.
    static std::uint32_t cores_of(const control::Message& message) {
        std::uint32_t cores = 1;
        (void)std::from_chars(message.text.data(), message.text.data() + message.text.size(),
                              cores);
        return cores;
    }

    void attach(control::Message& message) {
        if (message.descriptors.size() != 2) return;
        auto memory = mailbox::Channel::attach(message.descriptors[0].get());
        const auto attached =
            memory ? dispatch_.attach(control::worker_of(message), cores_of(message),
                                      *std::move(memory), std::move(message.descriptors[1]))
                   : base::Result<void>(std::move(memory).failure());
        if (!attached) return log::error("mailbox-refused", "{}", attached.error().text);
        listen();
    }

    // The first worker is there: clients waited in the kernel's queue until now.
    void listen() {
        if (context_.stopping) return;
        for (const auto& acceptor : acceptors_) {
            if (auto started = acceptor->start(); !started)
                log::error("listen-failed", "{}", started.error().text);
        }
    }

    // Nobody listens any more (then clients are refused), or other fronts do. There a client whose
    // connection is kept may ask once more: what it sends while we close it would be lost. Its
    // answer then says that the connection ends.
    void retire(const control::Message& order) {
        if (!std::exchange(context_.stopping, true)) {
            close_sockets();
            drain();
        }
        if (order.generation == 0) return let_idle_go();
        const auto mercy = base::Milliseconds(order.value);
        loop_.start_timer(mercy - mercy / kLastPart, [this] { let_idle_go(); });
    }

    void close_sockets() {
        acceptors_.clear();
        for (const net::ListenerInfo& listener : boot_.listeners) {
            if (!listener.routed) continue;
            for (const int fd : fds_of(listener)) ::close(fd);
        }
    }

    void drain() {
        ClientSocket* next = context_.connections.first();
        while (next != nullptr) {
            ClientSocket& connection = *next;
            next = context_.connections.after(connection);
            connection.drain();
        }
    }

    void let_idle_go() {
        if (std::exchange(idle_go_, true)) return;
        loop_.start_timer(kHalfSentGrace, [this] { half_sent_grace_over_ = true; });
        let_go();
    }

    // Closes every connection that is between requests, and leaves with the last one.
    void let_go() {
        if (context_.connections.empty()) return loop_.stop();
        if (!idle_go_) return;
        if (!dispatch_.has_channels()) dispatch_.refuse_waiting();
        ClientSocket* next = context_.connections.first();
        while (next != nullptr) {
            ClientSocket& connection = *next;
            next = context_.connections.after(connection);
            if (connection.quiet())
                connection.close();
            else if (half_sent_grace_over_)
                connection.give_up_half_sent();
        }
        if (context_.connections.empty()) return loop_.stop();
        if (!drained_ && all_taken_over()) {
            drained_ = true;
            tell(Kind::drained);
        }
    }

    bool all_taken_over() {
        ClientSocket* next = context_.connections.first();
        while (next != nullptr && next->taken_over()) next = context_.connections.after(*next);
        return next == nullptr;
    }

    int control_;
    const control::FrontBoot& boot_;
    Settings settings_;
    stats::FrontBoard board_;
    control::Gate gate_;
    base::SteadyClock clock_;
    net::EventLoop loop_;
    Context context_;
    Dispatch dispatch_;
    std::vector<std::unique_ptr<Acceptor>> acceptors_;
    bool idle_go_ = false;
    bool drained_ = false;
    bool half_sent_grace_over_ = false;
};

base::Result<control::FrontBoot> receive_boot(int control) {
    control::Message hello;
    hello.kind = Kind::hello;
    hello.pid = ::getpid();
    if (auto said = control::send(control, hello); !said) return std::move(said).failure();
    control::Message message;
    const auto received = control::receive(control, message, true);
    if (!received) return base::Unexpected<base::Error>{received.error()};
    if (*received != control::Receipt::message || message.kind != Kind::front_boot ||
        message.descriptors.empty())
        return base::fail("the master did not say what to serve");
    return control::read_front_boot(message.descriptors.front().get());
}

void configure_log(const control::FrontBoot& boot) {
    log::Settings settings = log::settings();
    settings.role = "front";
    log::configure(settings);
    const std::string title = "mewsgi front " + std::to_string(boot.number);
    ::prctl(PR_SET_NAME, title.substr(0, 15).c_str());
    if (os::has_process_title()) os::set_process_title(title);
}

int serve(int control) {
    const auto boot = receive_boot(control);
    if (!boot) {
        log::error("front-boot", "{}", boot.error().text);
        return 1;
    }
    configure_log(*boot);
    auto board = stats::FrontBoard::attach(boot->board_fd);
    auto gate = control::Gate::attach_read_only(boot->gate_fd);
    if (!board || !gate) {
        log::error("front-boot", "{}", board ? gate.error().text : board.error().text);
        return 1;
    }
    // Both have descriptors of their own.
    ::close(boot->board_fd);
    ::close(boot->gate_fd);
    const auto front = std::make_unique<Front>(control, *boot, *std::move(board), *std::move(gate));
    if (const auto opened = front->open(); !opened) {
        log::error("front-boot", "{}", opened.error().text);
        return 1;
    }
    return front->run();
}

}  // namespace

int run(int control) {
    // A file that may not grow (RLIMIT_FSIZE) is an error of its write.
    os::ignore_signals({SIGPIPE, SIGXFSZ});
    // Its memory holds what clients send, and is nobody else's to look at.
    ::prctl(PR_SET_DUMPABLE, 0);
    for (const int descriptor : {control, log::settings().fd}) {
        if (descriptor > 2) (void)os::set_inheritable(descriptor, false);
    }
    return serve(control);
}

}  // namespace mew::front

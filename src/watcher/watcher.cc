#include "watcher/watcher.h"

#include <poll.h>
#include <sys/prctl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <string>

#include "control/message.h"
#include "log/log.h"
#include "os/memory_file.h"
#include "os/process.h"
#include "os/process_title.h"
#include "os/signals.h"
#include "watcher/state.h"
#include "watcher/watched.h"

namespace mew::watcher {
namespace {

using control::Kind;

void tell_of_far_folder(const std::string& text) {
    log::warning("watch-by-clock", "{}: it is looked at by the clock instead", text);
}

class Watcher {
public:
    explicit Watcher(int control) : control_(control) {}

    int run() {
        if (const auto opened = folders_.open(); !opened) tell_of_far_folder(opened.error().text);
        while (wait()) {
            watched_.hear(clock_.now());
            for (const Change& change : watched_.look(clock_.now())) tell(change);
        }
        return 0;
    }

private:
    // False: the master is gone.
    bool wait() {
        std::array<pollfd, 2> ready{{{control_, POLLIN, 0}, {folders_.fd(), POLLIN, 0}}};
        if (::poll(ready.data(), ready.size(), wait_milliseconds()) < 0) return errno == EINTR;
        return ready[0].revents == 0 || take_orders();
    }

    int wait_milliseconds() {
        const auto due = watched_.due();
        if (!due) return -1;
        const auto left = std::chrono::ceil<base::Milliseconds>(*due - clock_.now()).count();
        return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
    }

    bool take_orders() {
        for (;;) {
            control::Message order;
            const auto received = control::receive(control_, order);
            if (!received) log::error("control-broken", "{}", received.error().text);
            if (!received || *received == control::Receipt::closed) return false;
            if (*received == control::Receipt::nothing_yet) return true;
            follow_order(order);
        }
    }

    void follow_order(control::Message& order) {
        if (order.kind == Kind::hold) return watched_.hold(order.value != 0, clock_.now());
        if (order.descriptors.empty()) return;
        const int descriptor = order.descriptors.front().get();
        if (order.kind == Kind::reopen_log) return log::replace_target(descriptor);
        const auto paths = read_list(descriptor);
        if (!paths) {
            log::error("watch-list", "of generation {}, worker {}: {}", order.generation,
                       order.slot, paths.error().text);
        } else if (order.kind == Kind::watch) {
            watched_.set_options(*paths, terms_of(order), clock_.now());
        } else if (order.kind == Kind::files) {
            watched_.set_files(order.generation, order.slot, *paths, clock_.now());
        }
    }

    static base::Result<std::vector<control::WatchedPath>> read_list(int descriptor) {
        const auto list = os::read_constant_memory(descriptor, control::kMaxWatchList);
        if (!list) return base::Unexpected<base::Error>{list.error()};
        return control::decode_paths(*list);
    }

    static Watched::Terms terms_of(const control::Message& order) {
        Watched::Terms terms;
        terms.interval = base::Milliseconds(order.value);
        terms.committed = order.generation;
        terms.oldest = order.slot;
        const std::string& since = order.text;
        std::from_chars(since.data(), since.data() + since.size(), terms.since_ns);
        return terms;
    }

    void tell(const Change& change) {
        control::Message message;
        message.kind = Kind::changed;
        message.value = static_cast<std::uint64_t>(change.trigger);
        message.slot = change.others;
        message.text = change.path;
        if (const auto sent = control::send(control_, message); !sent)
            log::error("master-deaf", "{} changed, but {}", change.path, sent.error().text);
    }

    int control_;
    base::SteadyClock clock_;
    Folders folders_;
    Watched watched_{folders_, hears_all, tell_of_far_folder};
};

}  // namespace

int run(int control) {
    ::prctl(PR_SET_NAME, "mewsgi watcher");
    if (os::has_process_title()) os::set_process_title("mewsgi watcher");
    os::ignore_signals({SIGPIPE});
    log::Settings settings = log::settings();
    settings.may_wait = true;
    settings.role = "watcher";
    log::configure(settings);
    for (const int descriptor : {control, settings.fd}) {
        if (descriptor > 2) (void)os::set_inheritable(descriptor, false);
    }
    return Watcher(control).run();
}

}  // namespace mew::watcher

#pragma once
// Stands in for a front in the tests of the master: it says on standard error, which is the log
// that a test reads, what it hears. The option `http-queue` says how it behaves.

#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "base/format.h"
#include "control/boot.h"
#include "control/message.h"
#include "mailbox/channel.h"
#include "stats/front_board.h"

namespace mew::master::test_front {

inline constexpr std::uint32_t kDies = 1001;       // before it is ready
inline constexpr std::uint32_t kStubborn = 1002;   // does not mind `retire`
inline constexpr std::uint32_t kComplains = 1003;  // of each worker it hears of
inline constexpr std::uint32_t kLoops = 1004;      // dies once it is ready

class Front {
public:
    explicit Front(int control) : control_(control) {}

    int run() {
        say(control::Kind::hello);
        if (!read_boot()) return 3;
        if (boot_.options.http_queue == kDies) return 7;
        say(control::Kind::ready);
        if (boot_.options.http_queue == kLoops) return 8;
        while (wait()) {
        }
        return 0;
    }

private:
    struct Channel {
        control::Message worker;
        os::Fd end;
    };

    void tell(const std::string& text) const {
        const std::string line =
            base::format("fake front {} ({}): {}\n", boot_.number, boot_.options.http_queue, text);
        (void)!::write(2, line.data(), line.size());
    }

    static std::string name(const control::Message& worker) {
        return base::format("worker {} of generation {}", worker.slot, worker.generation);
    }

    void say(control::Kind kind, const control::Message& like = {}) const {
        control::Message message;
        message.kind = kind;
        message.slot = like.slot;
        message.generation = like.generation;
        message.value = like.value;
        message.text = like.text;
        message.pid = ::getpid();
        (void)control::send(control_, message);
    }

    bool read_boot() {
        control::Message first;
        const auto receipt = control::receive(control_, first, true);
        if (!receipt || first.kind != control::Kind::front_boot || first.descriptors.size() != 1)
            return false;
        auto boot = control::read_front_boot(first.descriptors.front().get());
        if (!boot) return false;
        boot_ = std::move(*boot);
        auto board = stats::FrontBoard::attach(boot_.board_fd);
        if (!board) return false;
        board_ = std::move(*board);
        std::string sockets;
        for (const net::ListenerInfo& listener : boot_.listeners)
            sockets += listener.fd >= 0 ? " " + listener.option : "";
        stats::add(board_.slot(boot_.number).requests, 10);
        tell("serves" + sockets);
        return true;
    }

    bool wait() {
        std::vector<pollfd> ready{{control_, POLLIN, 0}};
        for (const Channel& channel : channels_) ready.push_back({channel.end.get(), POLLIN, 0});
        if (::poll(ready.data(), ready.size(), -1) < 0) return false;
        for (std::size_t i = channels_.size(); i > 0; --i) {
            if (ready[i].revents == 0) continue;
            tell(name(channels_[i - 1].worker) + " hung up");
            channels_.erase(channels_.begin() + static_cast<std::ptrdiff_t>(i) - 1);
        }
        return ready[0].revents == 0 || hear();
    }

    bool hear() {
        control::Message message;
        const auto receipt = control::receive(control_, message, true);
        if (!receipt || *receipt == control::Receipt::closed) return false;
        if (message.kind == control::Kind::channel) join(message);
        if (message.kind == control::Kind::ended)
            tell(name(message) + " ended, again: " + (message.text.empty() ? "yes" : message.text));
        if (message.kind == control::Kind::reopen_log) tell("new log");
        if (message.kind != control::Kind::retire) return true;
        tell("retires");
        return boot_.options.http_queue == kStubborn;
    }

    void join(control::Message& message) {
        const bool whole = message.descriptors.size() == 2 &&
                           mailbox::Channel::attach(message.descriptors[0].get());
        stats::add(board_.slot(boot_.number).channels);
        tell(base::format("{} {} with {} cores", whole ? "channel to" : "no channel to",
                          name(message), message.text));
        control::Message complaint = message_like(message);
        channels_.push_back({message_like(message), std::move(message.descriptors.at(1))});
        if (boot_.options.http_queue != kComplains) return;
        complaint.text = "a state\nthat is none";
        say(control::Kind::broken, complaint);
    }

    static control::Message message_like(const control::Message& message) {
        control::Message same;
        same.slot = message.slot;
        same.generation = message.generation;
        same.value = message.value;
        return same;
    }

    int control_;
    control::FrontBoot boot_;
    stats::FrontBoard board_;
    std::vector<Channel> channels_;
};

inline int run(int control) { return Front(control).run(); }

}  // namespace mew::master::test_front

#pragma once
// A front without a process: its loop, clients by socket pairs, and workers that are played by the
// taking side of their channels. For tests, and for the fuzz target of the mailbox.

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/codecs.h"
#include "front/dispatch.h"
#include "front/greeting.h"
#include "front/http2_connection.h"
#include "mailbox/reply_head.h"
#include "mailbox/taking_side.h"

namespace mew::front::testing {

inline const mailbox::WaitFrame kNoFrame;

// A worker as somebody plays it. `side` is null where its channel could not be made.
struct FakeWorker {
    WorkerId id;
    std::unique_ptr<mailbox::TakingSide> side;
    mailbox::Channel spy;  // to write where no worker of ours would
    os::Fd memory;
};

inline std::string head_bytes(int status, std::uint64_t length,
                              std::vector<http::Header> headers = {}) {
    http::ResponseHead head;
    head.status = status;
    head.headers = std::move(headers);
    if (length != UINT64_MAX) head.implied_length = length;
    std::string bytes;
    mailbox::append_reply_head(bytes, head);
    return bytes;
}

// False: the front has no room for it, or wants none.
inline bool give_answer(mailbox::Taken& taken, const std::string& body) {
    using mailbox::RecordKind;
    const bool given = taken.write(RecordKind::head, head_bytes(200, body.size()), {}, kNoFrame) &&
                       (body.empty() || taken.write(RecordKind::body, body, {}, kNoFrame)) &&
                       taken.finish(RecordKind::end, {}, kNoFrame);
    taken.ring();
    return given;
}

inline std::string get(const std::string& path) {
    return "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n";
}

class Stage {
public:
    explicit Stage(base::Clock& clock) : loop(clock) {
        settings.client.listeners.resize(1);
        settings.client.post_buffering = 1024;
        settings.request_buffer = 1U << 20;
        settings.response_buffer_max = 64U << 20;
    }
    ~Stage() { close(); }
    Stage(const Stage&) = delete;
    Stage& operator=(const Stage&) = delete;

    // Settings may be changed before it.
    bool open() {
        auto made = control::Gate::create();
        if (!loop.open() || !made) return false;
        gate = *std::move(made);
        gate.set_serving(1, 1);
        context = std::make_unique<Context>(loop, settings, slot);
        dispatch = std::make_unique<Dispatch>(
            *context, gate,
            [this](const WorkerId& id, const std::string& what) { broken.emplace_back(id, what); });
        return true;
    }
    void close() {
        if (!context) return;
        while (!context->connections.empty()) context->connections.front().close();
        loop.run_once(base::Milliseconds{0});
    }

    FakeWorker attach_worker(const WorkerId& id, std::uint32_t cores = 1) {
        FakeWorker made{id, nullptr, {}, {}};
        auto memory = mailbox::make_channel(mailbox::head_room(16384, 100));
        int pair[2];
        if (!memory || ::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
            return made;
        os::Fd ours(pair[0]);
        os::Fd its(pair[1]);
        auto posting = mailbox::Channel::attach(memory->get());
        auto taking = mailbox::Channel::attach(memory->get());
        auto spy = mailbox::Channel::attach(memory->get());
        if (!posting || !taking || !spy ||
            !dispatch->attach(id, cores, *std::move(posting), std::move(ours)))
            return made;
        made.side = std::make_unique<mailbox::TakingSide>(*std::move(taking), std::move(its));
        made.spy = *std::move(spy);
        made.memory = *std::move(memory);
        return made;
    }

    // The client's end of a new connection.
    os::Fd connect() {
        int pair[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
            return os::Fd();
        greet(*context, os::Fd(pair[0]), client::PeerText(), 0);
        return os::Fd(pair[1]);
    }

    // One turn of the loop, as front/front makes it. Was there nothing to do?
    bool turn(int wait_ms = 0) {
        const bool sleeps = context->unsent.empty() && dispatch->prepare_sleep();
        const int events = loop.run_once(base::Milliseconds{sleeps ? wait_ms : 0});
        dispatch->awake();
        dispatch->turn();
        Http2Connection::send_all_pending(*context);
        return sleeps && events == 0;
    }

    static std::string received(const os::Fd& from) {
        std::string all;
        char bytes[65536];
        ssize_t size = 0;
        while ((size = ::recv(from.get(), bytes, sizeof bytes, 0)) > 0)
            all.append(bytes, static_cast<std::size_t>(size));
        return all;
    }
    static bool ended(const os::Fd& at) {
        char byte = 0;
        const ssize_t size = ::recv(at.get(), &byte, 1, MSG_PEEK);
        return size == 0 || (size < 0 && errno != EAGAIN);
    }

    net::EventLoop loop;
    Settings settings;
    stats::FrontSlot slot{};
    control::Gate gate;
    std::unique_ptr<Context> context;
    std::unique_ptr<Dispatch> dispatch;
    std::vector<std::pair<WorkerId, std::string>> broken;
};

}  // namespace mew::front::testing

#pragma once
// One listening socket in one worker's loop. All workers watch the same inherited socket with
// EPOLLEXCLUSIVE, so a connection wakes one of them; each wake-up accepts one connection, and every
// few accepts the listener is taken out and put back, which moves this worker to the end of the
// kernel's queue of waiters: else the first of them is woken nearly always.
//
// A wake-up that a worker takes and does not use is lost to the others: the kernel has told nobody
// else. Whoever stops listening therefore looks whether somebody waits, and if so asks the other
// workers to look too (worker/handover, kick).
//
// With reuse-port the socket is this slot's alone: then nobody else would answer, so it is watched
// on while the cores are busy, and what comes is handed on.

#include <sys/socket.h>

#include "client/accepting.h"
#include "os/fd.h"
#include "worker/context.h"

namespace mew::worker {

class AcceptToken;

class Acceptor final : public client::Accepting {
public:
    // `fd` belongs to the master. `token` may be null (no thunder-lock).
    Acceptor(Context& context, std::uint32_t listener, int fd, bool own, AcceptToken* token);

    // As stop(), but sees to it that nobody who waits there is forgotten.
    void give_way();
    // Sees what is there already, as if it had just begun.
    void look_again();
    void on_event(std::uint32_t events) override;
    bool own() const { return own_; }

private:
    bool accept_one();
    void admit(os::Fd socket, const sockaddr_storage& from);

    Context& context_;
    std::uint32_t listener_;
    bool own_;
    AcceptToken* token_;
    unsigned accepts_ = 0;
    unsigned wakeups_ = 0;
    bool more_ = false;  // the last wake-up brought several
};

}  // namespace mew::worker

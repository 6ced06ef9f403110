#include "worker/acceptor.h"

#include <poll.h>

#include <memory>

#include "client/codecs.h"
#include "worker/accept_token.h"
#include "worker/connection.h"
#include "worker/handover.h"

namespace mew::worker {

namespace {
constexpr unsigned kAcceptsPerTurnInLine = 2;
// A worker alone need not leave anything to others: it accepts on while there is more. Whether it
// is worth the call that finds nothing, it tries every so many wake-ups.
constexpr int kMostAtOnce = 32;
constexpr unsigned kTryForMore = 16;
}  // namespace

Acceptor::Acceptor(Context& context, std::uint32_t listener, int fd, bool own, AcceptToken* token)
    : Accepting(context.loop, context.deadlines, fd),
      context_(context),
      listener_(listener),
      own_(own),
      token_(token) {}

void Acceptor::give_way() {
    if (!watching()) return;
    stop();
    pollfd waiting{fd(), POLLIN, 0};
    if (::poll(&waiting, 1, 0) == 1) kick_later(context_);
}

void Acceptor::look_again() {
    if (!watching()) return;
    stop();
    (void)start();
}

void Acceptor::on_event(std::uint32_t) {
    // Others may have a free core; this worker comes back to it when one of its own is.
    if (context_.superseded() || (context_.busy() && !own_)) {
        if (token_ != nullptr) return token_->stop();  // the next holder sees what is there
        return give_way();
    }
    const bool alone = context_.settings.processes == 1 && token_ == nullptr;
    if (!accept_one() || !alone || (!more_ && ++wakeups_ % kTryForMore != 0)) return;
    int accepted = 1;
    while (watching() && accepted < kMostAtOnce && !context_.busy() && !context_.superseded() &&
           accept_one())
        ++accepted;
    more_ = accepted > 1;
}

// False: there was none.
bool Acceptor::accept_one() {
    sockaddr_storage from{};
    os::Fd socket = accept(from);
    if (!socket) return false;
    if (token_ != nullptr) {
        token_->pass_on();
    } else if (!own_ && context_.settings.processes > 1 &&
               ++accepts_ % kAcceptsPerTurnInLine == 0) {
        stop();
        (void)start();
    }
    admit(std::move(socket), from);
    return true;
}

void Acceptor::admit(os::Fd socket, const sockaddr_storage& from) {
    if (context_.superseded()) {
        // The next generation was committed between the look and the accept: it is theirs.
        stats::add(context_.slot.accepted_late);
        if (hand_over(context_, socket.get(), listener_)) return;
    }
    stats::add(context_.slot.accepted);
    if (context_.busy() && context_.has_takers() && hand_over(context_, socket.get(), listener_))
        return;
    auto* connection = new Connection(context_, std::move(socket), PeerText(from), listener_,
                                      client::make_codec(context_.settings, listener_));
    connection->expect_proxy_header();
    connection->open({});
}

}  // namespace mew::worker

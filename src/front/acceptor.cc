#include "front/acceptor.h"

#include "front/greeting.h"

namespace mew::front {

namespace {
constexpr int kMostAtOnce = 16;
}  // namespace

void Acceptor::on_event(std::uint32_t) {
    for (int i = 0; i < kMostAtOnce && watching() && accept_one(); ++i) {
    }
}

// False: there was none.
bool Acceptor::accept_one() {
    sockaddr_storage from{};
    os::Fd socket = accept(from);
    if (!socket) return false;
    stats::add(context_.slot.accepted);
    greet(context_, std::move(socket), client::PeerText(from), listener_);
    return true;
}

}  // namespace mew::front

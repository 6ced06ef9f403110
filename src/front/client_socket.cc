#include "front/client_socket.h"

#include <utility>

namespace mew::front {

ClientSocket::ClientSocket(Context& context, Wire wire, const client::PeerText& peer,
                           std::uint32_t listener)
    : context_(context), wire_(std::move(wire)), peer_text_(peer), listener_(listener) {
    context_.connections.push_back(*this);
    stats::add(context_.slot.connections);
}

ClientSocket::~ClientSocket() {
    context_.slot.connections.store(context_.slot.connections.load(std::memory_order_relaxed) - 1,
                                    std::memory_order_relaxed);
}

bool ClientSocket::set_interest(std::uint32_t events) {
    if (interest_ == events) return true;
    const std::uint32_t before = std::exchange(interest_, events);
    const int socket = wire_.socket();
    if (events == 0) {
        context_.loop.remove(socket, *this);
        return true;
    }
    const auto done = before == 0 ? context_.loop.add(socket, events, *this)
                                  : context_.loop.modify(socket, events, *this);
    if (!done) close();
    return done.has_value();
}

void ClientSocket::arm(client::Limit limit) {
    if (limit == client::Limit::none)
        context_.deadlines.disarm(*this);
    else
        context_.deadlines.arm(*this, limit);
}

bool ClientSocket::begin_close() {
    if (std::exchange(gone_, true)) return false;
    context_.deadlines.disarm(*this);
    return true;
}

void ClientSocket::end_close() {
    (void)set_interest(0);
    wire_.close();
    base::ListNode<RegistryTag>::unlink();
    context_.loop.defer_delete(std::unique_ptr<ClientSocket>(this));
}

}  // namespace mew::front

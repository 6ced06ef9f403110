#include "master/peer.h"

namespace mew::master {

base::Result<void> Peer::open() { return loop_.add(fd_.get(), EPOLLIN, *this); }

base::Result<void> Peer::send(const control::Message& message,
                              const std::vector<int>& descriptors) {
    if (!fd_) return base::fail("the control socket is closed");
    return control::send(fd_.get(), message, descriptors, build_);
}

void Peer::drain() {
    while (fd_) {
        control::Message message;
        auto receipt = control::receive(fd_.get(), message, false, build_);
        if (receipt && *receipt == control::Receipt::nothing_yet) return;
        if (receipt && *receipt == control::Receipt::message) {
            owner_.on_message(message);
            continue;
        }
        close();
        owner_.on_peer_closed(receipt ? "" : receipt.error().text);
    }
}

void Peer::close() {
    if (!fd_) return;
    loop_.remove(fd_.get(), *this);
    fd_.reset();
}

void Peer::on_event(std::uint32_t) { drain(); }

}  // namespace mew::master

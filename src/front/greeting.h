#pragma once
// What comes before the first request of a connection: a balancer's PROXY header, the handshake of
// TLS, and which protocol the client speaks. A connection of that protocol takes its place then.
//
//   [PROXY header] > [TLS: handshake, ALPN | cleartext: first bytes of HTTP/2?] > connection
//                                 > refused: said why, reads on for a short time > gone

#include <cstdint>
#include <string>

#include "front/client_socket.h"

namespace mew::front {

// Serves a client that was accepted. Where nothing comes before its first request, its connection
// is made at once.
void greet(Context& context, os::Fd socket, const client::PeerText& peer, std::uint32_t listener);

class Greeting final : public ClientSocket {
public:
    Greeting(Context& context, Wire wire, const client::PeerText& peer, std::uint32_t listener);

    void open();
    void on_event(std::uint32_t events) override;
    void on_limit(client::Limit limit) override;
    void close() override;
    bool quiet() const override { return received_.empty(); }
    void give_up_half_sent() override { close(); }

private:
    void receive();
    void drop_received();
    bool take_proxy_header(std::string_view& bytes);
    void start_tls();
    void take(Wire::Got got, std::string_view bytes);
    bool handshake_over();
    void on_tls_failure();
    void refuse();
    void choose_protocol();
    template <class Kind>
    void become();

    bool proxy_header_due_;
    bool tls_due_;
    bool refused_ = false;
    std::uint64_t dropped_ = 0;
    std::string received_;  // of the PROXY header; later of the first request
};

}  // namespace mew::front

#pragma once
// What OpenSSL asks in the middle of a handshake: which certificate (SNI), which protocol (ALPN),
// which ticket, which stapled answer.

#include <cstdint>
#include <memory>
#include <string>

#include "tls/handles.h"

namespace mew::tls {

class Store;
struct Context;

// Of one session, for as long as it lives: what the callbacks find by its SSL.
struct Handshake {
    Store& store;
    std::uint32_t listener;
    std::string server_name;                 // lower case; empty: none was asked for
    std::shared_ptr<const Context> context;  // chosen by it
    std::uint32_t later_messages = 0;        // of the handshake protocol, after its end
    bool over = false;
};

// Sets the callbacks of a context.
void hear_handshakes(SSL_CTX* ctx);
// Lets them find `handshake`.
void attach(SSL* ssl, Handshake& handshake);

}  // namespace mew::tls

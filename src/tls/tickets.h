#pragma once
// Seals sessions into tickets and opens them again (RFC 5077; TLS 1.3's the same way): AES-256-CBC
// and HMAC-SHA256 with keys that all fronts share, so that any of them resumes what another began,
// and nothing is kept here.

#include <cstddef>

#include "tls/handles.h"
#include "tls/material.h"

namespace mew::tls {

class Tickets final {
public:
    Tickets();  // with random keys, for a process alone

    void set_keys(const TicketKeys& keys) { keys_ = keys; }

    // As SSL_CTX_set_tlsext_ticket_key_evp_cb(3) has it; -1 only if OpenSSL fails.
    int seal(unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac);
    // 0: sealed with none of our keys; 2: not with the newest, so the client gets a new ticket.
    int open(const unsigned char* name, const unsigned char* iv, EVP_CIPHER_CTX* cipher,
             EVP_MAC_CTX* mac);

private:
    bool prepare(std::size_t key, const unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                 bool encrypt);

    CipherHandle cipher_;  // looked up once: each look-up takes locks
    TicketKeys keys_;
};

}  // namespace mew::tls

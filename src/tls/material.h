#pragma once
// What certificates and keys a server has, as plain bytes. A child of the master reads and checks
// the files (tls/files), and hands them on in sealed memory; each front makes a tls::Store of
// them. Nothing here is OpenSSL's: whoever only passes material on needs no more than this.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace mew::tls {

struct Certificate {
    // What clients may ask for (SNI): lower case, "*.example.org" stands for one more label.
    // Empty for the default of a listener.
    std::vector<std::string> names;
    std::string chain_pem;  // the server's certificate first, then what signed it
    std::string key_pem;    // not encrypted
    std::string ca_pem;     // who signs clients' certificates; empty: clients are not asked for one
    bool client_required = false;  // with ca_pem: no connection without a client's certificate
    std::string ciphers;           // of TLS 1.2, OpenSSL's notation; empty: ours
    std::string ocsp_der;          // an answer to be stapled; empty: none
    std::string source;            // the certificate's file, for messages
    std::int64_t expires = 0;      // unix seconds: the first of the chain to end

    bool operator==(const Certificate&) const = default;
};

struct ListenerCertificate {
    std::uint32_t listener = 0;  // its place in FrontBoot::listeners
    Certificate certificate;     // for clients that ask for no name, or for one nobody has

    bool operator==(const ListenerCertificate&) const = default;
};

struct Material {
    std::vector<ListenerCertificate> listeners;
    std::vector<Certificate> sni;  // by name, on every listener of these

    bool operator==(const Material&) const = default;
};

// What a resumed session is sealed with: the first encrypts, all decrypt. The same in all fronts
// of a server; the master makes one every few hours and drops the oldest.
struct TicketKeys {
    static constexpr std::size_t kSize = 80;  // name 16, AES-256 32, HMAC-SHA256 32
    static constexpr std::size_t kCount = 3;
    std::array<std::array<std::uint8_t, kSize>, kCount> keys{};

    bool operator==(const TicketKeys&) const = default;
};

std::string pack(const Material& material);
base::Result<Material> unpack_material(std::string_view bytes);
std::string pack(const TicketKeys& keys);
base::Result<TicketKeys> unpack_ticket_keys(std::string_view bytes);

}  // namespace mew::tls

#include "tls/pem.h"

#include <algorithm>
#include <ctime>
#include <limits>
#include <string>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/format.h"

namespace mew::tls {
namespace {

// Called for the password of an encrypted key: there is none.
int note_encrypted(char*, int, int, void* encrypted) {
    *static_cast<bool*>(encrypted) = true;
    return -1;
}

bool at_end_of_blocks() {
    const unsigned long error = ERR_peek_last_error();
    return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

}  // namespace

base::Result<std::vector<CertificateHandle>> read_certificates(std::string_view pem,
                                                               std::string_view source) {
    ERR_clear_error();
    const BioHandle text = memory_of(pem);
    std::vector<CertificateHandle> certificates;
    while (CertificateHandle one{PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr)})
        certificates.push_back(std::move(one));
    const bool whole = at_end_of_blocks();
    const std::string reason = take_error();
    if (!whole)
        return base::fail(base::format("{}: certificate {} in it is damaged ({})", source,
                                       certificates.size() + 1, reason));
    if (certificates.empty())
        return base::fail(
            base::format("{}: no certificate is in it (a PEM file has BEGIN "
                         "CERTIFICATE lines)",
                         source));
    return certificates;
}

base::Result<KeyHandle> read_key(std::string_view pem, std::string_view source) {
    ERR_clear_error();
    const BioHandle text = memory_of(pem);
    bool encrypted = false;
    KeyHandle key(PEM_read_bio_PrivateKey(text.get(), nullptr, note_encrypted, &encrypted));
    const std::string reason = key ? "" : take_error();
    if (key) return key;
    if (encrypted)
        return base::fail(
            base::format("{}: its key is encrypted, and nobody is there to type the "
                         "password; write it without one (openssl pkey -in FILE -out "
                         "NEW) and keep the file root's alone",
                         source));
    return base::fail(base::format("{}: no private key can be read from it ({})", source, reason));
}

base::Result<Pair> read_pair(const Certificate& certificate) {
    auto chain = read_certificates(certificate.chain_pem, certificate.source);
    if (!chain) return std::move(chain).failure();
    auto key = read_key(certificate.key_pem, "the key of " + certificate.source);
    if (!key) return std::move(key).failure();
    if (X509_check_private_key(chain->front().get(), key->get()) != 1) {
        ERR_clear_error();
        return base::fail(
            base::format("{}: the key is not this certificate's; the first "
                         "certificate in the file must be the server's own",
                         certificate.source));
    }
    return Pair{*std::move(chain), *std::move(key)};
}

std::int64_t expiry_of(const std::vector<CertificateHandle>& chain) {
    std::int64_t first = std::numeric_limits<std::int64_t>::max();
    for (const CertificateHandle& one : chain) {
        std::tm parts{};
        if (ASN1_TIME_to_tm(X509_get0_notAfter(one.get()), &parts) == 1)
            first = std::min<std::int64_t>(first, ::timegm(&parts));
    }
    return first;
}

}  // namespace mew::tls

#include "tls/tickets.h"

#include <cstring>

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "base/check.h"

namespace mew::tls {
namespace {

constexpr std::size_t kName = 16;
constexpr std::size_t kSecret = 32;
constexpr int kIv = 16;
static_assert(kName + 2 * kSecret == TicketKeys::kSize);

}  // namespace

Tickets::Tickets() : cipher_(EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr)) {
    MEW_CHECK(cipher_ != nullptr);
    for (auto& key : keys_.keys)
        MEW_CHECK(RAND_bytes(key.data(), static_cast<int>(key.size())) == 1);
}

int Tickets::seal(unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                  EVP_MAC_CTX* mac) {
    if (RAND_bytes(iv, kIv) != 1) return -1;
    std::memcpy(name, keys_.keys[0].data(), kName);
    return prepare(0, iv, cipher, mac, true) ? 1 : -1;
}

int Tickets::open(const unsigned char* name, const unsigned char* iv, EVP_CIPHER_CTX* cipher,
                  EVP_MAC_CTX* mac) {
    for (std::size_t i = 0; i < keys_.keys.size(); ++i) {
        if (std::memcmp(name, keys_.keys[i].data(), kName) != 0) continue;
        if (!prepare(i, iv, cipher, mac, false)) return -1;
        return i == 0 ? 1 : 2;
    }
    return 0;
}

bool Tickets::prepare(std::size_t key, const unsigned char* iv, EVP_CIPHER_CTX* cipher,
                      EVP_MAC_CTX* mac, bool encrypt) {
    std::uint8_t* const secrets = keys_.keys[key].data() + kName;
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, secrets + kSecret, kSecret),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end()};
    return EVP_CipherInit_ex2(cipher, cipher_.get(), secrets, iv, encrypt ? 1 : 0, nullptr) == 1 &&
           EVP_MAC_CTX_set_params(mac, parameters) == 1;
}

}  // namespace mew::tls

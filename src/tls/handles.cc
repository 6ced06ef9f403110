#include "tls/handles.h"

#include <climits>

#include <openssl/err.h>
#include <openssl/rand.h>

#include "base/check.h"

namespace mew::tls {

void initialise() {
    static const bool done = [] {
        constexpr std::uint64_t kSettings = OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT |
                                            OPENSSL_INIT_LOAD_SSL_STRINGS |
                                            OPENSSL_INIT_LOAD_CRYPTO_STRINGS;
        unsigned char byte = 0;
        return OPENSSL_init_ssl(kSettings, nullptr) == 1 && RAND_bytes(&byte, 1) == 1;
    }();
    MEW_CHECK(done);  // a library that cannot start is no library
}

std::string take_error() {
    const unsigned long error = ERR_get_error();
    ERR_clear_error();
    const char* const reason = error == 0 ? nullptr : ERR_reason_error_string(error);
    return reason != nullptr ? reason : "unknown error";
}

BioHandle memory_of(std::string_view bytes) {
    MEW_CHECK(bytes.size() <= INT_MAX);
    return BioHandle(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

}  // namespace mew::tls

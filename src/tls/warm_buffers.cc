#include "tls/warm_buffers.h"

#include <openssl/ssl.h>

namespace mew::tls {

void WarmBuffers::keep(Place& place, ssl_st* ssl) {
    if (place.entry_ != nullptr) return;
    Place*& entry = last_[next_++ % kMost];
    if (entry != nullptr) {
        // Not what is half received; that goes with the next use.
        (void)SSL_free_buffers(entry->ssl_);
        entry->entry_ = nullptr;
    }
    place.ssl_ = ssl;
    place.entry_ = &entry;
    entry = &place;
}

}  // namespace mew::tls

#include "tls/channel.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace mew::tls {
namespace {

Channel& channel_of(BIO* bio) { return *static_cast<Channel*>(BIO_get_data(bio)); }

int read_bytes(BIO* bio, char* to, std::size_t room, std::size_t* taken) {
    Channel& channel = channel_of(bio);
    BIO_clear_retry_flags(bio);
    *taken = std::min(room, channel.in.size());
    if (*taken == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    std::memcpy(to, channel.in.data(), *taken);
    channel.in.remove_prefix(*taken);
    return 1;
}

int write_bytes(BIO* bio, const char* from, std::size_t size, std::size_t* taken) {
    Channel& channel = channel_of(bio);
    BIO_clear_retry_flags(bio);
    if (channel.out == nullptr) return 0;
    channel.out->append(from, size);
    *taken = size;
    return 1;
}

long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

const BIO_METHOD* method() {
    static BIO_METHOD* const made = [] {
        BIO_METHOD* const fresh = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "bytes");
        MEW_CHECK(fresh != nullptr && BIO_meth_set_read_ex(fresh, read_bytes) == 1 &&
                  BIO_meth_set_write_ex(fresh, write_bytes) == 1 &&
                  BIO_meth_set_ctrl(fresh, control) == 1);
        return fresh;
    }();
    return made;
}

}  // namespace

BioHandle make_bio(Channel& channel) {
    BioHandle bio(BIO_new(method()));
    MEW_CHECK(bio != nullptr);
    BIO_set_data(bio.get(), &channel);
    BIO_set_init(bio.get(), 1);
    return bio;
}

}  // namespace mew::tls

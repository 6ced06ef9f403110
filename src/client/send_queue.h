#pragma once
// What a connection still has to send: bytes, then perhaps a piece of a file. Empty nearly always:
// answers are written straight from the exchange, and only what the socket did not take comes here.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "os/fd.h"

namespace mew::client {

class SendQueue {
public:
    enum class Progress : std::uint8_t { done, blocked, broken };

    bool empty() const { return at_ == bytes_.size() && file_left_ == 0; }
    // Bytes held in memory.
    std::size_t size() const { return bytes_.size() - at_; }

    // Sends `bytes` at once as far as the socket takes them, keeps the rest.
    Progress send(int socket, std::string_view bytes);
    // The same for two pieces in one call.
    Progress send(int socket, std::string_view first, std::string_view second);
    // Behind what is queued; nothing may be sent behind a file before it is done. Duplicates `fd`.
    base::Result<void> add_file(int fd, std::uint64_t offset, std::uint64_t size);
    bool has_file() const { return file_left_ > 0; }
    // Goes on with what is queued.
    Progress resume(int socket);
    // Bytes sent so far, of every kind.
    std::uint64_t sent() const { return sent_; }
    void clear();

private:
    Progress send_bytes(int socket);
    Progress send_file(int socket);

    std::string bytes_;
    std::size_t at_ = 0;
    os::Fd file_;
    std::uint64_t file_offset_ = 0;
    std::uint64_t file_left_ = 0;
    std::uint64_t sent_ = 0;
};

}  // namespace mew::client

#include "front/wire.h"

#include <sys/socket.h>

#include <cerrno>

#include "client/input.h"

namespace mew::front {

namespace {
constexpr std::size_t kSmallSend = 16384;  // a record of TLS
}

Wire::Got Wire::receive(std::string_view& bytes) {
    char* const buffer = context_.receive_buffer.data();
    const ssize_t size = client::receive(socket_.get(), buffer, kReceiveBuffer);
    if (size < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? Got::nothing : Got::broken;
    if (size == 0) return Got::end;
    stats::add(context_.slot.rx_bytes, static_cast<std::uint64_t>(size));
    return take({buffer, static_cast<std::size_t>(size)}, bytes);
}

Wire::Got Wire::take(std::string_view received, std::string_view& bytes) {
    bytes = received;
    if (!tls_) return Got::bytes;
    context_.plain.clear();
    context_.cipher.clear();
    const tls::State state = tls_->receive(received, context_.plain, context_.cipher);
    if (!context_.cipher.empty() && put(context_.cipher, {}) == Progress::broken)
        return Got::broken;
    bytes = context_.plain;
    if (!bytes.empty()) return Got::bytes;
    if (state == tls::State::failed) return Got::broken;
    return state == tls::State::closed ? Got::end : Got::nothing;
}

Wire::Progress Wire::put(std::string_view first, std::string_view second) {
    const std::uint64_t before = sent();
    const Progress progress = outbox_.send(socket_.get(), first, second);
    stats::add(context_.slot.tx_bytes, sent() - before);
    return progress;
}

Wire::Progress Wire::send(std::string_view first, std::string_view second) {
    if (!tls_) return put(first, second);
    context_.cipher.clear();
    // A head and the start of its body share a record.
    if (!second.empty() && first.size() + second.size() <= kSmallSend) {
        context_.record.assign(first).append(second);
        tls_->send(context_.record, context_.cipher);
    } else {
        if (!first.empty()) tls_->send(first, context_.cipher);
        if (!second.empty()) tls_->send(second, context_.cipher);
    }
    return put(context_.cipher, {});
}

Wire::Progress Wire::resume(const std::function<void()>& ready) {
    const std::uint64_t before = sent();
    const Progress progress = outbox_.resume(socket_.get(), ready);
    stats::add(context_.slot.tx_bytes, sent() - before);
    return progress;
}

void Wire::end_output() {
    if (tls_ && tls_->state() != tls::State::failed) {
        context_.cipher.clear();
        tls_->shutdown(context_.cipher);
        if (!context_.cipher.empty()) (void)put(context_.cipher, {});
    }
    ::shutdown(socket_.get(), SHUT_WR);
}

}  // namespace mew::front

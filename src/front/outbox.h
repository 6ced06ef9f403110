#pragma once
// What a connection still has to send: in memory, then in a file, in order. Empty nearly always:
// answers are written straight to the socket, and only what it did not take comes here.

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "front/context.h"

namespace mew::front {

class Outbox {
public:
    // Bytes of one answer that a turn of the loop sends, however fast its client reads.
    static constexpr std::uint64_t kMostSent = 1U << 20;

    explicit Outbox(Context& context) : context_(context) {}

    enum class Progress : std::uint8_t { done, blocked, broken };
    // Sends these at once, as far as the socket takes them; keeps the rest.
    Progress send(int socket, std::string_view first, std::string_view second = {});
    // Goes on with what is kept. `ready` is called where that has to be read from a disk first.
    Progress resume(int socket, const std::function<void()>& ready);
    bool empty() const { return !rest_ || rest_->empty(); }
    // May an answer go on that way? One whose end nobody knows (`stream`) gets no file.
    bool has_room(bool stream) const;
    // Waits for a disk, not for the client.
    bool loading() const { return loading_; }
    std::uint64_t sent() const { return sent_; }

private:
    bool keep(std::string_view bytes);

    Context& context_;
    std::unique_ptr<Spill> rest_;
    std::uint64_t sent_ = 0;
    bool loading_ = false;
};

}  // namespace mew::front

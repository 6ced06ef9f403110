#pragma once
// One listening socket in one front's loop. Each wake-up takes what there is, up to a bound, since
// a connection costs little until it asks for something.

#include <cstdint>

#include "client/accepting.h"
#include "front/context.h"

namespace mew::front {

class Acceptor final : public client::Accepting {
public:
    Acceptor(Context& context, std::uint32_t listener, int fd)
        : Accepting(context.loop, context.deadlines, fd), context_(context), listener_(listener) {}

    void on_event(std::uint32_t events) override;

private:
    bool accept_one();

    Context& context_;
    std::uint32_t listener_;
};

}  // namespace mew::front

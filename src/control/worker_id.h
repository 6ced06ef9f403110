#pragma once
// One incarnation of a worker, as master and fronts name it to each other: in `slot`, `generation`
// and `value` of the kinds channel, ended and broken.

#include <compare>
#include <cstdint>

#include "control/message.h"

namespace mew::control {

struct WorkerId {
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;
    std::uint64_t incarnation = 0;

    auto operator<=>(const WorkerId&) const = default;
};

inline Message message_about(Kind kind, const WorkerId& worker) {
    Message message;
    message.kind = kind;
    message.slot = worker.slot;
    message.generation = worker.generation;
    message.value = worker.incarnation;
    return message;
}

inline WorkerId worker_of(const Message& message) {
    return {message.slot, message.generation, message.value};
}

}  // namespace mew::control

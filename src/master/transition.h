#pragma once
// The one way in which a state machine of the master takes a step: checked against the machine's
// table and logged at debug level. A step that the table lacks is refused and logged as an error:
// the master goes on supervising, whatever a child may have said out of order.

#include <cstddef>
#include <string_view>

#include "log/log.h"

namespace mew::master {

template <class Phase>
struct Step {
    Phase from;
    Phase to;
};

// `name_of(Phase)` is found by argument-dependent lookup.
template <class Phase, std::size_t N>
bool take_step(Phase& phase, Phase next, const Step<Phase> (&allowed)[N], std::string_view who) {
    for (const Step<Phase>& step : allowed) {
        if (step.from != phase || step.to != next) continue;
        log::debug("transition", "{}: {} > {}", who, name_of(phase), name_of(next));
        phase = next;
        return true;
    }
    log::error("bad-transition", "{}: refused a step from {} to {}", who, name_of(phase),
               name_of(next));
    return false;
}

}  // namespace mew::master

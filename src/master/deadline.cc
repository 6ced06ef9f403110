#include "master/deadline.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace mew::master {

void Deadline::start(base::Milliseconds delay, std::string missed, bool of_start) {
    stop();
    said_ = {true, loop_.now() + delay, std::move(missed), of_start};
    timer_ = loop_.start_timer(delay, [this] {
        timer_ = 0;
        on_missed_(std::exchange(said_, {}));
    });
}

void Deadline::stop() {
    if (timer_ != 0) loop_.cancel_timer(timer_);
    timer_ = 0;
    said_ = {};
}

void Deadline::take_over(const state::Deadline& from) {
    if (!from.running) return;
    const auto left = std::chrono::duration_cast<base::Milliseconds>(from.due - loop_.now());
    start(std::max(left, base::Milliseconds{0}), from.missed, from.of_start);
}

}  // namespace mew::master

#include "worker/accept_token.h"

#include <unistd.h>

#include "log/log.h"

namespace mew::worker {

void AcceptToken::start() {
    if (waiting_ || held_) return;
    auto added = context_.loop.add(bell_, EPOLLIN | EPOLLEXCLUSIVE, *this);
    waiting_ = added.has_value();
    if (!added) log::error("thunder-lock-failed", "{}", added.error().text);
}

void AcceptToken::stop() {
    if (waiting_) {
        context_.loop.remove(bell_, *this);
        waiting_ = false;
        ring();  // it may have been rung for us
    }
    release();
}

void AcceptToken::ring() const {
    const std::uint64_t one = 1;
    (void)!::write(bell_, &one, sizeof one);
}

void AcceptToken::release() {
    if (!held_) return;
    held_ = false;
    let_go_();
    gate_.release_token(context_.pid);
    ring();
}

void AcceptToken::pass_on() {
    release();
    start();
}

void AcceptToken::on_event(std::uint32_t) {
    std::uint64_t count = 0;
    if (::read(bell_, &count, sizeof count) < 0) return;  // another one was faster
    if (!gate_.take_token(context_.pid)) return;          // who has it will ring
    held_ = true;
    context_.loop.remove(bell_, *this);
    waiting_ = false;
    take_();
}

}  // namespace mew::worker

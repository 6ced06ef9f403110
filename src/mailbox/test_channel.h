#pragma once
// Both ends of a channel in one process, and a request to send through it.

#include <sys/socket.h>

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "mailbox/posting_side.h"
#include "mailbox/taking_side.h"

namespace mew::mailbox::testing {

inline constexpr std::uint32_t kHeadRoom = 8192;

struct Ends {
    Ends() {
        auto memory = make_channel(kHeadRoom);
        int pair[2] = {-1, -1};
        if (!memory || ::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return;
        auto front = Channel::attach(memory->get());
        auto worker = Channel::attach(memory->get());
        auto spy = Channel::attach(memory->get());
        if (!front || !worker || !spy) return;
        posting = std::make_unique<PostingSide>(*std::move(front), os::Fd(pair[0]));
        taking = std::make_unique<TakingSide>(*std::move(worker), os::Fd(pair[1]));
        hostile = *std::move(spy);
    }
    std::unique_ptr<PostingSide> posting;
    std::unique_ptr<TakingSide> taking;
    Channel hostile;  // to write where nobody should
};

// A head whose text lies in `text`.
class Head {
public:
    explicit Head(const std::string& path) : text_("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n") {
        head.set_block(text_.data(), text_.size());
        head.method_slice = {0, 3};
        head.target_slice = head.path_slice = {4, static_cast<std::uint32_t>(path.size())};
        const auto field = static_cast<std::uint32_t>(text_.find("Host"));
        head.fields().push_back({{field, 4}, {field + 6, 1}, http::FieldName::unknown, true});
    }
    http::RequestHead head;

private:
    std::string text_;
};

inline Request request_of(const Head& head) {
    return Request{head.head, "192.0.2.1", "1234", 7, 0, BodyWay::none, {}, {}, false, -1};
}

}  // namespace mew::mailbox::testing

#pragma once
// A client of HTTP/2 at a front, for tests.

#include <memory>
#include <string>

#include "front/test_front.h"
#include "http2/testing/client.h"

namespace mew::front::testing {

class Http2Test : public FrontTest {
protected:
    void SetUp() override {
        settings.http2_cleartext = true;
        FrontTest::SetUp();
        browser = client();
    }
    // Carries bytes both ways, and turns the loop.
    void exchange() {
        unsent += peer.take();
        const ssize_t size =
            ::send(browser.get(), unsent.data(), unsent.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (size > 0) unsent.erase(0, static_cast<std::size_t>(size));
        turn();
        const std::string back = received(browser);
        if (back.empty()) return;
        EXPECT_TRUE(peer.give(back));
    }
    void until_there(const std::function<bool()>& done) {
        until([&] {
            exchange();
            return done();
        });
    }
    http2::testing::Answer& wait_for(std::int32_t stream) {
        until_there([&] { return peer.answer(stream).closed; });
        return peer.answer(stream);
    }
    std::unique_ptr<mailbox::Taken> next(FakeWorker& from, std::string* path = nullptr) {
        std::unique_ptr<mailbox::Taken> found;
        until_there([&] {
            auto taken = from.side->take();
            if (taken) found = std::make_unique<mailbox::Taken>(*std::move(taken));
            return found != nullptr;
        });
        http::RequestHead head;
        EXPECT_TRUE(found && found->read_head(head));
        if (path != nullptr) *path = head.path();
        return found;
    }
    std::int32_t post(const std::string& body) {
        return peer.request(
            {{":method", "POST"}, {":scheme", "http"}, {":authority", "x"}, {":path", "/"}}, body);
    }

    os::Fd browser;
    std::string unsent;
    http2::testing::Client peer;
};

}  // namespace mew::front::testing

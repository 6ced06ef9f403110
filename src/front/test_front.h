#pragma once
// What the tests of a front share: front/testing/stage.h with deadlines and expectations.

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "front/testing/stage.h"

namespace mew::front::testing {

inline constexpr int kDeadlineMs = 20000;

inline void answer(mailbox::Taken& taken, const std::string& body) {
    EXPECT_TRUE(give_answer(taken, body));
}

// The time, and as much more as a test lets pass.
class TestClock final : public base::Clock {
public:
    base::MonotonicTime now() override { return std::chrono::steady_clock::now() + ahead_; }
    void advance(base::Milliseconds by) { ahead_ += by; }

private:
    base::Milliseconds ahead_{0};
};

// In front of the stage, which is made with it.
struct Clocked {
    TestClock clock;
};

class FrontTest : public ::testing::Test, protected Clocked, protected Stage {
protected:
    FrontTest() : Stage(clock) {}
    void SetUp() override { ASSERT_TRUE(open()); }
    void TearDown() override { close(); }

    FakeWorker worker(std::uint32_t number, std::uint32_t generation = 1) {
        FakeWorker made = attach_worker({number, generation, 1});
        EXPECT_TRUE(made.side);
        return made;
    }

    os::Fd client() {
        os::Fd made = connect();
        EXPECT_TRUE(made);
        return made;
    }

    // Turns of the loop until `done`.
    void until(const std::function<bool()>& done) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(kDeadlineMs);
        while (!done()) {
            ASSERT_LT(std::chrono::steady_clock::now(), end) << "nothing came of it";
            turn(1);
        }
    }
    static void send(const os::Fd& to, const std::string& bytes) {
        ASSERT_EQ(::send(to.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(bytes.size()));
    }
    // What comes until it holds `text`.
    std::string read_until(const os::Fd& from, const std::string& text) {
        std::string all;
        until([&] {
            all += received(from);
            return all.find(text) != std::string::npos;
        });
        return all;
    }
    std::unique_ptr<mailbox::Taken> take(FakeWorker& from, std::string* path = nullptr) {
        std::unique_ptr<mailbox::Taken> found;
        until([&] {
            auto taken = from.side->take();
            if (taken) found = std::make_unique<mailbox::Taken>(*std::move(taken));
            return found != nullptr;
        });
        if (found == nullptr) return found;
        http::RequestHead head;
        EXPECT_TRUE(found->read_head(head));
        if (path != nullptr) *path = head.path();
        return found;
    }
};

}  // namespace mew::front::testing

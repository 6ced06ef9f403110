// The prober is a thread: run under the thread sanitizer too.
#include "worker/pulse.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace mew::worker {
namespace {

using namespace std::chrono_literals;

constexpr auto kDeadline = 20s;

std::uint64_t get(const stats::Counter& counter) { return counter.load(); }

// Their numbers; one that ended is not given again so soon.
std::set<std::string> threads() {
    std::set<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task"))
        found.insert(entry.path().filename());
    return found;
}

// The lock stands for the GIL. Lives as long as the process, as the thread may.
struct Language {
    std::mutex lock;
    std::atomic<int> probes{0};
    static void probe(void* self) {
        auto& own = *static_cast<Language*>(self);
        const std::lock_guard held(own.lock);
        ++own.probes;
    }
};

class PulseTest : public ::testing::Test {
protected:
    // What the thread may touch is kept to the end of the process.
    template <class T>
    static T& keep() {
        static auto& all = *new std::vector<std::unique_ptr<T>>;
        return *all.emplace_back(std::make_unique<T>());
    }
    PulseTest() : slot(keep<stats::Slot>()), language(keep<Language>()) {}

    template <class Done>
    static bool wait(Done done) {
        const auto end = std::chrono::steady_clock::now() + kDeadline;
        while (!done()) {
            if (std::chrono::steady_clock::now() > end) return false;
            std::this_thread::sleep_for(1ms);
        }
        return true;
    }
    // Beats, as the owner of the loop would, until `done`.
    template <class Done>
    static bool beat_until(Pulse& pulse, Done done) {
        return wait([&] {
            pulse.beat(Pulse::kLong);
            return done();
        });
    }

    stats::Slot& slot;
    Language& language;
};

TEST_F(PulseTest, ShortCallsLeaveNoSign) {
    Pulse pulse(slot);
    pulse.set_probe(Language::probe, &language);
    pulse.beat(0ms);
    pulse.beat(Pulse::kLong - 1ms);
    EXPECT_EQ(get(slot.native_beat_us), 0U);
    EXPECT_EQ(language.probes, 0);
}

TEST_F(PulseTest, BothBeatWhileTheLanguageIsFree) {
    Pulse pulse(slot);
    pulse.set_probe(Language::probe, &language);
    EXPECT_TRUE(beat_until(pulse, [&] { return language.probes >= 3; }));
    EXPECT_TRUE(wait([&] { return get(slot.gil_wait_us) == 0; }));
    EXPECT_GT(get(slot.native_beat_us), 0U);
    EXPECT_GT(get(slot.python_beat_us), 0U);
}

TEST_F(PulseTest, OnlyTheNativeOneBeatsWhileTheLanguageIsHeld) {
    Pulse pulse(slot);
    pulse.set_probe(Language::probe, &language);
    const std::unique_lock held(language.lock);
    EXPECT_TRUE(beat_until(pulse, [&] { return get(slot.gil_wait_us) != 0; }));
    const std::uint64_t first = get(slot.native_beat_us);
    const std::uint64_t since = get(slot.gil_wait_us);
    EXPECT_TRUE(beat_until(pulse, [&] { return get(slot.native_beat_us) > first; }));
    EXPECT_EQ(get(slot.gil_wait_us), since) << "one wait, however often it is asked for";
    EXPECT_EQ(get(slot.python_beat_us), 0U);
}

TEST_F(PulseTest, TheEndOfTheWaitIsSeen) {
    Pulse pulse(slot);
    pulse.set_probe(Language::probe, &language);
    std::unique_lock held(language.lock);
    EXPECT_TRUE(beat_until(pulse, [&] { return get(slot.gil_wait_us) != 0; }));
    held.unlock();
    EXPECT_TRUE(wait([&] { return get(slot.gil_wait_us) == 0; }));
    EXPECT_GT(get(slot.python_beat_us), 0U);
}

TEST_F(PulseTest, EndsWhileItsThreadWaits) {
    const std::unique_lock held(language.lock);
    {
        Pulse pulse(slot);
        pulse.set_probe(Language::probe, &language);
        EXPECT_TRUE(beat_until(pulse, [&] { return get(slot.gil_wait_us) != 0; }));
    }
    SUCCEED() << "nobody waited for the thread";
}

TEST_F(PulseTest, IsAwayAfterAPauseAndComesBack) {
    // A thread that an earlier test left alone may end meanwhile.
    const std::set<std::string> before = threads();
    const auto has_thread = [&] {
        const std::set<std::string> now = threads();
        return !std::ranges::includes(before, now);
    };
    Pulse pulse(slot);
    pulse.set_probe(Language::probe, &language);
    pulse.pause();
    for (int round = 0; round < 3; ++round) {
        const int probes = language.probes;
        EXPECT_TRUE(beat_until(pulse, [&] { return language.probes > probes; }));
        EXPECT_TRUE(has_thread());
        pulse.pause();
        EXPECT_FALSE(has_thread());
        EXPECT_EQ(get(slot.gil_wait_us), 0U);
    }
}

TEST_F(PulseTest, WithoutAProbeOnlyTheNativeOneBeats) {
    Pulse pulse(slot);
    pulse.beat(Pulse::kLong);
    EXPECT_GT(get(slot.native_beat_us), 0U);
    EXPECT_EQ(get(slot.gil_wait_us), 0U);
}

TEST_F(PulseTest, SignsOfTheIncarnationBeforeAreGone) {
    slot.native_beat_us = 5;
    slot.gil_wait_us = 6;
    const Pulse pulse(slot);
    EXPECT_EQ(get(slot.native_beat_us), 0U);
    EXPECT_EQ(get(slot.gil_wait_us), 0U);
}

}  // namespace
}  // namespace mew::worker

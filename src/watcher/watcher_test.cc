// The role as a process: orders in, changes out. The decisions are tested in watched_test.cc.

#include "watcher/watcher.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "control/message.h"
#include "control/watch_list.h"
#include "os/memory_file.h"
#include "watcher/state.h"
#include "watcher/test_folder.h"

namespace mew::watcher {
namespace {

using control::Kind;
using control::Trigger;

constexpr int kDeadline = 20000;  // ms

class WatcherTest : public ::testing::Test {
protected:
    void SetUp() override {
        auto pair = control::make_pair();
        ASSERT_TRUE(pair);
        near_ = std::move(pair->near);
        pid_ = ::fork();
        ASSERT_GE(pid_, 0);
        if (pid_ == 0) {
            near_.reset();
            ::_exit(run(pair->far.get()));
        }
    }
    void TearDown() override {
        near_.reset();
        int status = -1;
        ASSERT_EQ(::waitpid(pid_, &status, 0), pid_);
        EXPECT_EQ(status, 0) << "it ends with its socket";
    }

    void order(Kind kind, const std::string& list, std::uint32_t generation = 0) {
        const auto memory = os::make_constant_memory("mewsgi-test", list);
        ASSERT_TRUE(memory);
        control::Message message;
        message.kind = kind;
        message.generation = generation;
        message.value = 1000;
        ASSERT_TRUE(control::send(near_.get(), message, {memory->get()}));
    }
    control::Message receive() {
        control::Message message;
        pollfd ready{near_.get(), POLLIN, 0};
        EXPECT_EQ(::poll(&ready, 1, kDeadline), 1) << "no message";
        const auto receipt = control::receive(near_.get(), message);
        EXPECT_TRUE(receipt && *receipt == control::Receipt::message);
        return message;
    }

    TestFolder folder;
    os::Fd near_;
    pid_t pid_ = 0;
};

TEST_F(WatcherTest, TellsWhatChangedAndForWhom) {
    const std::string path = folder.write("file");
    // Whose file is another one than it was loaded from: that comes without an event.
    order(Kind::watch,
          control::encode_paths({{Trigger::touch_chain_reload, path, std::nullopt},
                                 {Trigger::touch_reload, folder / "nothing", std::nullopt}}));
    order(Kind::files,
          control::encode_paths(
              {{Trigger::module_file, folder.write("app.py"), control::FileState{1, 2, 3}}}),
          1);
    const control::Message module = receive();
    EXPECT_EQ(module.kind, Kind::changed);
    EXPECT_EQ(module.value, static_cast<std::uint64_t>(Trigger::module_file));
    EXPECT_EQ(module.text, folder / "app.py");
    // It has read both lists by now.
    folder.touch("file");
    const control::Message touched = receive();
    EXPECT_EQ(touched.value, static_cast<std::uint64_t>(Trigger::touch_chain_reload));
    EXPECT_EQ(touched.text, path);
}

TEST_F(WatcherTest, GoesOnAfterAListThatIsNone) {
    order(Kind::files, "no list", 1);
    control::Message message;
    message.kind = Kind::files;
    message.generation = 1;
    ASSERT_TRUE(control::send(near_.get(), message));                 // no descriptor
    ASSERT_TRUE(control::send(near_.get(), message, {near_.get()}));  // no memory
    order(Kind::files,
          control::encode_paths(
              {{Trigger::module_file, folder.write("app.py"), control::FileState{1, 2, 3}}}),
          1);
    EXPECT_EQ(receive().text, folder / "app.py");
}

}  // namespace
}  // namespace mew::watcher

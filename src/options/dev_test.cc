#include "options/dev.h"

#include <gtest/gtest.h>

#include "options/test_files.h"

namespace mew::options {
namespace {

using test::load_ini;
using test::load_words;
using test::says;
using test::texts;

TEST(Dev, MeansAWorkerThatReloadsOnThisMachine) {
    const Loaded loaded = load_words({"--dev", "m:app"});
    EXPECT_EQ(texts(loaded.mistakes) + texts(loaded.warnings), "");
    const Options& options = loaded.options;
    ASSERT_EQ(options.listen_addresses.size(), 1U);
    EXPECT_EQ(options.listen_addresses[0].address, "127.0.0.1:8000");
    EXPECT_EQ(options.processes, 1);
    EXPECT_GT(options.threads, 1);
    EXPECT_GT(options.py_autoreload.count(), 0);
    EXPECT_FALSE(options.need_app);
    EXPECT_TRUE(may_choose_port(loaded));
}

TEST(Dev, WhatIsGivenCounts) {
    const Loaded loaded = load_words({"--dev", "--threads", "2", "--py-autoreload", "0",
                                      "--stop-mercy", "9", "--http", "localhost:0", "m:app"});
    EXPECT_EQ(texts(loaded.mistakes), "");
    EXPECT_EQ(loaded.options.threads, 2);
    EXPECT_EQ(loaded.options.py_autoreload.count(), 0);
    EXPECT_EQ(loaded.options.stop_mercy.count(), 9000);
    EXPECT_FALSE(may_choose_port(loaded));
}

TEST(Dev, OneWorkerWhateverTheFileSays) {
    const Loaded loaded = load_ini("module = m\ndev = true\nprocesses = 4\nreload-check = /\n");
    EXPECT_EQ(texts(loaded.mistakes), "");
    EXPECT_TRUE(says(loaded.warnings, "app.ini:4: processes = 4: mewsgi dev has one worker"));
    EXPECT_EQ(loaded.options.processes, 1);
    EXPECT_EQ(loaded.options.reload_check, "");
    EXPECT_TRUE(may_choose_port(loaded));
}

TEST(Dev, OthersCannotReachIt) {
    for (const char* address : {":8000", "0.0.0.0:1", "[::]:1", "10.0.0.1:8000", "cats.test:80"}) {
        const Loaded loaded = load_words({"--dev", "--http-socket", address, "m"});
        EXPECT_TRUE(says(loaded.mistakes, "this machine's own addresses only")) << address;
    }
    const Loaded shared =
        load_words({"--dev", "--shared-socket", ":1", "--http-socket", "=0", "m"});
    EXPECT_TRUE(says(shared.mistakes, "shared-socket = :1"));
    for (const char* address : {"localhost:1", "127.0.0.7:1", "[::1]:1", "/tmp/app.sock", "@app"}) {
        const Loaded loaded = load_words({"--dev", "--http-socket", address, "m"});
        EXPECT_EQ(texts(loaded.mistakes), "") << address;
    }
}

TEST(Dev, AnAppMustBeNamed) {
    EXPECT_TRUE(says(load_words({"--dev"}).mistakes, "no app is named"));
}

TEST(Dev, OnlyItsOwnAddressIsFreeToChange) {
    EXPECT_FALSE(may_choose_port(load_words({"m:app"})));
    EXPECT_FALSE(may_choose_port(load_words({"--dev", "--http", "127.0.0.1:8000", "m"})));
}

}  // namespace
}  // namespace mew::options

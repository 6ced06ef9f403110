#include <gtest/gtest.h>

#include "options/test_files.h"

namespace mew::options {
namespace {

using test::load_words;
using test::says;
using test::texts;

TEST(Environment, NamesAreOptions) {
    const Loaded loaded =
        load_words({"app"}, {"UWSGI_HTTP_SOCKET=:1", "UWSGI_MASTER=", "MEWSGI_WORKERS=4",
                             "UWSGI_WORKERS=2", "HTTP=:9"});
    EXPECT_EQ(texts(loaded.mistakes) + texts(loaded.warnings), "");
    ASSERT_EQ(loaded.options.listen_addresses.size(), 1U);
    EXPECT_EQ(loaded.options.listen_addresses[0].address, ":1");
    EXPECT_EQ(loaded.options.processes, 4);  // ours comes after uWSGI's
    EXPECT_EQ(loaded.given[0].origin, "environment UWSGI_HTTP_SOCKET");
}

TEST(Environment, TheCommandLineComesLater) {
    EXPECT_EQ(load_words({"app", "-p", "3"}, {"UWSGI_PROCESSES=2"}).options.processes, 3);
}

TEST(Environment, WhatOthersPutThereIsLeftAlone) {
    const Loaded loaded = load_words(
        {"app"}, {"UWSGI_SERVICE_HOST=10.0.0.1", "UWSGI_PORT=tcp://10.0.0.1:80",
                  "MEWSGI_PORT_8000_TCP_ADDR=x", "UWSGI_CACHE_SERVICE_PORT=1", "UWSGI_RELOADS=0",
                  "UWSGI_VASSAL_UID=1", "MEWSGI_PACKAGE_DIR=/x", "UWSGI_ORIGINAL_PROC_NAME=x",
                  "UWSGI_=1", "UWSGI_=", "=x", "", "UWSGI_HTTP"});
    EXPECT_EQ(texts(loaded.mistakes) + texts(loaded.warnings), "");
}

TEST(Environment, UnknownNamesOnlyWarn) {
    const Loaded loaded =
        load_words({"app"}, {"MEWSGI_PROCESES=4", "UWSGI_HARAKIRI=30", "UWSGI_X\xff=1"});
    EXPECT_EQ(texts(loaded.mistakes), "");
    EXPECT_TRUE(says(loaded.warnings, "did you mean processes?"));
    EXPECT_TRUE(says(loaded.warnings, "harakiri is an option of uWSGI"));
}

TEST(Environment, EmptyValuesAreNoValues) {
    const Loaded loaded = load_words({"app"}, {"UWSGI_HTTP=", "UWSGI_PROCESSES="});
    EXPECT_EQ(texts(loaded.mistakes), "");
    EXPECT_TRUE(says(loaded.warnings, "UWSGI_HTTP: is empty"));
}

TEST(Environment, WrongValuesAreMistakes) {
    EXPECT_TRUE(says(load_words({"app"}, {"UWSGI_PROCESSES=many"}).mistakes,
                     "environment UWSGI_PROCESSES: processes: \"many\""));
}

TEST(Environment, FilesMayBeNamedThere) {
    const test::TemporaryFolder folder;
    const std::string file = folder.write("a.ini", "[uwsgi]\nmodule = m\nhttp = :1\n");
    EXPECT_EQ(load_words({}, {"UWSGI_INI=" + file}).options.module, "m");
}

}  // namespace
}  // namespace mew::options

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "options/test_files.h"

namespace mew::options {
namespace {

using test::given_value;
using test::load_words;
using test::says;
using test::texts;
using test::Words;

TEST(CommandLine, TheTalksOwnCommand) {
    const Loaded loaded = load_words({"--master", "--http", ":8000", "--module", "catserve.wsgi"});
    EXPECT_EQ(texts(loaded.mistakes) + texts(loaded.warnings), "");
    EXPECT_EQ(loaded.options.module, "catserve.wsgi");
    ASSERT_EQ(loaded.options.listen_addresses.size(), 1U);
    EXPECT_EQ(loaded.options.listen_addresses[0].option, "http");
    EXPECT_EQ(loaded.options.listen_addresses[0].address, ":8000");
    ASSERT_EQ(loaded.given.size(), 3U);
    EXPECT_TRUE(loaded.given[0].bare);
    EXPECT_EQ(loaded.given[0].origin, "command line");
}

TEST(CommandLine, TheShortForm) {
    for (const char* app : {"catserve.wsgi", "pkg.mod:app", "pkg.mod:make_app()", "app"}) {
        const Loaded loaded = load_words({app});
        EXPECT_EQ(texts(loaded.mistakes), "") << app;
        EXPECT_EQ(loaded.options.module, app);
        ASSERT_EQ(loaded.options.listen_addresses.size(), 1U);
        EXPECT_EQ(loaded.options.listen_addresses[0].address, "127.0.0.1:8000");
        EXPECT_EQ(loaded.options.processes, 1);
    }
    const test::TemporaryFolder folder;
    const std::string file = folder.write("site.py", "");
    const Loaded loaded = load_words({file, "--http-socket", "/run/x.sock"});
    EXPECT_EQ(texts(loaded.mistakes), "");
    EXPECT_EQ(loaded.options.wsgi_file, file);
    ASSERT_EQ(loaded.options.listen_addresses.size(), 1U);
    EXPECT_EQ(loaded.options.listen_addresses[0].option, "http-socket");
}

TEST(CommandLine, APositionalConfigFile) {
    const test::TemporaryFolder folder;
    const std::string file =
        folder.write("app.ini", "[uwsgi]\nmodule=a\nhttp=:1\n[b]\nmodule=b\nhttp=:2\n");
    EXPECT_EQ(load_words({file}).options.module, "a");
    EXPECT_EQ(load_words({file + ":b"}).options.module, "b");
    EXPECT_TRUE(says(load_words({"app.yaml"}).mistakes, "only INI files"));
    EXPECT_TRUE(says(load_words({"some/thing"}).mistakes, "neither an app"));
}

TEST(CommandLine, ValuesAndClusters) {
    const Loaded loaded = load_words({"-ML", "-p4", "-w", "m:a", "--http=:1", "-H/", "--no-vacuum",
                                      "-C", "660", "--stop-mercy=1.5m", "-l", "64"});
    EXPECT_EQ(texts(loaded.mistakes), "");
    EXPECT_TRUE(loaded.options.disable_logging);
    EXPECT_EQ(loaded.options.processes, 4);
    EXPECT_EQ(loaded.options.module, "m:a");
    EXPECT_EQ(loaded.options.virtualenv, "/");
    EXPECT_FALSE(loaded.options.vacuum);
    EXPECT_EQ(loaded.options.chmod_socket, "660");
    EXPECT_EQ(loaded.options.stop_mercy.count(), 90000);
    EXPECT_EQ(loaded.options.listen, 64);
}

TEST(CommandLine, OptionalValues) {
    EXPECT_EQ(load_words({"-C", "app"}).options.chmod_socket, "666");
    EXPECT_EQ(load_words({"-C", "app"}).options.module, "app");
    EXPECT_EQ(load_words({"--chmod-socket=600", "app"}).options.chmod_socket, "600");
    EXPECT_EQ(load_words({"--http-keepalive", "5", "app"}).options.http_keepalive.count(), 5000);
    EXPECT_EQ(load_words({"--http-keepalive", "app"}).options.http_keepalive.count(), 75000);
    EXPECT_FALSE(load_words({"--vacuum", "false", "app"}).options.vacuum);
    EXPECT_FALSE(load_words({"--vacuum=off", "app"}).options.vacuum);
    EXPECT_TRUE(load_words({"--vacuum", "app"}).options.vacuum);
}

TEST(CommandLine, LastScalarWinsListsGather) {
    const Loaded loaded = load_words({"a", "-p", "2", "--http", ":1", "--http", ":2", "--workers",
                                      "3", "--env", "A=1", "--env", "B"});
    EXPECT_EQ(texts(loaded.mistakes), "");
    EXPECT_EQ(loaded.options.processes, 3);
    EXPECT_EQ(loaded.options.listen_addresses.size(), 2U);
    EXPECT_EQ(loaded.options.env.size(), 2U);
    EXPECT_EQ(given_value(loaded, "processes"), "2");
    EXPECT_THAT(loaded.given, ::testing::Contains(::testing::Field(&Given::written, "workers")));
}

TEST(CommandLine, AllMistakesAtOnce) {
    const Loaded loaded = load_words({"--htp", ":80", "-p", "0", "--module", "a/b", "--http",
                                      "8000", "--vaccum", "-?", "--threads"});
    EXPECT_EQ(loaded.mistakes.size(), 7U) << texts(loaded.mistakes);
    EXPECT_TRUE(says(loaded.mistakes, "did you mean --http?"));
    EXPECT_TRUE(says(loaded.mistakes, "did you mean --vacuum?"));
    EXPECT_TRUE(says(loaded.mistakes, "0 is outside 1 to 1024"));
    EXPECT_TRUE(says(loaded.mistakes, "a/b is a path"));
    EXPECT_TRUE(says(loaded.mistakes, "write :8000"));
    EXPECT_TRUE(says(loaded.mistakes, "--threads needs a value"));
    EXPECT_TRUE(says(loaded.mistakes, "-? is no option"));
}

TEST(CommandLine, AMissingValueSwallowsNoOption) {
    const Loaded loaded = load_words({"app", "--http", "--vacuum"});
    EXPECT_TRUE(says(loaded.mistakes, "--http needs a value, and --vacuum is an option"));
    EXPECT_EQ(load_words({"app", "--pyargv", "--verbose x"}).options.pyargv, "--verbose x");
    EXPECT_EQ(load_words({"app", "--pyargv=--http"}).options.pyargv, "--http");
}

TEST(CommandLine, UwsgisOtherOptionsAreKnownByName) {
    const Loaded loaded = load_words({"app", "--harakiri", "30", "--memory-report", "-t", "5"});
    EXPECT_EQ(texts(loaded.mistakes), "");
    EXPECT_TRUE(says(loaded.warnings, "harakiri is an option of uWSGI"));
    EXPECT_TRUE(says(loaded.warnings, "memory-report"));
    EXPECT_EQ(loaded.options.module, "app");
    EXPECT_TRUE(says(load_words({"app", "--raw-socket", "/run/x"}).mistakes, "http-socket"));
    EXPECT_TRUE(says(load_words({"app", "--https-socket", ":1,c,k"}).mistakes,
                     "use https = ADDRESS,CERTIFICATE,KEY"));
}

TEST(CommandLine, HelpAndVersion) {
    Request request;
    load({"--help"}, {}, request);
    EXPECT_EQ(request.kind, Request::Kind::help);
    EXPECT_EQ(request.topic, "");
    request = {};
    load({"--help", "limits"}, {}, request);
    EXPECT_EQ(request.topic, "limits");
    request = {};
    load({"--version", "--bogus"}, {}, request);
    EXPECT_EQ(request.kind, Request::Kind::version);
}

TEST(CommandLine, OddWords) {
    EXPECT_EQ(load_words({"--", "app"}).options.module, "app");
    EXPECT_TRUE(says(load_words({"--", "--http"}).mistakes, "does not name an app"));
    EXPECT_TRUE(says(load_words({"a", "b"}).mistakes, "an app was named before it"));
    EXPECT_EQ(texts(load_words({"a", "", "[title]"}).mistakes), "");
    EXPECT_TRUE(says(load_words({"--no-http", "a"}).mistakes, "is no option"));
    EXPECT_TRUE(says(load_words({"--no-vacuum=1", "a"}).mistakes, "takes no value"));
    EXPECT_TRUE(says(load_words({"--" + std::string(100'000, 'x')}).mistakes, "is no option"));
    EXPECT_TRUE(says(load_words({"--\xff\xfe="}).mistakes, "\\xff\\xfe"));
    EXPECT_TRUE(says(load_words({"--=x"}).mistakes, "is no option"));
    EXPECT_TRUE(says(load_words({}).mistakes, "no app is named"));
    EXPECT_TRUE(says(load_words({}).mistakes, "nothing to listen on"));
}

TEST(CommandLine, BlocksWorkHereToo) {
    const Loaded loaded =
        load_words({"--if-env", "X", "--processes", "2", "--else", "--processes", "3", "--endif",
                    "--for", "A B", "--env", "%(_)=1", "--endfor", "app"},
                   {"X=1"});
    EXPECT_EQ(texts(loaded.mistakes), "");
    EXPECT_EQ(loaded.options.processes, 2);
    EXPECT_EQ(loaded.options.env.size(), 2U);
}

}  // namespace
}  // namespace mew::options
